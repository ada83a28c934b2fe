"""Loads the believable cinema: theaters, a programme two weeks ahead, and buyers who paid at the gateway.

Everything has an id made from its natural name, so loading again adds only what is missing; a daily job does, and keeps
the programme ahead of the calendar.
"""

from collections.abc import Sequence
from uuid import UUID

from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Database, Transaction
from serai.runtime.system import Progress
from serai.systems.allocation.api import Allocation
from serai.systems.cinema.demo_buyers import Buyers
from serai.systems.cinema.demo_data import Programme, poster_svg, programme
from serai.systems.cinema.demo_data.chance import demo_id
from serai.systems.cinema.demo_data.programme import Show as Planned
from serai.systems.cinema.model import OWNER, Movie, Theater
from serai.systems.cinema.store import catalogue

DAYS_AHEAD = 14
BATCH = 40
"""Shows made in one transaction."""


class Demo:
    """Makes what is missing."""

    def __init__(
        self,
        database: Database,
        allocation: Allocation,
        buyers: Buyers,
        clock: Clock,
    ) -> None:
        self._database = database
        self._allocation = allocation
        self._buyers = buyers
        self._clock = clock

    async def load(self, tenant: UUID, progress: Progress) -> None:
        """The programme of the coming two weeks, and at the very first time its buyers."""
        wanted = programme(self._clock.now(), DAYS_AHEAD)
        async with self._database.transaction(tenant) as tx:
            first_time = not await catalogue.cities(tx)
            await _houses(tx, wanted)
            known = await catalogue.existing_shows(tx, [show.id for show in wanted.shows])
        missing = [show for show in wanted.shows if show.id not in known]
        await self._make_shows(tenant, missing, progress)
        if first_time:
            await self._buyers.rush(tenant, progress)

    async def _make_shows(self, tenant: UUID, missing: Sequence[Planned], progress: Progress) -> None:
        for start in range(0, len(missing), BATCH):
            async with self._database.transaction(tenant) as tx:
                for show in missing[start : start + BATCH]:
                    await self._make_show(tx, show)
            progress("shows", min(start + BATCH, len(missing)), len(missing))

    async def _make_show(self, tx: Transaction, planned: Planned) -> None:
        keys = [seat.key for seat in planned.screen.plan.seats]
        pool_no = await self._allocation.create_pool(tx, OWNER, keys, "demo")
        show = catalogue.NewShow(
            show_id=planned.id,
            movie_id=demo_id("movie", planned.movie.slug),
            screen_id=demo_id("screen", f"{planned.theater.slug}/{planned.screen.slug}"),
            plan_id=_plan_id(planned.theater.slug, planned.screen.slug),
            starts_at=planned.starts_at,
            ends_at=planned.ends_at,
            currency=planned.city.currency,
            prices={category: price.minor for category, price in planned.prices.items()},
        )
        await catalogue.insert_show(tx, show, pool_no)


async def _houses(tx: Transaction, wanted: Programme) -> None:
    """Movies, theaters, plans and screens; those that exist are brought up to date."""
    for movie in wanted.movies:
        made = Movie(
            demo_id("movie", movie.slug),
            movie.title,
            movie.duration_min,
            movie.rating,
            movie.synopsis,
            movie.genre,
            poster_svg(movie),
        )
        await catalogue.upsert_movie(tx, made)
    for city in wanted.cities:
        for theater in city.theaters:
            theater_id = demo_id("theater", theater.slug)
            await catalogue.upsert_theater(
                tx, Theater(theater_id, theater.name, city.name, city.time_zone, city.currency, theater.address)
            )
            for screen in theater.screens:
                plan_id = _plan_id(theater.slug, screen.slug)
                screen_id = demo_id("screen", f"{theater.slug}/{screen.slug}")
                await catalogue.insert_plan(tx, plan_id, screen.plan)
                await catalogue.upsert_screen(tx, screen_id, theater_id, screen.name, plan_id)


def _plan_id(theater: str, screen: str) -> UUID:
    return demo_id("plan", f"{theater}/{screen}")
