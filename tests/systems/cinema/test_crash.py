"""kill -9 at every arrow of the saga, and of the gateway: whoever restarts brings every payment to its end.

The server that dies is a process of its own; the one that takes over knows nothing but the database. Nobody waits for
leases: their times are moved by SQL.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.systems.cinema.conftest import SECRET, OpenSite, Site, bound
from tests.systems.cinema.seams import impatient
from tests.systems.cinema.test_payment_trouble import at_the_bank, decide, expire, first_seats
from tests.systems.cinema.verdict import verdict

from serai.systems.payments.gateway.keys import embedded_key

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
READY_S = 60.0


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SERAI_")}
    return kept | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"} | more


@contextmanager
def doomed(site: Site, step: str, moment: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A second web process on the same database, which dies when it comes to this moment; (its address, itself)."""
    runtime = site.world.settings
    told = environment(
        SERAI_DATA=str(runtime.data),
        SERAI_POSTGRES_URL=runtime.postgres_url,
        SERAI_POSTGRES_JOBS_URL=runtime.postgres_jobs_url,
        SERAI_STRIPE_URL=site.gateway_url,
        SERAI_SMTP_URL=runtime.smtp_url,
    )
    with bound() as sock:
        sock.listen(16)  # so that a request waits until the process can take it
        command = [sys.executable, str(HERE / "doomed.py"), str(sock.fileno()), step, moment]
        process = subprocess.Popen(command, env=told, pass_fds=[sock.fileno()], cwd=ROOT)
        address = f"http://127.0.0.1:{sock.getsockname()[1]}"
        try:
            yield address, process
        finally:
            process.kill()
            process.wait()


async def dies(process: "subprocess.Popen[bytes]") -> None:
    """It was killed, by itself, and did not merely fail."""
    assert await asyncio.to_thread(process.wait, READY_S) == -signal.SIGKILL


async def sent_to(address: str, path: str, **request: object) -> None:
    """A request that gets no answer, because the server dies over it."""
    async with httpx.AsyncClient(base_url=address, timeout=READY_S) as client:
        with pytest.raises(httpx.TransportError):
            await client.post(path, **request)  # type: ignore[arg-type]


def free_leases(site: Site) -> None:
    site.sql("update runtime.idempotency set locked_until = '-infinity' where status is null")


ARROWS = [("authorise", "before"), ("authorise", "after"), ("capture", "before"), ("capture", "after")]


@pytest.mark.parametrize("resumed_first", [False, True], ids=["recovery first", "same request first"])
@pytest.mark.parametrize(("step", "moment"), ARROWS)
async def test_killed_while_paying(site: Site, step: str, moment: str, resumed_first: bool) -> None:
    show_id, seats = await first_seats(site, 3)
    hold = (await site.hold(show_id, seats)).json()["id"]
    body = {"hold_id": hold, "payment_method": "pm_card_visa", "email": "buyer@example.org", "name": "A Buyer"}
    with doomed(site, step, moment) as (address, process):
        await sent_to(address, "/api/cinema/v1/bookings", json=body, headers={"Idempotency-Key": "first"})
        await dies(process)
    in_flight = await site.book(hold)
    assert (in_flight.status_code, in_flight.json()["code"]) == (409, "request_in_flight")
    if not resumed_first:
        await site.recover()
    free_leases(site)
    first = await site.book(hold)
    await site.recover()
    answer = await site.book(hold)
    never_sent = (step, moment) == ("authorise", "before")
    assert first.status_code in ({402, 503} if never_sent else {201}), first.text
    assert answer.status_code == (402 if never_sent else 201), answer.text
    assert (await site.book(hold)).content == answer.content
    assert await site.money() == ((0, 0) if never_sent else (3600, 0))
    states = await site.seats(show_id)
    assert {states[seat] for seat in seats} == {"available" if never_sent else "booked"}
    mails = site.sql("select count(*) from jobs.procrastinate_jobs where task_name = 'cinema.mail_ticket'")
    assert mails == [(0 if never_sent else 1,)]
    await verdict(site)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_while_refunding(site: Site, moment: str) -> None:
    show_id, seats = await first_seats(site, 2, fee_percent=60)
    booking = (await site.buy(show_id, seats)).json()["id"]
    path = f"/api/cinema/v1/bookings/{booking}/cancel"
    with doomed(site, "refund", moment) as (address, process):
        await sent_to(address, path)
        await dies(process)
    assert (await site.client.post(path)).json()["state"] == "cancelled"
    await site.recover()
    again = (await site.client.post(path)).json()
    assert (again["refund"]["amount"], again["refunded"]) == (960, True)
    assert await site.money() == (2400, 960)
    assert set((await site.seats(show_id)).values()) == {"available"}
    await verdict(site)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_while_voiding(site: Site, moment: str) -> None:
    show_id, seats = await first_seats(site, 2)
    hold, asked = await at_the_bank(site, show_id, seats)
    expire(site)
    assert (await site.buy(show_id, seats[:1])).status_code == 201
    await decide(asked, "approve")
    with doomed(site, "void", moment) as (address, process):
        await sent_to(address, f"/api/cinema/v1/bookings/{asked['booking_id']}/continue")
        await dies(process)
    await site.recover()
    gone = await site.book(hold, method="pm_card_threeDSecure2Required")
    assert (gone.status_code, gone.json()["code"]) == (409, "seats_unavailable")
    assert await site.money() == (1200, 0)
    await verdict(site)


