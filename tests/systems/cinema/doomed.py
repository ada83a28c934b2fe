"""The site as a process that kills itself at one moment of a payment: `doomed.py SOCKET_FD STEP MOMENT`.

The same parts as the product's web process; only the cashier is one that dies before or after a call. Settings come
from the environment, as in the product.
"""

import asyncio
import os
import signal
import socket
import sys

import uvicorn
from tests.systems.cinema.conftest import SECRET
from tests.systems.cinema.seams import cashier_of, with_cashier

from serai.app.assembly import built_systems, open_world
from serai.app.plan import open_configuration
from serai.app.site import make_site
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.payments.cashier import Cashier
from serai.systems.payments.model import Answer, Payment


class Doomed(Cashier):
    """Dies once, with SIGKILL: nothing is flushed, closed or rolled back."""

    step = ""
    moment = ""

    def _die(self, step: str, moment: str) -> None:
        if (step, moment) == (self.step, self.moment):
            os.kill(os.getpid(), signal.SIGKILL)

    async def authorise(self, payment: Payment, return_url: str) -> Answer:
        self._die("authorise", "before")
        answer = await super().authorise(payment, return_url)
        self._die("authorise", "after")
        return answer

    async def capture(self, payment: Payment) -> Answer:
        self._die("capture", "before")
        answer = await super().capture(payment)
        self._die("capture", "after")
        return answer

    async def void(self, payment: Payment) -> Answer:
        self._die("void", "before")
        answer = await super().void(payment)
        self._die("void", "after")
        return answer

    async def refund(self, payment: Payment) -> Answer:
        self._die("refund", "before")
        answer = await super().refund(payment)
        self._die("refund", "after")
        return answer


async def main(descriptor: int, step: str, moment: str) -> None:
    Doomed.step, Doomed.moment = step, moment
    systems = with_cashier(lambda world: cashier_of(world, Doomed))
    async with (
        open_world(open_configuration(), lambda _: SECRET, SystemClock(), SystemRandom()) as world,
        built_systems(world, systems) as built,
    ):
        config = uvicorn.Config(make_site(world, built), log_config=None, access_log=False, loop="none")
        await uvicorn.Server(config).serve(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
