"""What plays when: making shows, changing their terms, taking seats off sale, and calling a show off.

A show and its seats are made in one transaction. Prices and terms of cancellation may change only while no seat is held
or sold: a buyer keeps what was shown, and nobody has to ask which price a seat was sold for. A show that is called
off sells nothing from that moment on; its bookings are returned in batches by the jobs process, which goes on where it
was when it was interrupted.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from serai.kernel.errors import FieldError, Invalid
from serai.kernel.ids import uuid7
from serai.kernel.money import Money
from serai.kernel.ports import Clock, Random
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation, UnitRef, UnitsTaken, lock_pool
from serai.systems.cinema.errors import (
    NoSuchShow,
    SeatsUnavailable,
    ShowCancelled,
    ShowOverlaps,
    ShowSold,
    ShowStarted,
)
from serai.systems.cinema.model import OWNER, Movie, Show
from serai.systems.cinema.plan import Plan, import_plan
from serai.systems.cinema.service.bookings import Bookings
from serai.systems.cinema.service.holds import chosen_keys
from serai.systems.cinema.service.house import Audit
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.settings import CinemaSettings
from serai.systems.cinema.store import catalogue
from serai.systems.cinema.store import house as store

AHEAD_DAYS_MAX = 730
"""How far ahead a show may be made."""

SHOWS_SETTLED_MAX = 20
"""Called-off shows that one round looks at."""

RETURNED_BATCH = 50
"""Bookings that one round returns of each."""

RETURNED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Planned:
    """A show to be made. `starts_at` carries a zone."""

    movie_id: UUID
    screen_id: UUID
    starts_at: datetime
    prices: Mapping[str, Money]
    cancel_until_min: int
    cancel_fee_percent: int


class Schedule:
    """Makes and changes shows."""

    def __init__(
        self,
        database: Database,
        jobs: Database,
        allocation: Allocation,
        shows: Shows,
        bookings: Bookings,
        audit: Audit,
        clock: Clock,
        random: Random,
        settings: CinemaSettings,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._allocation = allocation
        self._shows = shows
        self._bookings = bookings
        self._audit = audit
        self._clock = clock
        self._random = random
        self._settings = settings

    async def add(self, tenant: UUID, planned: Planned, actor: str) -> Show:
        """A show with its seats, free. Invalid names the field; ShowOverlaps."""
        show_id = uuid7(self._clock, self._random)
        async with self._database.transaction(tenant) as tx:
            new, plan = await self._planned(tx, show_id, planned)
            if taken := await catalogue.overlapping(tx, new.screen_id, new.starts_at, new.ends_at):
                raise ShowOverlaps(
                    "The screen plays another show then; choose another time or screen.",
                    errors=(FieldError("starts_at", "overlap", f"overlaps show {taken}"),),
                    extra={"show_id": str(taken)},
                )
            pool_no = await self._allocation.create_pool(tx, OWNER, [seat.key for seat in plan.seats], actor)
            await catalogue.insert_show(tx, new, pool_no)
            await self._audit.tell(tx, "show", "created", show_id, actor, changes=_told(new))
        return await self._shows.get(tenant, show_id)

    async def edit(self, tenant: UUID, show_id: UUID, changes: Mapping[str, Any], actor: str) -> Show:
        """New `prices` (all categories), `cancel_until_min`, `cancel_fee_percent`.

        ShowSold while a seat is held or sold; ShowStarted, ShowCancelled, NoSuchShow, Invalid.
        """
        show = await self._shows.get(tenant, show_id)
        async with self._database.transaction(tenant) as tx:
            row = await self._coming(tx, show_id)
            if await lock_pool(tx, row.pool_no):
                raise ShowSold("Somebody holds or has a seat, so the prices and terms stay as they were shown.")
            prices: Mapping[str, int] = row.prices
            if "prices" in changes:
                prices = checked_prices(show.plan, changes["prices"], row.currency)
            until = changes.get("cancel_until_min", row.cancel_until_min)
            fee = changes.get("cancel_fee_percent", row.cancel_fee_percent)
            if (prices, until, fee) != (row.prices, row.cancel_until_min, row.cancel_fee_percent):
                await store.change_show(tx, show_id, prices, until, fee)
                told = {"prices": prices, "cancel_until_min": until, "cancel_fee_percent": fee}
                await self._audit.tell(tx, "show", "changed", show_id, actor, changes=told)
        return await self._afresh(tenant, show_id)

    async def call_off(self, tenant: UUID, show_id: UUID, actor: str) -> Show:
        """Nothing of it is sold from now on; the bookings are returned by `settle`. Once is enough."""
        async with self._database.transaction(tenant) as tx:
            row = await store.show(tx, show_id)
            if row is None:
                raise NoSuchShow(f"There is no show {show_id}.")
            if await store.cancel_show(tx, show_id):
                await self._audit.tell(tx, "show", "cancelled", show_id, actor)
        return await self._afresh(tenant, show_id)

    async def settle(self) -> int:
        """One round of returning the bookings of shows that were called off; how many shows are done now."""
        async with self._jobs.transaction(None) as tx:
            due = await store.shows_to_settle(tx, SHOWS_SETTLED_MAX)
        return sum([await self._settle(tenant, show_id) for tenant, show_id in due])

    async def block(self, tenant: UUID, show_id: UUID, seat_ids: Sequence[str], actor: str) -> Show:
        """Takes seats off sale, all or none. SeatsUnavailable names those that are held, sold or blocked."""
        return await self._block(tenant, show_id, seat_ids, True, actor)

    async def unblock(self, tenant: UUID, show_id: UUID, seat_ids: Sequence[str], actor: str) -> Show:
        """Puts blocked seats back on sale, all or none. SeatsUnavailable names those that are not blocked."""
        return await self._block(tenant, show_id, seat_ids, False, actor)

    async def _block(self, tenant: UUID, show_id: UUID, seat_ids: Sequence[str], blocked: bool, actor: str) -> Show:
        show = await self._shows.get(tenant, show_id)
        units = [UnitRef(show.pool_no, key) for key in chosen_keys(show, seat_ids)]
        what, change = ("blocked", self._allocation.block) if blocked else ("unblocked", self._allocation.unblock)
        try:
            async with self._database.transaction(tenant) as tx:
                await self._coming(tx, show_id)
                await change(tx, units, actor)
                await self._audit.tell(tx, "show", what, show_id, actor, seats=[show.seat_id(u.key) for u in units])
        except UnitsTaken as error:
            ids = [show.seat_id(unit.key) for unit in error.units]
            said = "held, sold or blocked already" if blocked else "not blocked"
            raise SeatsUnavailable(f"{len(ids)} of the seats are {said}.", extra={"seats": ids}) from None
        return show

    async def _settle(self, tenant: UUID, show_id: UUID) -> bool:
        async with self._database.transaction(tenant) as tx:
            left = await store.bookings_to_return(tx, show_id, RETURNED_BATCH)
        for start in range(0, len(left), RETURNED_AT_ONCE):
            batch = left[start : start + RETURNED_AT_ONCE]
            await asyncio.gather(*(self._bookings.call_off(tenant, booking_id) for booking_id in batch))
        async with self._database.transaction(tenant) as tx:
            return await store.settle_show(tx, show_id)

    async def _planned(self, tx: Transaction, show_id: UUID, planned: Planned) -> tuple[catalogue.NewShow, Plan]:
        """The show in full, with the screen's present plan; Invalid names what cannot be."""
        movie = await self._movie(tx, planned.movie_id)
        screen = await store.screen(tx, planned.screen_id)
        if screen is None:
            raise Invalid.of("screen_id", "unknown_screen", f"There is no screen {planned.screen_id}.")
        theater = await store.theater(tx, screen.theater_id)
        document = await catalogue.plan_by_id(tx, screen.plan_id)
        assert theater is not None and document is not None, "a screen has a theater and a plan"
        plan = import_plan(document)
        prices = checked_prices(plan, planned.prices, theater.currency)
        await self._in_reach(tx, planned.starts_at)
        new = catalogue.NewShow(
            show_id=show_id,
            movie_id=movie.movie_id,
            screen_id=screen.screen_id,
            plan_id=screen.plan_id,
            starts_at=planned.starts_at,
            ends_at=planned.starts_at + timedelta(minutes=movie.duration_min + self._settings.changeover_min),
            currency=theater.currency,
            prices=prices,
            cancel_until_min=planned.cancel_until_min,
            cancel_fee_percent=planned.cancel_fee_percent,
        )
        return new, plan

    async def _movie(self, tx: Transaction, movie_id: UUID) -> Movie:
        movie = await store.movie(tx, movie_id)
        if movie is None:
            raise Invalid.of("movie_id", "unknown_movie", f"There is no movie {movie_id}.")
        if movie.retired:
            raise Invalid.of("movie_id", "retired_movie", f"{movie.title} is retired; bring it back first.")
        return movie

    async def _in_reach(self, tx: Transaction, starts_at: datetime) -> None:
        future, near = await store.begins_in_future(tx, starts_at, AHEAD_DAYS_MAX)
        if not future:
            raise Invalid.of("starts_at", "past", f"{starts_at.isoformat()} is over; choose a time to come.")
        if not near:
            raise Invalid.of("starts_at", "too_far", f"Shows are made at most {AHEAD_DAYS_MAX} days ahead.")

    async def _coming(self, tx: Transaction, show_id: UUID) -> store.ShowRow:
        """The row of a show that is still to come, locked."""
        row = await store.show(tx, show_id)
        if row is None:
            raise NoSuchShow(f"There is no show {show_id}.")
        if row.cancelled:
            raise ShowCancelled("This show was called off.")
        if row.begun:
            raise ShowStarted("This show has begun; it cannot be changed any more.")
        return row

    async def _afresh(self, tenant: UUID, show_id: UUID) -> Show:
        self._shows.forget(tenant, show_id)
        return await self._shows.get(tenant, show_id)


