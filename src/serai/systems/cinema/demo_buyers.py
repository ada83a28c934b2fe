"""Buyers of the demo: a first rush, so that halls look as on any day, and then somebody every minute.

They go through the same door as real ones: best seats, hold, payment at the gateway, tickets, mail.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from serai.kernel.errors import SeraiError
from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.runtime.http.idempotency import Key
from serai.runtime.postgres.database import Database
from serai.runtime.system import Progress, World
from serai.systems.allocation.api import Allocation, UnitState, pool_views
from serai.systems.cinema.demo_data import programme
from serai.systems.cinema.demo_data.chance import draw
from serai.systems.cinema.demo_data.programme import Show as Planned
from serai.systems.cinema.model import Show
from serai.systems.cinema.seating import best
from serai.systems.cinema.service.bookings import Bookings, Purchase
from serai.systems.cinema.service.holds import Holds
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.settings import CinemaSettings

RUSH_BOOKINGS = 320
AT_ONCE = 8
"""Buyers of the rush side by side; as many as two cores keep busy."""

EVERY_S = 60.0
"""How often somebody buys afterwards."""

CANCELS_PERCENT = 4
"""Of them, those who change their mind at once."""

DAYS = (0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 5, 7)
"""How far ahead people book: half of them for today."""

PARTIES = (1, 2, 2, 2, 2, 3, 4, 4, 5, 6)
"""How many sit together: mostly pairs."""

BOX_OFFICE = 16
"""Parties that one booking of the rush is for, every other time: as if a box office had sold to them."""

BOX_OFFICE_SEATS_MAX = 80

LOOKS = 3
"""Shows that a buyer considers; the most popular of them is chosen, so that some halls fill and others do not."""

NAMES = ("Ada", "Bruno", "Chiyo", "Dmitri", "Esther", "Farid", "Grace", "Hugo", "Imani", "Jonas", "Keiko", "Lucia")


class Buyers:
    """Buys."""

    def __init__(
        self, database: Database, shows: Shows, holds: Holds, bookings: Bookings, clock: Clock, random: Random
    ) -> None:
        self._database = database
        self._shows = shows
        self._holds = holds
        self._bookings = bookings
        self._clock = clock
        self._random = random

    @classmethod
    def of(cls, world: World, allocation: Allocation, shows: Shows, bookings: Bookings) -> "Buyers":
        """Wired like the site's own buyers, but free to take as many seats as a box office."""
        settings = replace(world.configuration.get(CinemaSettings), seats_per_hold_max=BOX_OFFICE_SEATS_MAX)
        holds = Holds(world.database, allocation, shows, world.clock, world.random, settings)
        return cls(world.database, shows, holds, bookings, world.clock, world.random)

    async def rush(self, tenant: UUID, progress: Progress) -> None:
        """The buyers before anybody looked."""
        wanted = programme(self._clock.now(), max(DAYS) + 1).shows
        done = 0

        async def some() -> None:
            nonlocal done
            for number in range(RUSH_BOOKINGS // AT_ONCE):
                await self._buy(tenant, self._choose(wanted), BOX_OFFICE if number % 2 else 1)
                done += 1
                progress("buyers", done, RUSH_BOOKINGS)

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))

    async def one(self, tenant: UUID) -> None:
        """Somebody comes by."""
        await self._buy(tenant, self._choose(programme(self._clock.now(), max(DAYS) + 1).shows), 1)

    def _choose(self, shows: Sequence[Planned]) -> Planned:
        """Shows are in the order of their starts, which stands for days well enough."""
        a_day = max(1, len(shows) // (max(DAYS) + 1))
        day = DAYS[self._random.below(len(DAYS))]
        looked = [shows[min(len(shows) - 1, day * a_day + self._random.below(a_day))] for _ in range(LOOKS)]
        return max(looked, key=_popularity)

    async def _buy(self, tenant: UUID, planned: Planned, parties: int) -> None:
        name = NAMES[self._random.below(len(NAMES))]
        try:
            show = await self._shows.get(tenant, planned.id)
            async with self._database.transaction(tenant) as tx:
                view = (await pool_views(tx, [show.pool_no]))[0]
            free = {key for key, state in view.states.items() if state is UnitState.FREE}
            keys = self._seated(show, free, parties)
            if not keys:
                return
            hold = await self._holds.hold(
                tenant, planned.id, [show.seat_id(key) for key in keys], holder="demo", holds_max=None
            )
            key = Key.of("demo", owner=hold.capability.text(), method="POST", path="demo", body=b"")
            buyer = Purchase(hold.capability, "pm_card_visa", f"{name.lower()}@demo.serai.example", name)
            reply = await self._bookings.book(tenant, buyer, key)
            booking = Capability.parse(orjson.loads(reply.body).get("id", ""))
            if booking and self._random.below(100) < CANCELS_PERCENT:
                await self._bookings.cancel(tenant, booking)
        except SeraiError:
            return  # the show began meanwhile, or somebody was faster: one buyer fewer

    def _seated(self, show: Show, free: set[int], parties: int) -> list[int]:
        """The best seats for one party after the other, until the house is full."""
        chosen: list[int] = []
        for _ in range(parties):
            together = best(show.plan, free, PARTIES[self._random.below(len(PARTIES))])
            if len(chosen) + len(together) > BOX_OFFICE_SEATS_MAX:
                break
            chosen += together
            free -= set(together)
        return chosen


def _popularity(show: Planned) -> int:
    evening = show.starts_at.astimezone(ZoneInfo(show.city.time_zone)).hour in range(18, 22)
    return draw(100, "popular", show.movie.slug) + 40 * evening
