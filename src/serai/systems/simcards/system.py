"""The declaration of simcards (design 30)."""

from functools import partial
from pathlib import Path
from uuid import UUID

from serai.runtime.jobs import Job, Loop
from serai.runtime.mail import Mailer
from serai.runtime.system import Entry, Figure, Parts, Progress, System, World
from serai.systems.allocation.api import Allocation
from serai.systems.identity.api import IdentityApi
from serai.systems.payments.api import Payments
from serai.systems.simcards.demo import EVERY_S, Demo
from serai.systems.simcards.http import Simcards, make_routers
from serai.systems.simcards.model import OWNER
from serai.systems.simcards.pages import make_pages
from serai.systems.simcards.service.board import Board
from serai.systems.simcards.service.cards import Cards
from serai.systems.simcards.service.evidence import Witness
from serai.systems.simcards.service.holds import Holds
from serai.systems.simcards.service.mail import SaleMail
from serai.systems.simcards.service.numbers import Numbers
from serai.systems.simcards.service.orders import SaleOrders
from serai.systems.simcards.service.pools import Pools
from serai.systems.simcards.service.portings import Portings
from serai.systems.simcards.service.sales import Sales
from serai.systems.simcards.service.search import Search
from serai.systems.simcards.service.showing import SELLER
from serai.systems.simcards.settings import SimcardsSettings
from serai.systems.simcards.store import pools as pool_store
from serai.systems.simcards.store.sales import sold_by_hour

REST_EVERY_S = 60.0
"""How often the jobs process looks for numbers that have rested enough."""


def make_pools(world: World, allocation: Allocation) -> Pools:
    """Pools alone, for the command line, which needs no gateway."""
    settings = world.configuration.get(SimcardsSettings)
    return Pools(world.database, allocation, world.outbox, world.queue, world.clock, world.random, settings)


def make_simcards(world: World) -> Simcards:
    """The use cases, wired; also for benches."""
    settings = world.configuration.get(SimcardsSettings)
    allocation, payments = world.need(Allocation), world.need(Payments)
    database, clock, random = world.database, world.clock, world.random
    pools = make_pools(world, allocation)
    numbers = Numbers(database, world.jobs_database, allocation, pools, world.outbox)
    payments.serve(OWNER, SaleOrders(allocation, pools, numbers, world.outbox, world.queue, clock, random))
    holds = Holds(database, allocation, pools, clock, random, settings)
    sales = Sales(database, allocation, payments, holds, numbers, clock, random, settings)
    return Simcards(
        database=database,
        allocation=allocation,
        pools=pools,
        search=Search(database, pools, clock, random, settings),
        holds=holds,
        sales=sales,
        numbers=numbers,
        portings=Portings(database, numbers, sales, world.outbox, clock, random),
        cards=Cards(database),
        board=Board(database, pools, clock),
        witness=Witness(database, allocation, pools, clock, random),
        settings=settings,
    )


def build(world: World) -> Parts:
    """Routes, mail, filling of pools, and the end of quarantines."""
    shop = make_simcards(world)
    mailer = Mailer(world.settings.smtp_url, world.settings.mail_from)
    mail = SaleMail(world.database, mailer, world.clock, world.settings.site_url)

    async def fill_pool(tenant: str, pool_id: str) -> None:
        await shop.pools.fill(UUID(tenant), UUID(pool_id))

    return Parts(
        routers=[*make_routers(shop), make_pages(world, shop)],
        jobs=[
            Job("simcards.mail_sale", mail.send),
            Job("simcards.fill_pool", fill_pool, deadline_s=1800),
            Job("simcards.forget_shown", partial(_forget_shown, world), cron="7 0 * * *"),
        ],
        loops=[
            Loop("simcards.quarantine", REST_EVERY_S, shop.numbers.release_rested),
            Loop("simcards.demo_buyers", EVERY_S, partial(_buy_on, world, shop)),
        ],
        figure=partial(_figure, world),
        demo=partial(_load_demo, world, shop),
    )


async def _forget_shown(world: World) -> None:
    async with world.jobs_database.transaction(None) as tx:
        await pool_store.forget_shown(tx)


async def _load_demo(world: World, shop: Simcards, progress: Progress) -> None:
    await Demo(shop, await world.need(IdentityApi).site_tenant(), world.random).load(progress)


async def _buy_on(world: World, shop: Simcards) -> None:
    if world.settings.demo:
        await Demo(shop, await world.need(IdentityApi).site_tenant(), world.random).buy_one()


async def _figure(world: World) -> Figure:
    tenant = await world.need(IdentityApi).site_tenant()
    async with world.database.transaction(tenant) as tx:
        sold = await sold_by_hour(tx)
        return Figure(sum(sold), "numbers sold in the last day", sold)


SYSTEM = System(
    name="simcards",
    title="SIM cards",
    summary="Phone numbers that nobody can predict, from the plan to the active card.",
    build=build,
    design=30,
    icon="smartphone",
    home="/simcards",
    navigation=(
        Entry("Numbers", "/simcards", "smartphone"),
        Entry("Desk", "/simcards/desk", "layout-dashboard", SELLER),
        Entry("Sales", "/simcards/desk/sales", "wallet", SELLER),
        Entry("Cards", "/simcards/desk/cards", "credit-card", SELLER),
        Entry("Portings", "/simcards/desk/portings", "inbox", SELLER),
    ),
    folder=Path(__file__).parent,
    needs=("identity", "allocation", "payments"),
    settings=(SimcardsSettings,),
    migrations="serai.systems.simcards.migrations",
    commands="serai.systems.simcards.cli:commands",
)
