"""Lines that a provider keeps: a real one over HTTP, in a process of its own, that fails as its script says.

Whatever happens between us and it, and whoever dies: what we promise it has confirmed, what we do not want it has not
kept, and nothing is asked for twice.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from tests.conftest import UrlOf
from tests.systems.allocation.flights import AirlineProvider
from tests.systems.allocation.shop import Shop

from serai.kernel.ids import Capability
from serai.mechanisms.allocation.claims import ClaimState
from serai.mechanisms.allocation.external import Answer, LineState
from serai.systems.allocation import external
from serai.systems.allocation.api import (
    Ask,
    Claim,
    ClaimExpired,
    ClaimLost,
    ClaimPending,
    ExternalAsk,
    ExternalLine,
    Externals,
    Said,
    UnitRef,
)

ROOT = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@dataclass
class Airline:
    """The provider's process, its script and its books."""

    url: str
    session: aiohttp.ClientSession

    async def script(self, **faults: str) -> None:
        body = {call: [fault] for call, fault in faults.items()}
        async with self.session.put(f"{self.url}/script", json=body) as answer:
            assert answer.status == 200

    async def books(self) -> tuple[list[str], list[int]]:
        """The states of all holds there, and how often each thing was done."""
        async with self.session.get(f"{self.url}/books") as answer:
            books = await answer.json()
        return [hold["state"] for hold in books["holds"].values()], list(books["effects"].values())

    async def until_hanging(self) -> None:
        async with self.session.get(f"{self.url}/hanging") as answer:
            assert answer.status == 200


@pytest.fixture
async def airline() -> AsyncIterator[Airline]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.systems.allocation.airline"],
        cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        port = int(await asyncio.to_thread(process.stdout.readline))
        async with aiohttp.ClientSession() as session:
            yield Airline(f"http://127.0.0.1:{port}", session)
    finally:
        process.kill()
        process.communicate()


@dataclass
class Agency:
    """Sells flights of the airline together with the shop's own seats."""

    shop: Shop
    airline: Airline
    externals: Externals

    def ask(self, *flights: str, units: tuple[UnitRef, ...] = (), ttl_s: int = 600) -> Ask:
        lines = [ExternalAsk("airline", {"flight": flight}) for flight in flights]
        capability = Capability.new(self.shop.clock, self.shop.random)
        return Ask(capability, "hall", "somebody", units, ttl_s, {}, externals=lines)

    async def hold(self, *flights: str, units: tuple[UnitRef, ...] = ()) -> Claim:
        return await self.externals.send(await self.shop.open(self.ask(*flights, units=units)))

    async def paid(self, claim: Claim) -> Claim:
        """Authorised, and the providers asked to confirm."""
        paying = await self.shop.move("pay", claim, 60)
        return await self.externals.send(await self.shop.move("confirm_lines", paying))

    async def recover(self, older_s: float = 0) -> None:
        """Recovery as it would find the lines so much later."""
        await self.shop.tamper(
            "update allocation.external_lines set created_at = created_at - make_interval(secs => %s),"
            " next_try = next_try - interval '1 hour'",
            older_s,
        )
        await self.externals.recover(self.shop.jobs)

    async def lines(self) -> list[str]:
        rows = await self.shop.rows("select state::text from allocation.external_lines order by line_id")
        return [state for (state,) in rows]

    async def sound(self) -> None:
        await self.shop.prove()


@pytest.fixture
async def agency(shop: Shop, airline: Airline) -> Agency:
    externals = Externals(shop.database, shop.allocation)
    externals.serve("airline", AirlineProvider(airline.url, airline.session))
    return Agency(shop, airline, externals)


async def test_two_flights_and_a_seat_of_ours_are_one_claim_from_the_hold_to_the_return(agency: Agency) -> None:
    pool = await agency.shop.pool(range(3))
    claim = await agency.hold("SK1", "SK2", units=(UnitRef(pool, 1),))
    assert [line.state for line in claim.externals] == [LineState.HELD] * 2
    assert all(line.remote_ref and line.ends_at for line in claim.externals)
    claim = await agency.paid(claim)
    assert [line.state for line in claim.externals] == [LineState.CONFIRMED] * 2
    claim = await agency.shop.move("confirm", claim)
    assert claim.state is ClaimState.CONFIRMED
    assert await agency.airline.books() == (["confirmed"] * 2, [1] * 4)
    await agency.sound()
    await agency.externals.send(await agency.shop.move("cancel", claim))
    assert await agency.lines() == ["returned"] * 2
    assert await agency.airline.books() == (["returned"] * 2, [1] * 6)
    await agency.sound()