def checked_prices(plan: Plan, prices: Mapping[str, Money], currency: str) -> dict[str, int]:
    """Minor units by category: one price above 0 for each category of the plan that has seats, in its currency."""
    errors = []
    known = {category.name for category in plan.categories}
    needed = {seat.category for seat in plan.seats}
    for name in sorted(needed - prices.keys()):
        errors.append(FieldError(f"prices.{name}", "missing", f"The category {name} has no price."))
    for name, price in prices.items():
        if name not in known:
            errors.append(FieldError(f"prices.{name}", "unknown_category", f"The plan has no category {name!r}."))
        elif price.currency != currency:
            message = f"The theater sells in {currency}, not in {price.currency}."
            errors.append(FieldError(f"prices.{name}.currency", "other_currency", message))
        elif price.minor <= 0:
            errors.append(FieldError(f"prices.{name}.amount", "not_positive", "A price is more than 0."))
    if errors:
        raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors[:50]))
    return {name: price.minor for name, price in prices.items()}


def _told(show: catalogue.NewShow) -> dict[str, Any]:
    return {
        "movie_id": str(show.movie_id),
        "screen_id": str(show.screen_id),
        "starts_at": show.starts_at.isoformat(),
        "prices": dict(show.prices),
        "currency": show.currency,
        "cancel_until_min": show.cancel_until_min,
        "cancel_fee_percent": show.cancel_fee_percent,
    }
