"""The use cases of allocation, each inside the caller's transaction, so that its own rows commit with the claim's.

Whatever is refused has changed nothing. Meeting a locked unit ends the transaction, though, so `open_claim` is run by
`with_free_units`, which starts again, or says which units are taken.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from psycopg.errors import DeadlockDetected, LockNotAvailable

from serai.kernel.errors import SeraiError
from serai.kernel.ids import Capability, uuid7
from serai.kernel.ports import Clock, Random
from serai.mechanisms.allocation.claims import UNIT_AFTER, ClaimState, Move, UnitState, after
from serai.mechanisms.allocation.external import DROPS, LIVE, NEEDS, LineState
from serai.mechanisms.allocation.ledger import Bucket, Difference
from serai.mechanisms.allocation.spread import TooSmall, overbooked, spread
from serai.runtime.postgres.database import Database, DatabaseUnavailable, Transaction
from serai.systems.allocation.errors import (
    ClaimExpired,
    ClaimLost,
    ClaimPending,
    CounterTooSmall,
    NoSuchClaim,
    NoSuchCounters,
    NoSuchUnits,
    NotEnough,
    TooManyPayments,
    UnitsTaken,
)
from serai.systems.allocation.model import (
    HOLD_S_MAX,
    MOVES_MAX,
    NOWAIT_TRIES_MAX,
    PAYMENTS_MAX,
    POOL_UNITS_MAX,
    Ask,
    Breach,
    CapacityMove,
    Claim,
    CounterAsk,
    CounterPlan,
    CounterRef,
    ExternalLine,
    Filling,
    UnitRef,
)
from serai.systems.allocation.opening import Opener
from serai.systems.allocation.store import (
    capacity,
    drawing,
    expiring,
    external,
    filling,
    moving,
    opening,
    pools,
    proof,
)
from serai.systems.allocation.store.drawing import BLOCK_KEYS

T = TypeVar("T")

Told = Callable[[Filling], None]
"""Hears how far a pool is."""

FILL_BATCH = 48 * BLOCK_KEYS
"""Units made in one transaction: about a second's work, so an interruption costs no more."""

SWEEP_BATCH_MAX = 500
"""Claims expired in one transaction of the sweep."""

FINDINGS_MAX = 100
"""Differences or breaches that one audit reports; who reads more would restore a backup instead."""

_JITTER_MS = 8


