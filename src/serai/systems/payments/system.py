"""The declaration of payments, a supporting system."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from serai.runtime.jobs import Job, Loop
from serai.runtime.system import Figure, Parts, System, World
from serai.systems.payments import store
from serai.systems.payments.cashier import Cashier
from serai.systems.payments.gateway.keys import embedded_key, embedded_webhook_secret
from serai.systems.payments.http import FLUSH_EVERY_S, Hints, make_router
from serai.systems.payments.reconcile import Reconciler
from serai.systems.payments.service import Payments

RECOVER_EVERY_S = 1.0
"""How often recovery looks for payments that nobody is working on."""


def make_cashier(world: World) -> Cashier:
    """The client of the gateway that this world's settings name."""
    settings = world.settings
    key = settings.stripe_key or embedded_key(world.secrets["gateway_key"])
    return Cashier(key, settings.stripe_url or None)


@asynccontextmanager
async def open_reconciler(world: World) -> AsyncIterator[Reconciler]:
    """A reconciler for the command line, where no system is built."""
    cashier = make_cashier(world)
    try:
        yield Reconciler(world.jobs_database, cashier, world.clock, world.random)
    finally:
        await cashier.close()


def build(world: World) -> Parts:
    """Provides `Payments` and `Reconciler`; recovers, and reconciles at night."""
    return build_with(world, make_cashier(world))


def build_with(world: World, cashier: Cashier) -> Parts:
    """The same over a cashier of the caller's choice: whoever composes another site, such as a test, comes in here."""
    settings = world.settings
    secret = settings.stripe_webhook_secret or embedded_webhook_secret(world.secrets["gateway_webhook"])
    payments = Payments(world.database, cashier, world.clock, world.random, settings.site_url)
    reconciler = Reconciler(world.jobs_database, cashier, world.clock, world.random)
    world.provide(Payments, payments)
    world.provide(Reconciler, reconciler)

    hints = Hints(world.jobs_database)

    async def reconcile() -> None:
        await reconciler.run()

    async def figure() -> Figure:
        async with world.jobs_database.transaction(None) as tx:
            captured = await store.captured_by_hour(tx)
        return Figure(sum(captured), "payments in the last day", captured)

    return Parts(
        figure=figure,
        routers=[make_router(hints, secret)],
        jobs=[Job("payments.reconcile", reconcile, deadline_s=1800, cron="17 3 * * *")],
        loops=[Loop("payments.recover", RECOVER_EVERY_S, lambda: payments.recover(world.jobs_database))],
        background=[Loop("payments.hints", FLUSH_EVERY_S, hints.flush)],
        close=cashier.close,
    )


SYSTEM = System(
    name="payments",
    title="Payments",
    summary="Authorise, confirm, capture: money and goods never part.",
    build=build,
    icon="credit-card",
    migrations="serai.systems.payments.migrations",
)