class GatewayProcess:
    """The gateway as a process that a test may kill and start again at the same address, over the same file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sock = bound()
        self._sock.listen(64)
        self.url = f"http://127.0.0.1:{self._sock.getsockname()[1]}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        script = str(HERE / "gateway_process.py")
        command = [sys.executable, script, str(self._directory), str(self._sock.fileno()), embedded_key(SECRET)]
        self._process = subprocess.Popen(command, env=environment(), pass_fds=[self._sock.fileno()], cwd=ROOT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        self.kill()
        self._sock.close()


@pytest.fixture
async def gateway_process(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    found = GatewayProcess(tmp_path / "gateway")
    found.start()
    async with httpx.AsyncClient(timeout=READY_S) as client:
        assert (await client.get(f"{found.url}/healthz")).status_code == 200
    yield found
    found.close()


async def test_the_gateway_is_killed_while_buyers_pay(open_site: OpenSite, gateway_process: GatewayProcess) -> None:
    site = await open_site(impatient(1.0), gateway_url=gateway_process.url)
    show_id, seats = await first_seats(site, 12)
    early = await site.buy(show_id, seats[:2])
    assert early.status_code == 201, early.text
    holds = [(await site.hold(show_id, [seat])).json()["id"] for seat in seats[2:]]
    paying = [asyncio.create_task(site.book(hold)) for hold in holds]
    await paying[0]
    gateway_process.kill()
    answers = await asyncio.gather(*paying)
    assert {answer.status_code for answer in answers} <= {201, 503}, [answer.text for answer in answers]
    lost = await site.client.post(f"/api/cinema/v1/bookings/{early.json()['id']}/cancel")
    assert (lost.status_code, lost.json()["refunded"]) == (200, False)
    await site.run_loops("payments.recover")  # while it is away nothing is decided
    gateway_process.start()
    async with httpx.AsyncClient(timeout=READY_S) as client:
        assert (await client.get(f"{gateway_process.url}/healthz")).status_code == 200
    await site.recover()
    again = await asyncio.gather(*(site.book(hold) for hold in holds))
    sold = sum(answer.status_code == 201 for answer in again)
    assert {answer.status_code for answer in again} <= {201, 402}, [answer.text for answer in again]
    for before, after in zip(answers, again, strict=True):
        assert before.status_code == 503 or before.content == after.content
    assert await site.money() == (2400 + 1200 * sold, 2400)
    await verdict(site)
