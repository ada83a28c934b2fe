"""How a claim is opened: quickly first, and patiently if that may help.

A quick try skips whatever is busy, so what it does not find may still be there: before anybody is told "not enough", a
patient try has waited for the busy rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from serai.kernel.errors import SeraiError
from serai.kernel.ports import Random
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.errors import (
    NoSuchCounters,
    NoSuchUnits,
    NotEnough,
    PoolNotOpen,
    TooManyClaims,
    UnitsTaken,
)
from serai.systems.allocation.model import BUCKETS_MAX, Ask, DrawAsk, UnitRef
from serai.systems.allocation.store import drawing, opening
from serai.systems.allocation.store.opening import Taking


@dataclass(frozen=True, slots=True)
class Opened:
    """A claim that was opened: on these units, drawn ones included."""

    units: tuple[UnitRef, ...]
    taking: Taking


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a try took nothing."""

    error: SeraiError
    patience_helps: bool = False


class Opener:
    """Opens claims in the caller's transaction."""

    def __init__(self, random: Random, event_id: Callable[[], UUID]) -> None:
        self._random = random
        self._event_id = event_id

    async def open(self, tx: Transaction, ask: Ask) -> Opened:
        """The claim, or why not, as an exception; the transaction is then as it was before."""
        if not (ask.counters or ask.draws):
            outcome = await self._take(tx, ask, ask.units, patient=False)
        else:
            outcome = await self._insist(tx, ask)
        if isinstance(outcome, _Refusal):
            raise outcome.error
        return outcome

    async def _insist(self, tx: Transaction, ask: Ask) -> Opened | _Refusal:
        if len(ask.draws) == 1 and ask.draws[0].count == 1 and not (ask.counters or ask.units):
            return await self._at_once(tx, ask, ask.draws[0]) or await self._try(tx, ask, patient=True)
        outcome = await self._try(tx, ask, patient=False)
        if isinstance(outcome, _Refusal) and outcome.patience_helps:
            outcome = await self._try(tx, ask, patient=True)
        return outcome

    async def _at_once(self, tx: Transaction, ask: Ask, draw: DrawAsk) -> Opened | None:
        """A claim on one drawn unit and nothing else: the quick try in one statement. None: it took nothing."""
        drawn = await opening.open_drawn(tx, ask, draw, self._event_id(), self._random.below(2**32))
        return None if drawn is None else Opened((drawn[0],), drawn[1])

    async def _try(self, tx: Transaction, ask: Ask, *, patient: bool) -> Opened | _Refusal:
        """One try under a savepoint: a refused one leaves no lock behind, so the next can lock in order again."""
        await tx.execute("savepoint opening")
        outcome = await self._draw_and_take(tx, ask, patient=patient)
        if isinstance(outcome, _Refusal):
            await tx.execute("rollback to savepoint opening")
        return outcome

    async def _draw_and_take(self, tx: Transaction, ask: Ask, *, patient: bool) -> Opened | _Refusal:
        units = list(ask.units)
        for draw in sorted(ask.draws, key=lambda draw: draw.pool_no):
            drawn = await self._draw(tx, draw, patient=patient)
            if drawn is None:
                return _Refusal(PoolNotOpen(f"Pool {draw.pool_no} is still being filled; ask again when it is full."))
            if len(drawn) < draw.count:
                return _Refusal(NotEnough(draw.pool_no, None, draw.count, len(drawn)), patience_helps=not patient)
            units += drawn
        return await self._take(tx, ask, units, patient=patient)

    async def _draw(self, tx: Transaction, draw: DrawAsk, *, patient: bool) -> Sequence[UnitRef] | None:
        start = self._random.below(2**32)
        return await drawing.draw_units(tx, draw.pool_no, draw.count, start, wait=patient)

    async def _take(self, tx: Transaction, ask: Ask, units: Sequence[UnitRef], *, patient: bool) -> Opened | _Refusal:
        start = self._random.below(BUCKETS_MAX) if ask.counters else 0
        taking = await opening.open_claim(tx, ask, units, self._event_id(), start=start, wide=patient)
        return Opened(tuple(units), taking) if taking.done else _refusal(ask, taking, patient)


def _refusal(ask: Ask, taking: Taking, patient: bool) -> _Refusal:
    """The first reason in the order in which a buyer can act on it."""
    if taking.missing:
        return _Refusal(NoSuchUnits(taking.missing))
    if taking.unknown:
        return _Refusal(NoSuchCounters(taking.unknown))
    if ask.holder_max is not None and taking.holder_claims >= ask.holder_max:
        return _Refusal(TooManyClaims(f"You hold {taking.holder_claims} selections already; release one first."))
    if taking.lost:
        return _Refusal(UnitsTaken(taking.lost))
    assert ask.counters, "only counters can be short when all units fit"
    short = tuple(counter for counter in ask.counters if taking.left[counter] < counter.count)
    # Room that was there when the statement began may be in several buckets, or somebody was quicker.
    in_the_way = short or tuple(ask.counters)
    worst = in_the_way[0]
    error = NotEnough(worst.pool_no, worst.key, worst.count, taking.left[worst], in_the_way)
    return _Refusal(error, patience_helps=not patient and not short)