async def test_one_refusal_ends_the_claim_and_gives_the_rest_back(agency: Agency) -> None:
    await agency.hold("SK1")
    await agency.hold("SK1")
    pool = await agency.shop.pool(range(3))
    claim = await agency.hold("SK2", "SK1", units=(UnitRef(pool, 1),))
    assert claim.state is ClaimState.RELEASED
    assert sorted(line.state for line in claim.externals) == [LineState.REFUSED, LineState.RETURNED]
    assert {line.reason for line in claim.externals} == {None, "SK1 is full."}
    assert (await agency.shop.states(pool))[1].value == "free"
    await agency.sound()


async def test_nothing_is_paid_or_confirmed_before_the_providers_are_so_far(agency: Agency) -> None:
    claim = await agency.shop.open(agency.ask("SK1"))
    with pytest.raises(ClaimPending):
        await agency.shop.move("pay", claim, 60)
    held = await agency.externals.send(claim)
    paying = await agency.shop.move("pay", held, 60)
    with pytest.raises(ClaimPending):
        await agency.shop.move("confirm", paying)
    assert (await agency.shop.read(claim)).state is ClaimState.PAYING, "a refusal has changed nothing"
    await agency.sound()


async def test_a_claim_is_not_promised_for_longer_than_its_provider_holds(agency: Agency) -> None:
    claim = await agency.hold("SK1")
    with pytest.raises(ClaimExpired, match="does not hold its part"):
        await agency.shop.move("extend", claim, 45 * 60)
    await agency.shop.move("extend", claim, 20 * 60)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error"])
async def test_a_lost_answer_to_a_hold_is_asked_for_and_never_sent_again(agency: Agency, fault: str) -> None:
    await agency.airline.script(hold=fault)
    claim = await agency.hold("SK1")
    assert [line.state for line in claim.externals] == [LineState.ASKED]
    await agency.recover()
    arrived = fault == "drop_after"
    assert await agency.lines() == ["held" if arrived else "asked"], "a young one may still be on its way"
    await agency.recover(older_s=100)
    assert (await agency.shop.read(claim)).state is (ClaimState.HELD if arrived else ClaimState.RELEASED)
    assert await agency.airline.books() == ((["held"], [1]) if arrived else ([], []))
    await agency.sound()


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error"])
async def test_a_lost_answer_to_a_confirmation_puts_the_claim_in_doubt_until_it_is_known(
    agency: Agency, fault: str
) -> None:
    claim = await agency.hold("SK1")
    await agency.airline.script(confirm=fault)
    claim = await agency.paid(claim)
    assert claim.state is ClaimState.UNKNOWN
    await agency.shop.age(claim)
    assert await agency.shop.sweep() == 0, "what may be sold is not swept"
    await agency.recover(older_s=100)
    assert await agency.lines() == ["confirmed"]
    assert (await agency.shop.move("confirm", await agency.shop.read(claim))).state is ClaimState.CONFIRMED
    assert await agency.airline.books() == (["confirmed"], [1, 1])
    await agency.sound()


async def test_a_refused_confirmation_ends_the_claim_and_its_owner_hears_of_it(agency: Agency) -> None:
    heard: list[tuple[ClaimState, LineState]] = []

    async def told(_: Any, claim: Claim, line: ExternalLine) -> None:
        heard.append((claim.state, line.state))

    agency.externals.tell("hall", told)
    claim = await agency.hold("SK1", "SK2")
    await agency.airline.script(confirm="refuse")
    claim = await agency.paid(claim)
    assert claim.state is ClaimState.RELEASED
    assert sorted(await agency.lines()) == ["refused", "returned"]
    assert (ClaimState.RELEASED, LineState.REFUSED) in heard
    assert (ClaimState.RELEASED, LineState.RETURNED) in heard
    with pytest.raises(ClaimLost):
        await agency.shop.move("confirm_lines", claim)
    await agency.sound()


