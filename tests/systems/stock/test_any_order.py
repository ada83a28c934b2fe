"""Random lives of a chain of shops on real PostgreSQL, beside a naive twin that keeps levels in dictionaries."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.conftest import UrlOf
from tests.doubles import SeededRandom
from tests.systems.stock.chain_store import ChainStore

from serai.runtime.postgres.database import Database, open_database
from serai.runtime.world import SystemClock
from serai.systems.stock.errors import NotOnHand, ReservationOver
from serai.systems.stock.model import Place
from serai.systems.stock.posting import Kind
from serai.systems.stock.service.reservations import Reserved
from serai.systems.stock.service.transfers import Arrival, Shipped, Wanted

T = TypeVar("T")

SKUS = ("TEA", "MUG")
CODES = ("DEPOT", "NORTH", "WEB")
OWED = {"DEPOT": 0, "NORTH": 0, "WEB": 2}
quantities = st.integers(1, 6)
skus = st.sampled_from(SKUS)
codes = st.sampled_from(CODES)


@dataclass
class TwinReservation:
    """A promise as anybody would write it down."""

    reserved: Reserved
    code: str
    lines: Counter[str]
    state: str = "held"


@dataclass
class TwinTransfer:
    """A van."""

    shipped: Shipped
    target: str
    sku: str
    missing: int


class Machine(RuleBasedStateMachine):
    """Every rule asks the twin what must happen, does it, and compares; every step ends with the proof."""

    runner: asyncio.Runner
    database: Database
    jobs: Database
    owner_url: str

    def __init__(self) -> None:
        super().__init__()
        self.shops = ChainStore(self.database, self.jobs, self.owner_url, SystemClock(), SeededRandom(), uuid4())
        self.run(self.set_up())
        self.on_hand: Counter[tuple[str, str]] = Counter()
        self.reservations: list[TwinReservation] = []
        self.transfers: list[TwinTransfer] = []
        self.points = {("TEA", "NORTH"): 3}
        self.low = {("TEA", "NORTH"): True}
        self.raised = 1

    async def set_up(self) -> None:
        await self.shops.place("DEPOT", Place.WAREHOUSE)
        await self.shops.place("NORTH")
        await self.shops.place("WEB", backorders_max=OWED["WEB"])
        for sku in SKUS:
            await self.shops.product(sku)
        await self.shops.policy("TEA", "NORTH", 3)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def refused(self, work: Coroutine[Any, Any, Any], error: type[Exception] = NotOnHand) -> None:
        with pytest.raises(error):
            self.run(work)

    def reserved(self, code: str, sku: str) -> int:
        return sum(each.lines[sku] for each in self.reservations if (each.code, each.state) == (code, "held"))

    def free(self, code: str, sku: str) -> int:
        return self.on_hand[code, sku] - self.reserved(code, sku) + OWED[code]

    def changed(self, code: str, sku: str, delta: int) -> None:
        self.on_hand[code, sku] += delta
        if (sku, code) in self.points:
            low = self.on_hand[code, sku] <= self.points[sku, code]
            self.raised += low and not self.low[sku, code]
            self.low[sku, code] = low

    @rule(code=codes, sku=skus, quantity=quantities)
    def receive(self, code: str, sku: str, quantity: int) -> None:
        self.run(self.shops.receive(code, sku, quantity))
        self.changed(code, sku, quantity)

    @rule(code=codes, bought=st.dictionaries(skus, quantities, min_size=1), twice=st.booleans())
    def sell(self, code: str, bought: dict[str, int], twice: bool) -> None:
        """`twice`: every line stands in the order two times."""
        times = 1 + twice
        items = [self.shops.item(sku, quantity) for sku, quantity in bought.items()] * times
        work = self.shops.post(self.shops.draft(Kind.SELL, code, *items))
        if any(self.free(code, sku) < quantity * times for sku, quantity in bought.items()):
            self.refused(work)
            return
        self.run(work)
        for sku, quantity in bought.items():
            self.changed(code, sku, -quantity * times)

    @rule(source=codes, to=codes, sku=skus, quantity=quantities)
    def move(self, source: str, to: str, sku: str, quantity: int) -> None:
        if source == to:
            return
        if self.free(source, sku) < quantity:
            self.refused(self.shops.move(source, to, sku, quantity))
            return
        self.run(self.shops.move(source, to, sku, quantity))
        self.changed(source, sku, -quantity)
        self.changed(to, sku, quantity)

    @rule(code=codes, sku=skus, quantity=st.integers(-5, 5).filter(bool))
    def adjust(self, code: str, sku: str, quantity: int) -> None:
        if quantity < 0 and self.free(code, sku) < -quantity:
            self.refused(self.shops.adjust(code, sku, quantity))
            return
        self.run(self.shops.adjust(code, sku, quantity))
        self.changed(code, sku, quantity)

    @rule(code=codes, wanted=st.dictionaries(skus, quantities, min_size=1))
    def reserve(self, code: str, wanted: dict[str, int]) -> None:
        work = self.shops.reserve(code, *(self.shops.item(sku, quantity) for sku, quantity in wanted.items()))
        if any(self.free(code, sku) < quantity for sku, quantity in wanted.items()):
            self.refused(work)
            return
        self.reservations.append(TwinReservation(self.run(work), code, Counter(wanted)))

    @precondition(lambda self: self.reservations)
    @rule(index=st.integers(0, 30), what=st.sampled_from(["fulfil", "release", "expire"]))
    def end_reservation(self, index: int, what: str) -> None:
        twin = self.reservations[index % len(self.reservations)]
        if twin.state != "held":
            self.refused(self.shops.fulfil(twin.reserved), ReservationOver)
        elif what == "fulfil":
            self.run(self.shops.fulfil(twin.reserved))
            twin.state = "sold"
            for sku, quantity in twin.lines.items():
                self.changed(twin.code, sku, -quantity)
        elif what == "release":
            self.run(self.shops.release(twin.reserved))
            twin.state = "released"
        else:
            self.run(self.shops.age(twin.reserved))
            assert self.run(self.shops.sweep()) >= 1
            twin.state = "expired"

    @rule(to=st.sampled_from(["NORTH", "WEB"]), sku=skus, quantity=quantities)
    def dispatch(self, to: str, sku: str, quantity: int) -> None:
        shops = self.shops
        wanted = Wanted(shops.places["DEPOT"].location_id, shops.places[to].location_id, (shops.item(sku, quantity),))
        shipped = self.run(shops.run(lambda tx: shops.stock.transfers.draft(tx, wanted, "test")))
        found = shipped.transfer.transfer_id
        work = shops.run(lambda tx: shops.stock.transfers.dispatch(tx, found, "test"))
        if self.free("DEPOT", sku) < quantity:
            self.refused(work)
            return
        self.transfers.append(TwinTransfer(self.run(work), to, sku, quantity))
        self.changed("DEPOT", sku, -quantity)

    @precondition(lambda self: any(each.missing for each in self.transfers))
    @rule(index=st.integers(0, 30), part=quantities, lost=st.booleans())
    def arrive(self, index: int, part: int, lost: bool) -> None:
        under_way = [each for each in self.transfers if each.missing]
        twin = under_way[index % len(under_way)]
        found, transfers = twin.shipped.transfer.transfer_id, self.shops.stock.transfers
        if lost:
            self.run(self.shops.run(lambda tx: transfers.write_off(tx, found, "lost", "test")))
            twin.missing = 0
            return
        came = min(part, twin.missing)
        self.run(self.shops.run(lambda tx: transfers.receive(tx, found, [Arrival(0, str(came))], "test")))
        twin.missing -= came
        self.changed(twin.target, twin.sku, came)

    @rule()
    def chain(self) -> None:
        self.run(self.shops.chaining.chain())

    @invariant()
    def every_level_is_as_the_twin_says(self) -> None:
        for sku in SKUS:
            levels = self.run(self.shops.levels(sku))
            wanted = {code: (self.on_hand[code, sku], self.reserved(code, sku)) for code in CODES}
            on_its_way = sum(each.missing for each in self.transfers if each.sku == sku)
            wanted["@in_transit"] = (on_its_way, 0)
            assert levels == {code: numbers for code, numbers in wanted.items() if any(numbers)}

    @invariant()
    def alerts_are_raised_once_at_each_edge(self) -> None:
        states = self.run(self.shops.states("TEA"))
        assert len(states) == self.raised
        assert (states[0] == "raised") is self.low["TEA", "NORTH"]
        assert set(states[1:]) <= {"cleared"}

    @invariant()
    def everything_adds_up(self) -> None:
        self.run(self.shops.prove())


def test_levels_ledger_and_claims_agree_after_any_order(database_url: UrlOf) -> None:
    with asyncio.Runner() as runner:
        contexts = [
            open_database(database_url(role), SeededRandom(), pool_min=1, pool_max=3)  # type: ignore[arg-type]
            for role in ("serai_app", "serai_jobs")
        ]

        async def opened() -> list[Database]:
            return [await context.__aenter__() for context in contexts]

        Machine.runner = runner
        Machine.database, Machine.jobs = runner.run(opened())
        Machine.owner_url = database_url("serai_owner")
        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=12,
                    stateful_step_count=20,
                    deadline=None,
                    database=None,
                    phases=(Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            for context in contexts:
                runner.run(context.__aexit__(None, None, None))
