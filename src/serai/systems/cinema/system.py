"""The declaration of cinema (design 27)."""

from functools import partial
from pathlib import Path

from serai.runtime.jobs import Job, Loop
from serai.runtime.mail import Mailer
from serai.runtime.system import Entry, Figure, Parts, Progress, System, World
from serai.systems.allocation.api import Allocation
from serai.systems.cinema.demo import Demo
from serai.systems.cinema.demo_buyers import EVERY_S, Buyers
from serai.systems.cinema.http import Cinema, make_routers
from serai.systems.cinema.model import OWNER
from serai.systems.cinema.pages import make_pages
from serai.systems.cinema.service.bookings import Bookings
from serai.systems.cinema.service.doors import Doors
from serai.systems.cinema.service.holds import Holds
from serai.systems.cinema.service.house import Audit, House
from serai.systems.cinema.service.live import LiveMaps
from serai.systems.cinema.service.orders import BookingOrders
from serai.systems.cinema.service.reports import Reports
from serai.systems.cinema.service.schedule import Schedule
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.service.swaps import Swaps
from serai.systems.cinema.service.tickets import KEY_ID, Tickets
from serai.systems.cinema.service.waiting import SERVE_EVERY_S, Waiting
from serai.systems.cinema.service.waiting_mail import WaitingMail
from serai.systems.cinema.settings import CinemaSettings
from serai.systems.cinema.store.bookings import sold_by_hour
from serai.systems.cinema.tickets import TicketKey
from serai.systems.identity.api import IdentityApi
from serai.systems.payments.api import Payments

SETTLE_EVERY_S = 1.0
"""How often the jobs process looks for called-off shows whose bookings are to be returned."""


def make_cinema(world: World) -> Cinema:
    """The use cases, wired; also for benches and the command line."""
    settings = world.configuration.get(CinemaSettings)
    allocation, payments = world.need(Allocation), world.need(Payments)
    shows = Shows(world.database, world.clock)
    holds = Holds(world.database, allocation, shows, world.clock, world.random, settings)
    orders = BookingOrders(allocation, shows, world.outbox, world.queue, world.clock, world.random)
    payments.serve(OWNER, orders)
    mailer = Mailer(world.settings.smtp_url, world.settings.mail_from)
    bookings = Bookings(world.database, allocation, payments, shows, holds, world.clock, world.random, settings)
    audit = Audit(world.outbox)
    key = TicketKey.from_seed(KEY_ID, world.secrets["tickets"])
    return Cinema(
        database=world.database,
        shows=shows,
        holds=holds,
        bookings=bookings,
        swaps=Swaps(
            world.database,
            allocation,
            shows,
            holds,
            bookings,
            world.outbox,
            world.queue,
            world.clock,
            world.random,
        ),
        live=LiveMaps(world.database, world.clock),
        tickets=Tickets(world.database, shows, mailer, key, world.clock, world.settings.site_url),
        house=House(world.database, audit, world.clock, world.random),
        schedule=Schedule(
            world.database,
            world.jobs_database,
            allocation,
            shows,
            bookings,
            audit,
            world.clock,
            world.random,
            settings,
        ),
        reports=Reports(world.database),
        waiting=Waiting(
            world.database,
            world.jobs_database,
            allocation,
            shows,
            holds,
            world.queue,
            world.clock,
            world.random,
            settings,
        ),
        doors=Doors(world.database, shows, {key.id: key.public}, world.clock),
        settings=settings,
    )


def build(world: World) -> Parts:
    """Routes, mail jobs and the poll that feeds live seat maps."""
    cinema = make_cinema(world)
    tickets = cinema.tickets
    mailer = Mailer(world.settings.smtp_url, world.settings.mail_from)
    waiting_mail = WaitingMail(
        world.database, world.need(Allocation), cinema.shows, mailer, world.clock, world.settings.site_url
    )

    return Parts(
        routers=[*make_routers(cinema), make_pages(world, cinema)],
        jobs=[
            Job("cinema.mail_ticket", tickets.mail_ticket),
            Job("cinema.mail_cancelled", tickets.mail_cancelled),
            Job("cinema.mail_returned", tickets.mail_returned),
            Job("cinema.mail_offer", waiting_mail.offer),
            Job("cinema.mail_called_off", waiting_mail.called_off),
            Job("cinema.keep_ahead", partial(_keep_ahead, world, cinema), deadline_s=600, cron="23 2 * * *"),
        ],
        loops=[
            Loop("cinema.settle_shows", SETTLE_EVERY_S, cinema.schedule.settle),
            Loop("cinema.waiting", SERVE_EVERY_S, cinema.waiting.serve),
            Loop("cinema.demo_buyers", EVERY_S, partial(_buy_on, world, cinema)),
        ],
        background=[Loop("cinema.live", cinema.settings.poll_ms / 1000, cinema.live.poll)],
        figure=partial(_figure, world),
        demo=partial(_load_demo, world, cinema),
        end_streams=cinema.live.close,
    )


async def _load_demo(world: World, cinema: Cinema, progress: Progress) -> None:
    demo = Demo(world.database, world.need(Allocation), _buyers(world, cinema), world.clock)
    await demo.load(await world.need(IdentityApi).site_tenant(), progress)


def _buyers(world: World, cinema: Cinema) -> Buyers:
    return Buyers.of(world, world.need(Allocation), cinema.shows, cinema.bookings)


async def _buy_on(world: World, cinema: Cinema) -> None:
    if world.settings.demo:
        await _buyers(world, cinema).one(await world.need(IdentityApi).site_tenant())


async def _keep_ahead(world: World, cinema: Cinema) -> None:
    if world.settings.demo:
        await _load_demo(world, cinema, lambda what, done, total: None)


async def _figure(world: World) -> Figure:
    tenant = await world.need(IdentityApi).site_tenant()
    async with world.database.transaction(tenant) as tx:
        sold = await sold_by_hour(tx)
        return Figure(sum(sold), "seats sold in the last day", sold)


SYSTEM = System(
    name="cinema",
    title="Cinema",
    summary="Movie seats: live map, holds, payment, tickets at the door.",
    build=build,
    design=27,
    icon="clapperboard",
    home="/cinema",
    navigation=(
        Entry("Programme", "/cinema", "film"),
        Entry("Door", "/cinema/door", "scan-line", role="cinema:door"),
        Entry("House", "/cinema/house", "house", "cinema:manage"),
        Entry("Shows", "/cinema/house/shows", "calendar", "cinema:manage"),
        Entry("Movies", "/cinema/house/movies", "clapperboard", "cinema:manage"),
        Entry("Theaters", "/cinema/house/theaters", "building-2", "cinema:manage"),
        Entry("Occupancy", "/cinema/house/occupancy", "activity", "cinema:manage"),
    ),
    folder=Path(__file__).parent,
    needs=("identity", "allocation", "payments"),
    settings=(CinemaSettings,),
    migrations="serai.systems.cinema.migrations",
    commands="serai.systems.cinema.cli:commands",
)