async def test_an_expired_claim_gives_its_flight_back_by_itself(agency: Agency) -> None:
    claim = await agency.hold("SK1")
    await agency.shop.age(claim)
    assert await agency.shop.sweep() == 1
    assert await agency.lines() == ["returning"]
    await agency.sound()
    await agency.recover()
    assert await agency.lines() == ["returned"]
    assert await agency.airline.books() == (["returned"], [1, 1])


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error"])
async def test_a_lost_answer_to_a_return_is_asked_for(agency: Agency, fault: str) -> None:
    claim = await agency.hold("SK1")
    await agency.airline.script(**{"return": fault})
    await agency.externals.send(await agency.shop.move("release", claim))
    assert await agency.lines() == ["returning"]
    await agency.recover()
    assert await agency.lines() == ["returned"]
    assert await agency.airline.books() == (["returned"], [1, 1])


async def test_a_release_while_the_hold_is_on_its_way_waits_for_it(agency: Agency) -> None:
    """The hold arrives after the provider has said that it never heard of it: believing that would keep it for ever."""
    claim = await agency.shop.open(agency.ask("SK1"))
    released = await agency.shop.move("release", claim)
    await agency.externals.send(released)
    assert await agency.lines() == ["returning"], "never heard of, and young: not believed"
    late = await AirlineProvider(agency.airline.url, agency.airline.session).hold(claim.externals[0])
    assert late.answer is Answer.HELD
    await agency.recover()
    assert await agency.lines() == ["returned"]
    assert (await agency.airline.books())[0] == ["returned"]


async def test_what_was_refused_there_and_given_up_here_is_not_kept_by_anybody(agency: Agency) -> None:
    """Control: the answer to our question was taken for a refusal to take back what had never been given."""
    for _ in range(2):
        await agency.hold("SK1")
    await agency.airline.script(hold="drop_after")
    claim = await agency.hold("SK1")
    await agency.shop.move("release", claim)
    await agency.recover(older_s=100)
    assert await agency.lines() == ["held", "held", "returned"]
    await agency.sound()


async def test_what_a_provider_may_be_confirming_is_not_swept(agency: Agency) -> None:
    """Control: the payment's deadline ended it, and a ticket that was paid for was bought and given back."""
    pool = await agency.shop.pool(range(3))
    paying = await agency.shop.move("pay", await agency.hold("SK1", units=(UnitRef(pool, 1),)), 60)
    confirming = await agency.shop.move("confirm_lines", paying)
    await agency.shop.age(confirming)
    assert await agency.shop.sweep() == 0
    claim = await agency.externals.send(await agency.shop.move("confirm_lines", confirming))
    assert (await agency.shop.move("confirm", claim)).state is ClaimState.CONFIRMED
    assert await agency.airline.books() == (["confirmed"], [1, 1])
    await agency.sound()


async def test_a_provider_confirms_nothing_once_our_own_part_is_gone(agency: Agency) -> None:
    pool = await agency.shop.pool(range(3))
    paying = await agency.shop.move("pay", await agency.hold("SK1", units=(UnitRef(pool, 1),)), 60)
    await agency.shop.age(paying)
    await agency.hold(units=(UnitRef(pool, 1),))
    with pytest.raises(ClaimLost):
        await agency.shop.move("confirm_lines", paying)
    assert (await agency.airline.books())[0] == ["held"]
    await agency.sound()


async def test_what_a_provider_will_not_take_back_is_kept_and_told(agency: Agency) -> None:
    claim = await agency.shop.move("confirm", await agency.paid(await agency.hold("SK1")))
    await agency.airline.script(**{"return": "refuse"})
    await agency.externals.send(await agency.shop.move("cancel", claim))
    rows = await agency.shop.rows("select state::text, reason, next_try from allocation.external_lines")
    assert rows == [("kept", "We do not do that today.", None)]
    await agency.sound()