class Allocation:
    """Claims on scarce things. One object a process; it holds no state."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._opener = Opener(random, self._event_id)

    async def create_pool(
        self,
        tx: Transaction,
        owner: str,
        keys: Sequence[int],
        actor: str = "",
        counters: Sequence[CounterPlan] = (),
    ) -> int:
        """A pool of free units and empty counters; returns its number within the tenant."""
        assert keys or counters, "a pool needs units or counters"
        assert len(set(keys)) == len(keys), "a unit is made twice"
        pool_no = await pools.create_pool(tx, owner, keys, actor)
        await self.add_counters(tx, pool_no, counters, actor)
        return pool_no

    async def plan_pool(self, tx: Transaction, owner: str, size: int) -> int:
        """A pool of `size` fungible units with the keys 0 to size - 1, still empty; returns its number. See `fill`."""
        assert 1 <= size <= POOL_UNITS_MAX, f"a pool of {size} units"
        return await filling.plan_pool(tx, owner, size)

    async def fill(self, tx: Transaction, pool_no: int, actor: str = "") -> Filling:
        """Makes the next batch of a planned pool's units; nothing more, once it is full. NoSuchUnits.

        Commit between batches: whoever is interrupted goes on with the next one.
        """
        reached = await filling.fill(tx, pool_no, FILL_BATCH, actor)
        if reached is None:
            raise NoSuchUnits([UnitRef(pool_no, 0)])
        return reached

    async def fill_pool(
        self, database: Database, tenant: UUID, pool_no: int, actor: str = "", told: Told | None = None
    ) -> None:
        """Fills a planned pool to its end, in transactions of its own; `told` hears of each batch."""
        while True:
            async with database.transaction(tenant) as tx:
                reached = await self.fill(tx, pool_no, actor)
            if told is not None:
                told(reached)
            if reached.full:
                return

    async def filling(self, tx: Transaction, pool_no: int) -> Filling:
        """How far a pool is. NoSuchUnits."""
        reached = await filling.filling_of(tx, pool_no)
        if reached is None:
            raise NoSuchUnits([UnitRef(pool_no, 0)])
        return reached

    async def add_counters(
        self, tx: Transaction, pool_no: int, counters: Sequence[CounterPlan], actor: str = ""
    ) -> None:
        """Further counters in a pool, with keys that it does not have yet."""
        assert len({plan.key for plan in counters}) == len(counters), "a counter is made twice"
        buckets = [bucket for plan in counters for bucket in _buckets(plan)]
        if buckets:
            await pools.create_buckets(tx, pool_no, buckets, actor)

    async def resize_counter(self, tx: Transaction, pool_no: int, plan: CounterPlan, actor: str = "") -> None:
        """Gives a counter the plan's capacity, overbooking and at least its buckets; free room is spread evenly.

        CounterTooSmall if more is held and sold; NoSuchCounters.
        """
        now = await pools.lock_buckets(tx, pool_no, plan.key)
        if not now:
            raise NoSuchCounters([CounterAsk(pool_no, plan.key, 1)])
        taken = [bucket.held + bucket.sold for bucket in now] + [0] * (plan.buckets - len(now))
        try:
            rooms = spread(plan.capacity + plan.overbook, taken)
        except TooSmall:
            raise CounterTooSmall(
                f"{sum(taken)} are held or sold, more than {plan.capacity} and {plan.overbook} beyond; choose more."
            ) from None
        beyond = overbooked(rooms, plan.overbook)
        capacities = [room - extra for room, extra in zip(rooms, beyond, strict=True)]
        fresh = [pools.NewBucket(plan.key, place, 0, 0) for place in range(len(now), len(taken))]
        if fresh:
            await pools.create_buckets(tx, pool_no, fresh, actor)
        await pools.resize_buckets(tx, pool_no, plan.key, capacities, beyond, actor)

    async def move_capacity(
        self, tx: Transaction, moves: Sequence[CapacityMove], actor: str = ""
    ) -> dict[CounterRef, Bucket]:
        """More of some counters and less of others, all or none; those that do not exist yet are made by it.

        Returns what each has become; the transaction has them locked. NotEnough names all that would be left with less
        than is held and sold of them; NoSuchCounters: their pool does not exist.
        """
        assert 1 <= len(moves) <= MOVES_MAX, f"{len(moves)} moves"
        assert len({move.counter for move in moves}) == len(moves), "a counter is moved twice"
        moved = await capacity.move_capacity(tx, moves, actor)
        if moved.done:
            return dict(moved.counters)
        if moved.counters:
            raise _too_little(moves, moved)
        # Under a savepoint, so that a refusal leaves no counter behind that nothing was ever received into.
        await tx.execute("savepoint moving")
        await capacity.create_missing(tx, moves, actor)
        moved = await capacity.move_capacity(tx, moves, actor)
        if moved.done:
            return dict(moved.counters)
        await tx.execute("rollback to savepoint moving")
        if moved.counters:
            raise _too_little(moves, moved)
        raise NoSuchCounters([CounterAsk(move.counter.pool_no, move.counter.key, 1) for move in moves])

    async def set_overbook(self, tx: Transaction, pool_no: int, overbook: int, actor: str = "") -> None:
        """What each counter of the pool may be sold beyond its capacity; CounterTooSmall if one is further already."""
        if not await capacity.set_overbook(tx, pool_no, overbook, actor):
            raise CounterTooSmall(f"Of something more than {overbook} beyond what is there are held or sold already.")

    async def open_claim(self, tx: Transaction, ask: Ask) -> Claim:
        """Holds all that is asked, or raises UnitsTaken, NotEnough, NoSuchUnits, NoSuchCounters or TooManyClaims.

        Providers hear of external lines after the commit: `Externals.send`.
        """
        opened = await self._opener.open(tx, ask)
        lines: tuple[ExternalLine, ...] = ()
        if ask.externals:
            line_ids = [self._event_id() for _ in ask.externals]
            lines = await external.insert_lines(tx, ask.capability.id, ask.externals, line_ids, ask.actor)
        return Claim(
            claim_id=ask.capability.id,
            key=ask.capability.key,
            owner=ask.owner,
            holder=ask.holder,
            state=ClaimState.HELD,
            version=1,
            expires_at=opened.taking.expires_at,
            payments=0,
            age_s=0.0,
            terms=dict(ask.terms),
            expired=False,
            units=opened.units,
            counters=tuple(ask.counters),
            externals=lines,
        )

    async def with_free_units(
        self, database: Database, tenant: UUID, units: Sequence[UnitRef], work: Callable[[Transaction], Awaitable[T]]
    ) -> T:
        """Runs `work`, which opens a claim on `units`, in a transaction of its own.

        A unit that somebody is changing right now ends the try at once: if it is taken the answer is UnitsTaken, else
        the work starts again, <= NOWAIT_TRIES_MAX times with jitter, so of overlapping claims on free units one wins.
        Counters do not heal by themselves: when one has no room, its expired claims are swept, and if that made room
        the work starts again. The sweep is a transaction of its own, since after the claim's statement it would lock
        rows out of their order. When the tries are used up: UnitsTaken with the units that are busy.
        """
        for attempt in range(NOWAIT_TRIES_MAX):
            try:
                return await self._with_room(database, tenant, work)
            except DeadlockDetected:
                pass
            except LockNotAvailable:
                async with database.transaction(tenant) as tx:
                    taken = await opening.units_taken(tx, units)
                if taken:
                    raise UnitsTaken(_sorted(taken)) from None
            pause_ms = 1 + self._random.below(_JITTER_MS << attempt)
            await asyncio.sleep(pause_ms / 1000)
        async with database.transaction(tenant) as tx:
            busy = await opening.units_unavailable(tx, units)
        if not units:
            raise DatabaseUnavailable("Too many buyers met here at the same moment; try again.", retry_after_s=1)
        raise UnitsTaken(_sorted(busy or units))

    async def claim(self, tx: Transaction, capability: Capability) -> Claim:
        """The claim that the capability opens; NoSuchClaim also when its secret is wrong."""
        found = await moving.claim_by_id(tx, capability.id)
        if found is None or not capability.opens(found.key):
            raise NoSuchClaim("There is no such hold.")
        return found

    async def claim_by_id(self, tx: Transaction, claim_id: UUID) -> Claim:
        """The claim, for a system that knows it as its own."""
        found = await moving.claim_by_id(tx, claim_id)
        if found is None:
            raise NoSuchClaim("There is no such hold.")
        return found

    async def extend(self, tx: Transaction, claim: Claim, ttl_s: int, actor: str = "") -> Claim:
        """The hold lives `ttl_s` from now on, within an hour of its beginning. ClaimExpired, ClaimLost."""
        if claim.state is ClaimState.HELD and claim.age_s + ttl_s > HOLD_S_MAX:
            raise ClaimExpired(f"A hold lives at most {HOLD_S_MAX // 60} minutes in all; make a new one.")
        return await self._timely(tx, claim, Move.EXTEND, ttl_s, actor)

    async def pay(self, tx: Transaction, claim: Claim, deadline_s: int, actor: str = "") -> Claim:
        """A payment begins: the units stay for at least `deadline_s`. ClaimExpired, ClaimLost, TooManyPayments."""
        if claim.state is ClaimState.HELD and claim.payments >= PAYMENTS_MAX:
            raise TooManyPayments(f"This hold has tried {claim.payments} payments; make a new one.")
        return await self._timely(tx, claim, Move.PAY, deadline_s, actor)

    async def confirm_lines(self, tx: Transaction, claim: Claim, actor: str = "") -> Claim:
        """The payment is sure: after the commit, by `Externals.send`, the providers confirm. ClaimLost, ClaimPending.

        From here on no time ends the claim, for what a provider is confirming must not be swept. Asking again changes
        nothing. `confirm` follows when all lines are confirmed.
        """
        await external.lock_claim(tx, claim.claim_id)
        now = await self.claim_by_id(tx, claim.claim_id)
        if now.state not in (ClaimState.PAYING, ClaimState.UNKNOWN):
            raise ClaimLost(f"The hold is {now.state.value}; nothing of it can be confirmed.")
        if any(line.state is LineState.ASKED for line in now.externals):
            raise ClaimPending("A provider has not answered yet; try again in a moment.")
        if now.state is ClaimState.PAYING and now.externals:
            now = await self._move(tx, now, Move.DOUBT, 0, actor)
        await external.move_lines(tx, claim.claim_id, {LineState.HELD}, LineState.CONFIRMING, Move.CONFIRM.value, actor)
        return replace(now, externals=await external.lines_of(tx, claim.claim_id))

    async def decline(self, tx: Transaction, claim: Claim, actor: str = "") -> Claim:
        """The payment failed: back to what is left of the hold. ClaimLost."""
        return await self._move(tx, claim, Move.DECLINE, 0, actor)

    async def doubt(self, tx: Transaction, claim: Claim, actor: str = "") -> Claim:
        """The payment's outcome is not known: the units stay until it is. ClaimLost."""
        return await self._move(tx, claim, Move.DOUBT, 0, actor)

    async def confirm(self, tx: Transaction, claim: Claim, actor: str = "") -> Claim:
        """The units are sold to the claim; also after its time, as long as nobody has taken one. ClaimLost."""
        return await self._move(tx, claim, Move.CONFIRM, 0, actor)

    async def release(self, tx: Transaction, claim: Claim, actor: str = "") -> Claim:
        """The holder gives up; what the claim still has becomes free."""
        return await self._move(tx, claim, Move.RELEASE, 0, actor)

    async def cancel(self, tx: Transaction, claim: Claim, actor: str = "") -> Claim:
        """A sold claim is undone; its units become free."""
        return await self._move(tx, claim, Move.CANCEL, 0, actor)

    async def block(self, tx: Transaction, units: Sequence[UnitRef], actor: str) -> None:
        """Takes units off sale, all or none; an expired hold is no obstacle. UnitsTaken, NoSuchUnits."""
        await self._block(tx, units, True, actor)

    async def unblock(self, tx: Transaction, units: Sequence[UnitRef], actor: str) -> None:
        """Puts blocked units back on sale, all or none. UnitsTaken if one is not blocked; NoSuchUnits."""
        await self._block(tx, units, False, actor)

    async def sweep(self, jobs: Database) -> int:
        """Expires what is due, in batches, across tenants; returns how many claims."""
        swept = 0
        while True:
            batch = await jobs.retrying(None, self._sweep_batch)
            swept += batch
            if batch < SWEEP_BATCH_MAX:
                return swept

    async def audit(self, tx: Transaction, owner: str) -> tuple[int, list[Difference]]:
        """Holds every unit and bucket of the owner's pools against the ledger; returns how many, and what differs.

        Differences come in the order of pools and keys, <= FINDINGS_MAX of each kind and pool. Buyers may go on
        meanwhile: each pool is judged within one snapshot, and memory does not grow with it.
        """
        compared = 0
        found: list[Difference] = []
        for pool_no in await proof.pools_of(tx, owner):
            for differences in (proof.unit_differences, proof.counter_differences):
                count, differing = await differences(tx, pool_no, FINDINGS_MAX)
                compared += count
                found += differing
        count, lines = await external.line_differences(tx, owner, FINDINGS_MAX)
        found += [Difference(f"external line {line_id}", here, there) for line_id, here, there in lines]
        return compared + count, found

    async def breaches(self, tx: Transaction, owner: str) -> list[Breach]:
        """Rules between claims and what they own that are broken, <= FINDINGS_MAX of each; must be none.

        A sold or doubtful claim has all its units, a live one too; no unit is with a claim that has no line for it or
        is over; each bucket's counts are the sum of its claims'.
        """
        strays = await proof.stray_units(tx, owner, FINDINGS_MAX)
        counts = await proof.miscounted_buckets(tx, owner, FINDINGS_MAX)
        return [
            *(
                Breach("does not have all that it promises", f"claim {claim_id}")
                for claim_id in await proof.incomplete_claims(tx, owner, FINDINGS_MAX)
            ),
            *(Breach("is with a claim that does not own it", str(place)) for place in strays),
            *(
                Breach("is not as its claim is", f"external line {line_id}")
                for line_id in await external.forgotten_lines(tx, owner, FINDINGS_MAX)
            ),
            *(
                Breach(f"has {held} held and {sold} sold, its claims {of_held} and {of_sold}", str(place))
                for place, (held, sold, of_held, of_sold) in counts
            ),
        ]

    async def _with_room(self, database: Database, tenant: UUID, work: Callable[[Transaction], Awaitable[T]]) -> T:
        try:
            async with database.transaction(tenant, by_key=True) as tx:
                return await work(tx)
        except NotEnough as refusal:
            if refusal.key is None:
                async with database.transaction(tenant) as tx:
                    await drawing.close_empty(tx, refusal.pool_no)
            if not refusal.short:
                raise
            async with database.transaction(tenant) as tx:
                has_room = await self._make_room(tx, refusal.short)
            # What was swept stays swept, also when it was not enough.
            if not has_room:
                raise
        async with database.transaction(tenant, by_key=True) as tx:
            return await work(tx)

    async def _make_room(self, tx: Transaction, short: Sequence[CounterAsk]) -> bool:
        """Expires in batches until there is room, or nothing that is due is left."""
        while True:
            due = await expiring.due_on_counters(tx, short, SWEEP_BATCH_MAX)
            if due:
                await expiring.expire_claims(tx, due, [self._event_id() for _ in due])
            has_room = await expiring.counters_have_room(tx, short)
            if has_room or len(due) < SWEEP_BATCH_MAX:
                return has_room

    async def _sweep_batch(self, tx: Transaction) -> int:
        due = await expiring.due_claims(tx, SWEEP_BATCH_MAX)
        if due:
            await expiring.expire_claims(tx, due, [self._event_id() for _ in due])
        return len(due)

    async def _timely(self, tx: Transaction, claim: Claim, move: Move, seconds: int, actor: str) -> Claim:
        """A move that only a living hold can make. The statement judges again; this spares it the obvious."""
        if claim.state is ClaimState.EXPIRED or (claim.expired and UNIT_AFTER[claim.state] is UnitState.HELD):
            raise ClaimExpired("The hold's time is over; choose again.")
        return await self._move(tx, claim, move, seconds, actor)

    async def _move(self, tx: Transaction, claim: Claim, move: Move, seconds: int, actor: str) -> Claim:
        to = after(claim.state, move)
        if claim.externals:
            await self._providers_allow(tx, claim, move, seconds)
        moved = await moving.move_claim(tx, claim, move, to, seconds, event_id=self._event_id(), actor=actor)
        if not moved.done:
            raise await self._why_not(tx, claim, move, moved)
        assert moved.expires_at is not None
        if claim.externals and move in DROPS:
            await external.move_lines(tx, claim.claim_id, LIVE, LineState.RETURNING, move.value, actor)
        return replace(
            claim,
            state=to,
            version=claim.version + 1,
            expires_at=moved.expires_at,
            payments=claim.payments + (move is Move.PAY),
            expired=claim.expired and move not in (Move.DECLINE, Move.DOUBT),
            externals=await external.lines_of(tx, claim.claim_id) if claim.externals else (),
        )

    async def _providers_allow(self, tx: Transaction, claim: Claim, move: Move, seconds: int) -> None:
        """Whether all that providers keep is as far as the move needs it. Keeps it so: the claim is locked."""
        await external.lock_claim(tx, claim.claim_id)
        needed = NEEDS.get(move)
        if needed is None:
            return
        states = {line.state for line in await external.lines_of(tx, claim.claim_id)}
        if states - {needed, LineState.ASKED, LineState.HELD, LineState.CONFIRMING}:
            raise ClaimLost("A provider has not kept its part of the hold.")
        if states != {needed}:
            raise ClaimPending("A provider has not answered yet; try again in a moment.")
        if move in (Move.EXTEND, Move.PAY) and not await external.lasts(tx, claim.claim_id, seconds):
            raise ClaimExpired("A provider does not hold its part for so long; choose again.")

    async def _why_not(self, tx: Transaction, claim: Claim, move: Move, moved: moving.Moved) -> SeraiError:
        if moved.as_read:
            return ClaimLost("The hold expired, and another buyer has taken a part of it since.")
        now = await moving.claim_by_id(tx, claim.claim_id)
        if now is None:
            return NoSuchClaim("There is no such hold.")
        over = now.state is ClaimState.EXPIRED or (now.expired and now.state is claim.state)
        if over and move in (Move.EXTEND, Move.PAY):
            return ClaimExpired("The hold's time is over; choose again.")
        return ClaimLost("The hold was changed by somebody else at the same moment; look at it again.")

    async def _block(self, tx: Transaction, units: Sequence[UnitRef], blocked: bool, actor: str) -> None:
        assert units, "nothing to block"
        assert len(set(units)) == len(units), "a unit is named twice"
        outcome = await pools.block_units(tx, units, blocked, actor)
        if missing := [unit for unit in units if unit not in outcome.existing]:
            raise NoSuchUnits(missing)
        if refused := [unit for unit in units if unit not in outcome.fit]:
            raise UnitsTaken(refused)
        assert outcome.done, "all units fit, and yet nothing was changed"

    def _event_id(self) -> UUID:
        return uuid7(self._clock, self._random)


def _too_little(moves: Sequence[CapacityMove], moved: capacity.MovedCapacity) -> NotEnough:
    short = [
        CounterAsk(move.counter.pool_no, move.counter.key, -move.delta)
        for move in moves
        if moved.counters[move.counter].room + move.delta < 0
    ]
    worst = short[0]
    left = moved.counters[CounterRef(worst.pool_no, worst.key)].room
    return NotEnough(worst.pool_no, worst.key, worst.count, left, short)


def _buckets(plan: CounterPlan) -> list[pools.NewBucket]:
    rooms = spread(plan.capacity + plan.overbook, [0] * plan.buckets)
    beyond = overbooked(rooms, plan.overbook)
    return [
        pools.NewBucket(plan.key, place, room - extra, extra)
        for place, (room, extra) in enumerate(zip(rooms, beyond, strict=True))
    ]


def _sorted(units: Iterable[UnitRef]) -> list[UnitRef]:
    return sorted(units, key=lambda unit: (unit.pool_no, unit.key))
