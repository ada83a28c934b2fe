"""The use cases of allocation, each inside the caller's transaction, so that its own rows commit with the claim's.

`open_claim` is the exception: meeting a locked unit ends the transaction, so it is run by `with_free_units`, which
starts again, or says which units are taken.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from psycopg.errors import LockNotAvailable

from serai.kernel.ids import Capability, uuid7
from serai.kernel.ports import Clock, Random
from serai.mechanisms.allocation.claims import NEEDS_ALL_UNITS, ClaimState, Move, after
from serai.mechanisms.allocation.ledger import Difference, differences, replay
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation import store
from serai.systems.allocation.errors import (
    ClaimExpired,
    ClaimLost,
    NoSuchClaim,
    NoSuchUnits,
    TooManyClaims,
    TooManyPayments,
    UnitsTaken,
)
from serai.systems.allocation.model import (
    HOLD_S_MAX,
    NOWAIT_TRIES_MAX,
    PAYMENTS_MAX,
    Ask,
    Claim,
    UnitRef,
)

T = TypeVar("T")

SWEEP_BATCH_MAX = 500
"""Claims expired in one transaction of the sweep."""

_JITTER_MS = 8


class Allocation:
    """Claims on scarce things. One object a process; it holds no state."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random

    async def create_pool(self, tx: Transaction, owner: str, keys: Sequence[int], actor: str = "") -> int:
        """A pool of free units; returns its number within the tenant."""
        assert keys and len(set(keys)) == len(keys), "a pool needs distinct keys"
        return await store.create_pool(tx, owner, keys, actor)

    async def open_claim(self, tx: Transaction, ask: Ask) -> Claim:
        """Holds all the units, or raises UnitsTaken, NoSuchUnits or TooManyClaims: then the transaction rolls back."""
        taking = await store.open_claim(tx, ask, self._event_id())
        if missing := [unit for unit in ask.units if unit not in taking.existing]:
            raise NoSuchUnits(missing)
        if lost := [unit for unit in ask.units if unit not in taking.taken]:
            raise UnitsTaken(lost)
        if ask.holder_max is not None and taking.holder_claims >= ask.holder_max:
            raise TooManyClaims(f"You hold {taking.holder_claims} selections already; release one first.")
        assert taking.expires_at is not None
        return Claim(
            claim_id=ask.capability.id,
            key=ask.capability.key,
            owner=ask.owner,
            holder=ask.holder,
            state=ClaimState.HELD,
            version=1,
            expires_at=taking.expires_at,
            payments=0,
            age_s=0.0,
            terms=dict(ask.terms),
            expired=False,
            units=tuple(ask.units),
        )

    async def with_free_units(
        self, database: Database, tenant: UUID, units: Sequence[UnitRef], work: Callable[[Transaction], Awaitable[T]]
    ) -> T:
        """Runs `work`, which opens a claim on `units`, in a transaction of its own.

        A unit that somebody is changing right now ends the try at once: if it is taken the answer is UnitsTaken, else
        the work starts again, <= NOWAIT_TRIES_MAX times with jitter, so of overlapping claims on free units one wins.
        """
        for attempt in range(NOWAIT_TRIES_MAX):
            try:
                async with database.transaction(tenant) as tx:
                    return await work(tx)
            except LockNotAvailable:
                async with database.transaction(tenant) as tx:
                    taken = await store.units_taken(tx, units)
                if taken:
                    raise UnitsTaken(sorted(taken, key=lambda unit: (unit.pool_no, unit.key))) from None
                pause_ms = 1 + self._random.below(_JITTER_MS << attempt)
                await asyncio.sleep(pause_ms / 1000)
        raise UnitsTaken(units)

    async def claim(self, tx: Transaction, capability: Capability) -> Claim:
        """The claim that the capability opens; NoSuchClaim also when its secret is wrong."""
        found = await store.claim_by_id(tx, capability.id)
        if found is None or not capability.opens(found.key):
            raise NoSuchClaim("There is no such hold.")
        return found

    async def claim_by_id(self, tx: Transaction, claim_id: UUID) -> Claim:
        """The claim, for a system that knows it as its own."""
        found = await store.claim_by_id(tx, claim_id)
        if found is None:
            raise NoSuchClaim("There is no such hold.")
        return found

    async def extend(self, tx: Transaction, claim: Claim, ttl_s: int, actor: str = "") -> Claim:
        """The hold lives `ttl_s` from now on, within an hour of its beginning. ClaimExpired, ClaimLost."""
        self._alive(claim)
        if claim.age_s + ttl_s > HOLD_S_MAX:
            raise ClaimExpired(f"A hold lives at most {HOLD_S_MAX // 60} minutes in all; make a new one.")
        return await self._move(tx, claim, Move.EXTEND, ttl_s, actor)

    async def pay(self, tx: Transaction, claim: Claim, deadline_s: int, actor: str = "") -> Claim:
        """A payment begins: the units stay for at least `deadline_s`. ClaimExpired, ClaimLost, TooManyPayments."""
        self._alive(claim)
        if claim.payments >= PAYMENTS_MAX:
            raise TooManyPayments(f"This hold has tried {claim.payments} payments; make a new one.")
        return await self._move(tx, claim, Move.PAY, deadline_s, actor)

    async def decline(self, tx: Transaction, claim: Claim, actor: str = "") -> Claim:
        """The payment failed: back to what is left of the hold."""
        return await self._move(tx, claim, Move.DECLINE, 0, actor)

    async def doubt(self, tx: Transaction, claim: Claim, actor: str = "") -> Claim:
        """The payment's outcome is not known: the units stay until it is."""
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
        """Takes units off sale, all or none. UnitsTaken if one is held or sold."""
        self._all(units, await store.block_units(tx, units, True, actor))

    async def unblock(self, tx: Transaction, units: Sequence[UnitRef], actor: str) -> None:
        """Puts blocked units back on sale, all or none. UnitsTaken if one is not blocked."""
        self._all(units, await store.block_units(tx, units, False, actor))

    async def sweep(self, jobs: Database) -> int:
        """Expires what is due, in batches, across tenants; returns how many claims."""
        swept = 0
        while True:
            async with jobs.transaction(None) as tx:
                due = await store.due_claims(tx, SWEEP_BATCH_MAX)
                if due:
                    await store.expire_claims(tx, due, [self._event_id() for _ in due])
            swept += len(due)
            if len(due) < SWEEP_BATCH_MAX:
                return swept

    async def audit(self, tx: Transaction, owner: str) -> tuple[int, list[Difference]]:
        """Replays every pool's ledger against its units; returns how many units were compared, and what differs."""
        compared = 0
        found: list[Difference] = []
        for pool_no in await store.pools_of(tx, owner):
            table = await store.unit_rows(tx, pool_no)
            found.extend(differences(table, replay(await store.ledger_lines(tx, pool_no))))
            compared += len(table)
        return compared, found

    async def _move(self, tx: Transaction, claim: Claim, move: Move, seconds: int, actor: str) -> Claim:
        to = after(claim.state, move)
        moved = await store.move_claim(tx, claim, move, to, seconds, event_id=self._event_id(), actor=actor)
        if not moved.claim:
            raise ClaimLost("The hold was changed by somebody else at the same moment; look at it again.")
        if move in NEEDS_ALL_UNITS and moved.units != len(claim.units):
            raise ClaimLost("The hold expired, and another buyer has taken a part of it since.")
        assert moved.expires_at is not None
        return replace(
            claim,
            state=to,
            version=claim.version + 1,
            expires_at=moved.expires_at,
            payments=claim.payments + (move is Move.PAY),
        )

    @staticmethod
    def _alive(claim: Claim) -> None:
        if claim.expired or claim.state is ClaimState.EXPIRED:
            raise ClaimExpired("The hold's time is over; choose again.")

    @staticmethod
    def _all(asked: Sequence[UnitRef], changed: frozenset[UnitRef]) -> None:
        if refused := [unit for unit in asked if unit not in changed]:
            raise UnitsTaken(refused)

    def _event_id(self) -> UUID:
        return uuid7(self._clock, self._random)
