"""Loads the believable cinema: theaters, a programme two weeks ahead, and buyers who paid at the gateway.

Everything has an id made from its natural name, so loading again adds only what is missing; a daily job does, and keeps
the programme ahead of the calendar. The first buyers go through the same door as real ones: hold, pay, ticket, mail.
"""

from collections.abc import Sequence
from uuid import UUID

from serai.kernel.errors import SeraiError
from serai.kernel.ports import Clock, Random
from serai.runtime.http.idempotency import Key
from serai.runtime.postgres.database import Database, Transaction
from serai.runtime.system import Progress
from serai.systems.allocation.api import Allocation, UnitState, pool_views
from serai.systems.cinema.demo_data import Programme, poster_svg, programme
from serai.systems.cinema.demo_data.chance import demo_id
from serai.systems.cinema.demo_data.programme import Show as Planned
from serai.systems.cinema.model import OWNER, Movie, Theater
from serai.systems.cinema.seating import best
from serai.systems.cinema.service.bookings import Bookings, Purchase
from serai.systems.cinema.service.holds import Holds
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.store import catalogue

DAYS_AHEAD = 14
BATCH = 40
"""Shows made in one transaction."""

BUYERS = 160
"""Bookings of the first start."""

NAMES = ("Ada", "Bruno", "Chiyo", "Dmitri", "Esther", "Farid", "Grace", "Hugo", "Imani", "Jonas", "Keiko", "Lucia")


class Demo:
    """Makes what is missing."""

    def __init__(
        self,
        database: Database,
        allocation: Allocation,
        shows: Shows,
        holds: Holds,
        bookings: Bookings,
        clock: Clock,
        random: Random,
    ) -> None:
        self._database = database
        self._allocation = allocation
        self._shows = shows
        self._holds = holds
        self._bookings = bookings
        self._clock = clock
        self._random = random

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
            await self._sell(tenant, missing, progress)

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

    async def _sell(self, tenant: UUID, made: Sequence[Planned], progress: Progress) -> None:
        """Parties of one to four, mostly for the next shows, as in any cinema."""
        soon = sorted((show for show in made if show.starts_at > self._clock.now()), key=lambda show: show.starts_at)
        for number in range(BUYERS):
            show = soon[self._random.below(min(len(soon), 12 + number))]
            await self._buy(tenant, show.id, 1 + self._random.below(4), number)
            progress("buyers", number + 1, BUYERS)

    async def _buy(self, tenant: UUID, show_id: UUID, count: int, number: int) -> None:
        show = await self._shows.get(tenant, show_id)
        async with self._database.transaction(tenant) as tx:
            view = (await pool_views(tx, [show.pool_no]))[0]
        free = {key for key, state in view.states.items() if state is UnitState.FREE}
        keys = best(show.plan, free, count)
        if not keys:
            return
        name = NAMES[number % len(NAMES)]
        try:
            seats = [show.seat_id(key) for key in keys]
            hold = await self._holds.hold(tenant, show_id, seats, holder=f"demo:{number}", holds_max=None)
            key = Key.of(f"demo-{number}", owner=hold.capability.text(), method="POST", path="demo", body=b"")
            buyer = Purchase(hold.capability, "pm_card_visa", f"{name.lower()}@demo.serai.example", name)
            await self._bookings.book(tenant, buyer, key)
        except SeraiError:
            return  # the show began meanwhile, or the gateway does not answer: one buyer fewer


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
