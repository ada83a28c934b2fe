"""Choosing seats: a hold is a claim of allocation with the prices that the buyer was shown."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.kernel.errors import FieldError, Invalid
from serai.kernel.ids import Capability
from serai.kernel.money import Money
from serai.kernel.ports import Clock, Random
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import (
    Allocation,
    Ask,
    Claim,
    ClaimExpired,
    ClaimLost,
    ClaimState,
    IllegalMove,
    NoSuchClaim,
    UnitRef,
    UnitsTaken,
    UnitState,
    pool_views,
)
from serai.systems.cinema.errors import HoldExpired, NoSuchHold, OrphanSeat, SeatsUnavailable, ShowChanged
from serai.systems.cinema.model import OWNER, Show
from serai.systems.cinema.seating import orphans
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.settings import CinemaSettings
from serai.systems.cinema.waiting import OFFER_HOLDER

Then = Callable[[Transaction, Claim], Awaitable[None]]
"""What else is to be done in the transaction that opens a claim."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Seats held for a buyer."""

    capability: Capability
    show: Show
    state: ClaimState
    expires_at: datetime
    seat_keys: tuple[int, ...]
    total: Money


class Holds:
    """Holds, extends and releases seats."""

    def __init__(
        self,
        database: Database,
        allocation: Allocation,
        shows: Shows,
        clock: Clock,
        random: Random,
        settings: CinemaSettings,
    ) -> None:
        self._database = database
        self._allocation = allocation
        self._shows = shows
        self._clock = clock
        self._random = random
        self._settings = settings

    async def hold(
        self, tenant: UUID, show_id: UUID, seat_ids: Sequence[str], *, holder: str, holds_max: int | None
    ) -> Hold:
        """Holds all the seats or none. SeatsUnavailable (names those gone), NoSuchShow, ShowChanged, TooManyClaims."""
        show = await self._shows.get(tenant, show_id)
        keys = self.keys(show, seat_ids)
        ask = self._ask(show, keys, self._settings.hold_ttl_s, holder, holds_max)

        async def work(tx: Transaction) -> Claim:
            if self._settings.orphan_rule:
                await self._refuse_orphans(tx, show, keys)
            return await self.open(tx, show, ask)

        return await self._hold(tenant, show, ask, work)

    async def offer(self, tenant: UUID, show: Show, keys: Sequence[int], holder: str, then: Then) -> Hold:
        """Holds seats for somebody on the waiting list, for as long as an offer lives.

        `then` notes it in the same transaction. SeatsUnavailable, ShowChanged, ShowStarted, ShowCancelled.
        """
        ask = self._ask(show, tuple(keys), self._settings.waiting_offer_ttl_s, holder, None)

        async def work(tx: Transaction) -> Claim:
            claim = await self.open(tx, show, ask)
            await then(tx, claim)
            return claim

        return await self._hold(tenant, show, ask, work)

    async def open(self, tx: Transaction, show: Show, ask: Ask) -> Claim:
        """A claim on seats of a show that is on sale by these prices. UnitsTaken, and what `offer` raises."""
        try:
            claim = await self._allocation.open_claim(tx, ask)
        except UnitsTaken:
            await self._shows.on_sale(tx, show.show_id)  # that a show is over says more than that its seats are taken
            raise
        # Asked after the claim: an edit of prices locks what claims lock last, so one of the two sees the other.
        if (await self._shows.on_sale(tx, show.show_id)).edition != show.edition:
            raise ShowChanged("The prices of this show were changed a moment ago; look at it again.")
        return claim

    async def get(self, tenant: UUID, hold: Capability) -> Hold:
        """The hold as it stands; NoSuchHold."""
        async with self._database.transaction(tenant) as tx:
            claim = await self.claim(tx, hold)
            return self._as_hold(await self._shows.read(tx, UUID(claim.terms["show_id"])), claim)

    async def extend(self, tenant: UUID, hold: Capability) -> Hold:
        """A full life from now on; HoldExpired if its time is over or it is not merely held any more.

        An offer of the waiting list keeps its end: others wait behind it.
        """
        async with self._database.transaction(tenant) as tx:
            claim = await self.claim(tx, hold)
            show = await self._shows.read(tx, UUID(claim.terms["show_id"]))
            if claim.holder.startswith(OFFER_HOLDER) and not claim.expired:
                return self._as_hold(show, claim)
            try:
                extended = await self._allocation.extend(tx, claim, self._settings.hold_ttl_s)
            except (ClaimExpired, ClaimLost, IllegalMove) as error:
                raise HoldExpired(error.message) from None
            return self._as_hold(show, extended)

    async def release(self, tenant: UUID, hold: Capability) -> None:
        """Gives the seats back; releasing what is gone already changes nothing."""
        async with self._database.transaction(tenant) as tx:
            claim = await self.claim(tx, hold)
            if claim.state in (ClaimState.RELEASED, ClaimState.EXPIRED, ClaimState.CANCELLED):
                return
            if claim.state is not ClaimState.HELD:
                raise HoldExpired("These seats are being paid or are booked; cancel the booking instead.")
            await self._allocation.release(tx, claim)

    async def claim(self, tx: Transaction, hold: Capability) -> Claim:
        """The claim behind a hold of ours; NoSuchHold."""
        try:
            claim = await self._allocation.claim(tx, hold)
        except NoSuchClaim:
            raise NoSuchHold("There is no such hold.") from None
        if claim.owner != OWNER:
            raise NoSuchHold("There is no such hold.")
        return claim

    def keys(self, show: Show, seat_ids: Sequence[str]) -> tuple[int, ...]:
        """The keys of a buyer's choice, ascending; Invalid names each seat that cannot be chosen."""
        limit = self._settings.seats_per_hold_max
        if not seat_ids:
            raise Invalid.of("seat_ids", "too_short", "Choose at least one seat.")
        if len(seat_ids) > limit:
            raise Invalid.of("seat_ids", "too_long", f"Choose at most {limit} seats; you asked for {len(seat_ids)}.")
        return tuple(chosen_keys(show, seat_ids))

    def _ask(self, show: Show, keys: tuple[int, ...], ttl_s: int, holder: str, holds_max: int | None) -> Ask:
        total = show.total(keys)
        return Ask(
            capability=Capability.new(self._clock, self._random),
            owner=OWNER,
            holder=holder,
            units=[UnitRef(show.pool_no, key) for key in keys],
            ttl_s=ttl_s,
            terms={"show_id": str(show.show_id), "total": total.minor, "currency": total.currency},
            holder_max=holds_max,
            actor=holder,
        )

    async def _hold(self, tenant: UUID, show: Show, ask: Ask, work: Callable[[Transaction], Awaitable[Claim]]) -> Hold:
        try:
            claim = await self._allocation.with_free_units(self._database, tenant, ask.units, work)
        except UnitsTaken as error:
            raise unavailable(show, [unit.key for unit in error.units]) from None
        return self._as_hold(show, claim)

    async def _refuse_orphans(self, tx: Transaction, show: Show, keys: tuple[int, ...]) -> None:
        view = (await pool_views(tx, [show.pool_no]))[0]
        free = {key for key, state in view.states.items() if state is UnitState.FREE}
        if not free.issuperset(keys):
            return  # the claim itself will say which seats are gone
        if single := orphans(show.plan, free, keys):
            names = ", ".join(f"{show.plan.seat(key).row}{show.plan.seat(key).number}" for key in single)
            raise OrphanSeat(
                f"This would leave seat {names} alone; move over by one, or take it too.",
                errors=(FieldError("seat_ids", "orphan_seat", f"leaves {names} alone"),),
                extra={"seats": [show.seat_id(key) for key in single]},
            )

    @staticmethod
    def _as_hold(show: Show, claim: Claim) -> Hold:
        state = ClaimState.EXPIRED if claim.expired and claim.state is ClaimState.HELD else claim.state
        total = Money(claim.terms["total"], claim.terms["currency"])
        keys = tuple(unit.key for unit in claim.units)
        return Hold(claim.capability, show, state, claim.expires_at, keys, total)


def unavailable(show: Show, keys: Sequence[int]) -> SeatsUnavailable:
    """The refusal that names the seats that are gone."""
    names = ", ".join(f"{show.plan.seat(key).row}{show.plan.seat(key).number}" for key in keys)
    ids = [show.seat_id(key) for key in keys]
    return SeatsUnavailable(f"Just taken by somebody else: {names}. Choose others.", extra={"seats": ids})


def chosen_keys(show: Show, seat_ids: Sequence[str]) -> list[int]:
    """The keys of these seats, ascending; Invalid names each that the show does not have, or that is named twice."""
    errors, keys = [], set()
    for place, seat_id in enumerate(seat_ids):
        key = show.seat_key(seat_id)
        if key is None:
            errors.append(FieldError(f"seat_ids[{place}]", "unknown_seat", "This show has no such seat."))
        elif key in keys:
            errors.append(FieldError(f"seat_ids[{place}]", "duplicate", "This seat is in the list twice."))
        else:
            keys.add(key)
    if errors:
        raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors[:50]))
    return sorted(keys)