async def test_a_silent_provider_is_left_alone_for_longer_and_longer(agency: Agency, airline: Airline) -> None:
    class Silent(AirlineProvider):
        async def ask(self, line: ExternalLine) -> Said:
            raise ConnectionRefusedError("nobody there")

    agency.externals = Externals(agency.shop.database, agency.shop.allocation)
    agency.externals.serve("airline", Silent(airline.url, airline.session))
    await airline.script(hold="error")
    await agency.hold("SK1")
    waits = []
    for _ in range(3):
        await agency.recover()
        ((wait_s,),) = await agency.shop.rows(
            "select round(extract(epoch from next_try - clock_timestamp()))::int from allocation.external_lines"
        )
        waits.append(wait_s)
    assert waits == [4, 8, 16]


async def test_two_processes_settle_one_line_once(agency: Agency) -> None:
    await agency.airline.script(hold="drop_after")
    await agency.hold("SK1")
    await agency.shop.tamper("update allocation.external_lines set next_try = now()")
    await asyncio.gather(*(agency.externals.recover(agency.shop.jobs) for _ in range(4)))
    assert await agency.lines() == ["held"]
    await agency.sound()


async def test_no_transaction_is_open_during_a_call(agency: Agency, airline: Airline) -> None:
    """The control: a provider that looks at the database while it is called would see it."""
    open_now: list[int] = []

    class Looking(AirlineProvider):
        async def hold(self, line: ExternalLine) -> Said:
            rows = await agency.shop.rows(
                "select count(*) from pg_stat_activity where usename = 'serai_app' and datname = current_database()"
                " and state <> 'idle'"
            )
            open_now.append(rows[0][0])
            return await super().hold(line)

    agency.externals = Externals(agency.shop.database, agency.shop.allocation)
    agency.externals.serve("airline", Looking(airline.url, airline.session))
    await agency.hold("SK1")
    assert open_now == [0]


async def test_a_hand_in_the_database_is_found_and_named(agency: Agency) -> None:
    await agency.hold("SK1")
    assert await agency.shop.findings() == []
    await agency.shop.tamper("update allocation.external_lines set state = 'confirmed'")
    assert any("external line" in finding and "confirmed" in finding for finding in await agency.shop.findings())
    await agency.shop.tamper("update allocation.external_lines set state = 'returned'")
    assert any("is not as its claim is" in finding for finding in await agency.shop.findings())


async def test_another_tenant_sees_no_line(agency: Agency, other_tenant: UUID) -> None:
    await agency.hold("SK1")
    async with agency.shop.database.transaction(other_tenant) as tx:
        assert await tx.fetch("select from allocation.external_lines") == []
        assert await tx.fetch("select from allocation.external_ledger") == []


@pytest.mark.parametrize("fault", ["hang_before", "hang_after"])
@pytest.mark.parametrize("call", ["hold", "confirm", "return"])
async def test_a_buyer_killed_during_a_call_leaves_nothing_that_recovery_does_not_settle(
    agency: Agency, database_url: UrlOf, tenant: UUID, call: str, fault: str
) -> None:
    await agency.airline.script(**{call: fault})
    buyer = subprocess.Popen(
        [sys.executable, "-m", "tests.systems.allocation.flights", database_url("serai_app"), agency.airline.url,
         str(tenant), call],
        cwd=ROOT, env=ENVIRONMENT,
    )  # fmt: skip
    await agency.airline.until_hanging()
    buyer.send_signal(signal.SIGKILL)
    assert await asyncio.to_thread(buyer.wait, 20) == -signal.SIGKILL
    await agency.recover(older_s=100)
    arrived = fault == "hang_after"
    expected = {"hold": "held" if arrived else "refused", "confirm": "confirmed", "return": "returned"}
    assert await agency.lines() == [expected[call]]
    there = {"hold": ["held"] if arrived else [], "confirm": ["confirmed"], "return": ["returned"]}
    states, effects = await agency.airline.books()
    assert (states, set(effects)) == (there[call], {1} if there[call] else set())
    await agency.sound()


def test_a_lease_outlives_a_call() -> None:
    assert external.LEASE_S >= 2 * external.CALL_S, "recovery would ask beside the process that calls"
