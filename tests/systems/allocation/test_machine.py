"""Random lives of claims on real PostgreSQL, beside a naive twin that keeps everything in dictionaries."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.conftest import UrlOf
from tests.doubles import ManualClock, SeededRandom
from tests.systems.allocation.shop import Shop

from serai.mechanisms.allocation.claims import (
    MOVES,
    NEEDS_ALL_UNITS,
    UNIT_AFTER,
    ClaimState,
    IllegalMove,
    Move,
    UnitState,
)
from serai.runtime.postgres.database import Database, open_database
from serai.systems.allocation.api import (
    Bucket,
    CapacityMove,
    Claim,
    ClaimExpired,
    ClaimLost,
    CounterAsk,
    CounterPlan,
    CounterRef,
    DrawAsk,
    NotEnough,
    TooManyPayments,
    UnitRef,
    UnitsTaken,
)
from serai.systems.allocation.model import HOLD_S_MAX, PAYMENTS_MAX

T = TypeVar("T")

SEATS = range(4)
NUMBERS = range(3)
COUNTERS = {100: CounterPlan(100, capacity=5, overbook=1, buckets=3), 101: CounterPlan(101, capacity=2)}
LIVE = (ClaimState.HELD, ClaimState.PAYING)
EXTEND_S = 700
SECONDS = {Move.PAY: (60,), Move.EXTEND: (EXTEND_S,)}


@dataclass
class TwinClaim:
    """A claim as anybody would write it down."""

    units: set[UnitRef]
    counts: dict[int, int]
    state: ClaimState = ClaimState.HELD
    late: bool = False
    payments: int = 0
    lost: bool = False
    """Another has taken one of its units."""
    record: Claim | None = None
    """As the service gave it last."""
    stale: list[Claim] = field(default_factory=list)


class Twin:
    """All claims in a list, looked through from the beginning each time."""

    def __init__(self) -> None:
        self.claims: list[TwinClaim] = []
        self.capacity = {key: plan.capacity for key, plan in COUNTERS.items()}
        self.blocked: set[UnitRef] = set()

    def owner(self, unit: UnitRef) -> TwinClaim | None:
        return next((claim for claim in self.claims if unit in claim.units), None)

    def state(self, unit: UnitRef) -> UnitState:
        if unit in self.blocked:
            return UnitState.BLOCKED
        claim = self.owner(unit)
        if claim is None or (claim.late and claim.state in LIVE):
            return UnitState.FREE
        return UNIT_AFTER[claim.state]

    def counted(self, key: int, kind: UnitState) -> int:
        return sum(claim.counts.get(key, 0) for claim in self.claims if UNIT_AFTER[claim.state] is kind)

    def room(self, key: int) -> int:
        taken = self.counted(key, UnitState.HELD) + self.counted(key, UnitState.SOLD)
        return self.capacity[key] + COUNTERS[key].overbook - taken

    def take_away(self, units: set[UnitRef]) -> None:
        for claim in self.claims:
            claim.lost |= bool(claim.units & units)
            claim.units -= units

    def end(self, claim: TwinClaim, state: ClaimState) -> None:
        claim.state = state
        claim.units = set()

    def expire(self, short: set[int] | None = None) -> int:
        """Late claims, all or those that have counts on a counter that is short."""
        due = [claim for claim in self.claims if claim.late and claim.state in LIVE]
        due = [claim for claim in due if short is None or short & claim.counts.keys()]
        for claim in due:
            self.end(claim, ClaimState.EXPIRED)
        return len(due)


class Machine(RuleBasedStateMachine):
    """Every rule asks the twin what must happen, does it, and compares; every step ends with the proof."""

    runner: asyncio.Runner
    database: Database
    jobs: Database
    owner_url: str

    def __init__(self) -> None:
        super().__init__()
        self.shop = Shop(self.database, self.jobs, self.owner_url, ManualClock(), SeededRandom(), uuid4())
        self.twin = Twin()
        self.seats = self.run(self.shop.pool(SEATS, list(COUNTERS.values())))
        self.numbers = self.run(self.shop.pool(NUMBERS))
        self.seen: dict[int, Any] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def refused(self, error: type[Exception], work: Coroutine[Any, Any, Any]) -> Any:
        with pytest.raises(error) as caught:
            self.run(work)
        assert caught.type is error, f"{caught.value!r} instead of {error}"
        return caught.value

    def pick(self, index: int) -> TwinClaim:
        return self.twin.claims[index % len(self.twin.claims)]

    @rule(
        seats=st.sets(st.sampled_from(SEATS), max_size=3),
        counts=st.dictionaries(st.sampled_from(sorted(COUNTERS)), st.integers(1, 4), max_size=2),
        draw=st.integers(0, 2),
    )
    def hold(self, seats: set[int], counts: dict[int, int], draw: int) -> None:
        if not (seats or counts or draw):
            return
        twin = self.twin
        units = {UnitRef(self.seats, key) for key in seats}
        free = {unit for unit in self.all_units(self.numbers) if twin.state(unit) is UnitState.FREE}
        ask = self.shop.ask(
            sorted(units, key=lambda unit: -unit.key),
            [CounterAsk(self.seats, key, count) for key, count in counts.items()],
            [DrawAsk(self.numbers, draw)] if draw else [],
        )
        taken = {unit for unit in units if twin.state(unit) is not UnitState.FREE}
        short = {key for key, count in counts.items() if twin.room(key) < count}
        if draw > len(free):
            assert self.refused(NotEnough, self.shop.open(ask)).left == len(free)
        elif taken:
            assert set(self.refused(UnitsTaken, self.shop.open(ask)).units) == taken
        elif short:
            twin.expire(short)
            if any(twin.room(key) < counts[key] for key in short):
                assert self.refused(NotEnough, self.shop.open(ask)).key in short
            else:
                self.held(self.run(self.shop.open(ask)), units, draw, counts)
        else:
            self.held(self.run(self.shop.open(ask)), units, draw, counts)

    def held(self, claim: Claim, units: set[UnitRef], draw: int, counts: dict[int, int]) -> None:
        drawn = set(claim.units) - units
        assert set(claim.units) >= units
        assert len(drawn) == draw
        assert all(self.twin.state(unit) is UnitState.FREE for unit in drawn)
        self.twin.take_away(set(claim.units))
        self.twin.claims.append(TwinClaim(set(claim.units), counts, record=claim))

    @precondition(lambda self: self.twin.claims)
    @rule(index=st.integers(0, 30), move=st.sampled_from(sorted(set(Move) - {Move.EXPIRE})), fresh=st.booleans())
    def move(self, index: int, move: Move, fresh: bool) -> None:
        twin = self.pick(index)
        assert twin.record is not None
        record = self.run(self.shop.read(twin.record)) if fresh or twin.record.state is not twin.state else twin.record
        work = self.shop.move(move, record, *SECONDS.get(move, ()))
        error = self.expected(twin, move, record)
        if error:
            self.refused(error, work)
            return
        moved = self.run(work)
        twin.stale.append(record)
        twin.record = moved
        twin.payments += move is Move.PAY
        twin.late &= move not in (Move.DECLINE, Move.DOUBT)
        to = MOVES[twin.state, move]
        assert moved.state is to
        if UNIT_AFTER[to] is UnitState.FREE:
            self.twin.end(twin, to)
        twin.state = to

    @staticmethod
    def expected(claim: TwinClaim, move: Move, record: Claim) -> type[Exception] | None:
        """What is wrong with the record is said before what only the database's clock knows."""
        if move is Move.PAY and claim.state is ClaimState.HELD and claim.payments >= PAYMENTS_MAX:
            return TooManyPayments
        if move is Move.EXTEND and claim.state is ClaimState.HELD and record.age_s + EXTEND_S > HOLD_S_MAX:
            return ClaimExpired  # it was declined late and is held once more, but nobody holds for ever
        known_over = claim.state is ClaimState.EXPIRED or (record.expired and claim.state in LIVE)
        if move in (Move.PAY, Move.EXTEND) and known_over:
            return ClaimExpired
        if (claim.state, move) not in MOVES:
            return IllegalMove
        if move in (Move.PAY, Move.EXTEND) and claim.late:
            return ClaimExpired
        return ClaimLost if claim.lost and move in NEEDS_ALL_UNITS else None

    @precondition(lambda self: any(claim.stale for claim in self.twin.claims))
    @rule(index=st.integers(0, 30), move=st.sampled_from(sorted(set(Move) - {Move.EXPIRE})))
    def move_as_it_was_read_before(self, index: int, move: Move) -> None:
        stale = [record for claim in self.twin.claims for record in claim.stale]
        record = stale[index % len(stale)]
        if (record.state, move) in MOVES:
            with pytest.raises((ClaimLost, ClaimExpired)):
                self.run(self.shop.move(move, record, *SECONDS.get(move, ())))

    @precondition(lambda self: any(claim.state in LIVE and not claim.late for claim in self.twin.claims))
    @rule(index=st.integers(0, 30))
    def time_passes(self, index: int) -> None:
        alive = [claim for claim in self.twin.claims if claim.state in LIVE and not claim.late]
        claim = alive[index % len(alive)]
        assert claim.record is not None
        self.run(self.shop.age(claim.record))
        claim.late = True
        # What everybody sees has changed by the clock alone; that rises no version.
        self.seen.clear()

    @precondition(lambda self: any(self.late_with_units()))
    @rule(index=st.integers(0, 30), chance=st.integers(0, 3))
    def another_takes_over(self, index: int, chance: int) -> None:
        late = self.late_with_units()
        units = sorted(late[index % len(late)].units, key=lambda unit: (unit.pool_no, unit.key))
        unit = units[chance % len(units)]
        self.held(self.run(self.shop.hold(unit)), {unit}, 0, {})

    @rule(
        seat=st.sampled_from(SEATS),
        taken_over=st.booleans(),
        answer=st.sampled_from([Move.CONFIRM, Move.DECLINE, Move.DOUBT, Move.RELEASE]),
    )
    def a_payment_is_answered_late(self, seat: int, taken_over: bool, answer: Move) -> None:
        unit = UnitRef(self.seats, seat)
        if self.twin.state(unit) is not UnitState.FREE:
            return
        self.held(self.run(self.shop.hold(unit)), {unit}, 0, {})
        paying = len(self.twin.claims) - 1
        self.move(paying, Move.PAY, False)
        record = self.twin.claims[paying].record
        assert record is not None
        self.run(self.shop.age(record))
        self.twin.claims[paying].late = True
        self.seen.clear()
        if taken_over:
            self.held(self.run(self.shop.hold(unit)), {unit}, 0, {})
        self.everything_is_as_the_twin_says()
        self.move(paying, answer, False)

    def late_with_units(self) -> list[TwinClaim]:
        return [claim for claim in self.twin.claims if claim.late and claim.state in LIVE and claim.units]

    @rule(deltas=st.dictionaries(st.sampled_from(sorted(COUNTERS)), st.integers(-4, 4), min_size=1))
    def goods_come_and_go(self, deltas: dict[int, int]) -> None:
        short = {key for key, delta in deltas.items() if delta < 0 and self.twin.room(key) + delta < 0}
        work = self.moving([CapacityMove(CounterRef(self.seats, key), delta) for key, delta in deltas.items()])
        if short:
            assert {ask.key for ask in self.refused(NotEnough, work).short} == short
            return
        moved = self.run(work)
        for key, delta in deltas.items():
            self.twin.capacity[key] += delta
            assert moved[CounterRef(self.seats, key)].room == self.twin.room(key)

    async def moving(self, moves: list[CapacityMove]) -> dict[CounterRef, Bucket]:
        async with self.shop.database.transaction(self.shop.tenant) as tx:
            return await self.shop.allocation.move_capacity(tx, moves, "lorry")

    @rule()
    def sweep(self) -> None:
        assert self.run(self.shop.sweep()) >= self.twin.expire()

    @rule(seats=st.sets(st.sampled_from(SEATS), min_size=1, max_size=2), blocked=st.booleans())
    def block(self, seats: set[int], blocked: bool) -> None:
        units = {UnitRef(self.seats, key) for key in seats}
        wanted = UnitState.FREE if blocked else UnitState.BLOCKED
        wrong = {unit for unit in units if self.twin.state(unit) is not wanted}
        work = self.blocking(sorted(units, key=lambda unit: unit.key), blocked)
        if wrong:
            assert set(self.refused(UnitsTaken, work).units) == wrong
            return
        self.run(work)
        if blocked:
            self.twin.take_away(units)
            self.twin.blocked |= units
        else:
            self.twin.blocked -= units

    async def blocking(self, units: list[UnitRef], blocked: bool) -> None:
        change = self.shop.allocation.block if blocked else self.shop.allocation.unblock
        async with self.shop.database.transaction(self.shop.tenant) as tx:
            await change(tx, units, "admin")

    def all_units(self, pool_no: int) -> list[UnitRef]:
        return [UnitRef(pool_no, key) for key in (SEATS if pool_no == self.seats else NUMBERS)]

    @invariant()
    def everything_is_as_the_twin_says(self) -> None:
        for pool_no in (self.seats, self.numbers):
            states = self.run(self.shop.states(pool_no))
            assert states == {unit.key: self.twin.state(unit) for unit in self.all_units(pool_no)}
            counters = self.run(self.shop.counters(pool_no))
            if pool_no == self.seats:
                assert counters == {
                    key: Bucket(
                        self.twin.capacity[key],
                        plan.overbook,
                        self.twin.counted(key, UnitState.HELD),
                        self.twin.counted(key, UnitState.SOLD),
                    )
                    for key, plan in COUNTERS.items()
                }
            self.versions(pool_no, (states, counters))

    def versions(self, pool_no: int, picture: object) -> None:
        version = self.run(self.shop.version(pool_no))
        before, was = self.seen.get(pool_no, (None, version))
        assert version >= was
        if before is not None and before != picture:
            assert version > was, "a change that everybody can see did not raise the version"
        self.seen[pool_no] = (picture, version)

    @invariant()
    def everything_adds_up(self) -> None:
        self.run(self.shop.prove())


def test_random_lives_are_those_of_the_naive_twin(database_url: UrlOf) -> None:
    async def opened() -> tuple[Any, Any]:
        contexts = [
            open_database(database_url(role), SeededRandom(), pool_min=1, pool_max=2)  # type: ignore[arg-type]
            for role in ("serai_app", "serai_jobs")
        ]
        return contexts, [await context.__aenter__() for context in contexts]

    async def close(contexts: Any) -> None:
        for context in contexts:
            await context.__aexit__(None, None, None)

    with asyncio.Runner() as runner:
        contexts, (database, jobs) = runner.run(opened())
        try:
            Machine.runner, Machine.database, Machine.jobs = runner, database, jobs
            Machine.owner_url = database_url("serai_owner")
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=25,
                    stateful_step_count=30,
                    deadline=None,
                    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking on a database takes minutes
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(close(contexts))
