"""The declaration of stock (design 45)."""

from functools import partial
from pathlib import Path

from serai.runtime.jobs import Job, Loop
from serai.runtime.mail import Mailer
from serai.runtime.system import Entry, Figure, Parts, Progress, System, World
from serai.systems.allocation.api import Allocation
from serai.systems.identity.api import IdentityApi
from serai.systems.stock.chain import HeadKey
from serai.systems.stock.demo import Demo
from serai.systems.stock.http import Desk, make_routers
from serai.systems.stock.pages import make_pages
from serai.systems.stock.service.alerts import MAIL_JOB, AlertMail
from serai.systems.stock.service.chaining import KEY_ID, Chaining
from serai.systems.stock.settings import StockSettings
from serai.systems.stock.store.figure import moved_by_hour
from serai.systems.stock.whole import Stock, whole_stock

SECRET = "stock"  # noqa: S105  # the name of a secret
"""The secret from which the key of the chain's heads is made."""


def make_stock(world: World) -> Stock:
    """The use cases in this world; also for the command line."""
    return whole_stock(world.database, world.need(Allocation), world.outbox, world.clock, world.random)


def head_key(world: World) -> HeadKey:
    """The key that signs the chain's heads."""
    return HeadKey.from_secret(KEY_ID, world.secrets[SECRET])


def build(world: World) -> Parts:
    """Routes, mail, and the chain."""
    settings = world.configuration.get(StockSettings)
    stock, key = make_stock(world), head_key(world)
    chaining = Chaining(world.jobs_database, key, world.clock)
    mailer = Mailer(world.settings.smtp_url, world.settings.mail_from)
    mail = AlertMail(
        world.database, world.jobs_database, world.queue, mailer, stock.alerts, world.clock, world.settings.site_url
    )
    return Parts(
        routers=[*make_routers(Desk(stock, chaining, {key.id: key.public()})), make_pages(world, stock)],
        jobs=[
            Job(MAIL_JOB, mail.mail),
            Job("stock.sign_heads", partial(_sign, chaining), deadline_s=600, cron="7 0 * * *"),
            Job("stock.keep_ahead", partial(_keep_ahead, world, stock), deadline_s=600, cron="41 2 * * *"),
        ],
        loops=[
            Loop("stock.chain", settings.chain_every_s, chaining.chain),
            Loop("stock.mail", settings.mail_every_s, mail.hand_over),
        ],
        figure=partial(_figure, world),
        demo=partial(_load_demo, world, stock, chaining),
    )


async def _sign(chaining: Chaining) -> None:
    await chaining.sign()


async def _load_demo(world: World, stock: Stock, chaining: Chaining, progress: Progress) -> None:
    await Demo(stock, world.clock).load(await world.need(IdentityApi).site_tenant(), progress)
    await chaining.sign()


async def _keep_ahead(world: World, stock: Stock) -> None:
    if world.settings.demo:
        tenant = await world.need(IdentityApi).site_tenant()
        await Demo(stock, world.clock).load(tenant, lambda what, done, total: None)


async def _figure(world: World) -> Figure:
    tenant = await world.need(IdentityApi).site_tenant()
    async with world.database.transaction(tenant) as tx:
        moved = await moved_by_hour(tx)
        return Figure(sum(moved), "movements in the last day", moved)


SYSTEM = System(
    name="stock",
    title="Stock",
    summary="Store inventory: a ledger of movements, reservations, transfers, counts and reorder alerts.",
    build=build,
    design=45,
    icon="package",
    home="/stock",
    navigation=(
        Entry("Overview", "/stock", "layout-dashboard", "stock:view"),
        Entry("Products", "/stock/products", "package", "stock:view"),
        Entry("Places", "/stock/locations", "store", "stock:view"),
        Entry("Movements", "/stock/movements", "activity", "stock:view"),
        Entry("Transfers", "/stock/transfers", "send", "stock:view"),
        Entry("Counts", "/stock/counts", "scan-line", "stock:view"),
        Entry("Alerts", "/stock/alerts", "inbox", "stock:view"),
        Entry("Import", "/stock/import", "file-text", "stock:manage"),
    ),
    folder=Path(__file__).parent,
    needs=("identity", "allocation"),
    settings=(StockSettings,),
    migrations="serai.systems.stock.migrations",
    commands="serai.systems.stock.cli:commands",
)
