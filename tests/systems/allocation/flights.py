"""The adapter of the airline, as a system would write it; and a buyer of its own process, who can be killed.

    python -m tests.systems.allocation.flights APP_URL AIRLINE_URL TENANT CALL

The buyer holds a flight and goes on until the call of this kind, which hangs.
"""

import asyncio
import sys
from datetime import datetime
from typing import Any
from uuid import UUID

import aiohttp

from serai.kernel.ids import Capability
from serai.runtime.postgres.database import open_database
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.allocation.api import (
    Allocation,
    Ask,
    ExternalAsk,
    ExternalLine,
    Externals,
    ProviderAnswer,
    ProviderSilent,
    Said,
)

OWNER = "hall"
STATES = {
    "held": ProviderAnswer.HELD,
    "confirmed": ProviderAnswer.CONFIRMED,
    "returned": ProviderAnswer.RETURNED,
}


class AirlineProvider:
    """Speaks the airline's HTTP."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def hold(self, line: ExternalLine) -> Said:
        return await self._call("POST", "/holds", {"reference": line.reference, **line.thing})

    async def confirm(self, line: ExternalLine) -> Said:
        return await self._call("POST", f"/holds/{line.reference}/confirm")

    async def give_back(self, line: ExternalLine) -> Said:
        return await self._call("POST", f"/holds/{line.reference}/return")

    async def ask(self, line: ExternalLine) -> Said:
        return await self._call("GET", f"/holds/{line.reference}")

    async def _call(self, method: str, path: str, body: Any = None) -> Said:
        try:
            async with self._session.request(method, self._url + path, json=body) as answer:
                status, document = answer.status, await answer.json()
        except aiohttp.ClientError as error:
            raise ProviderSilent(f"The airline did not answer: {error!r}.") from error
        if status == 404:
            return Said(ProviderAnswer.NOT_FOUND)
        if status == 409:
            return Said(ProviderAnswer.REFUSED, reason=document["reason"])
        if status >= 300:
            raise ProviderSilent(f"The airline answered {status}.")
        ends_at = datetime.fromisoformat(document["ends_at"])
        return Said(STATES[document["state"]], document["locator"], ends_at)


async def main(app_url: str, airline_url: str, tenant: UUID, call: str) -> None:
    clock, random = SystemClock(), SystemRandom()
    allocation = Allocation(clock, random)
    async with open_database(app_url, random) as database, aiohttp.ClientSession() as session:
        externals = Externals(database, allocation)
        externals.serve("airline", AirlineProvider(airline_url, session))
        lines = [ExternalAsk("airline", {"flight": "SK1"})]
        ask = Ask(Capability.new(clock, random), OWNER, "buyer", (), 600, {}, externals=lines)
        async with database.transaction(tenant) as tx:
            claim = await allocation.open_claim(tx, ask)
        claim = await externals.send(claim)
        async with database.transaction(tenant) as tx:
            claim = await allocation.pay(tx, claim, 60)
        async with database.transaction(tenant) as tx:
            move = allocation.confirm_lines if call == "confirm" else allocation.release
            claim = await move(tx, claim)
        await externals.send(claim)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], UUID(sys.argv[3]), sys.argv[4]))
