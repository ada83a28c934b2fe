"""The declaration of allocation, a supporting system: it has no pages, other systems stand on it."""

from serai.runtime.jobs import Loop
from serai.runtime.system import Figure, Parts, System, World
from serai.systems.allocation.external import Externals
from serai.systems.allocation.service import Allocation
from serai.systems.allocation.store.views import live_claims

SWEEP_EVERY_S = 2.0
"""How often expired holds are swept. They are free to the next buyer at once; the sweep tells everybody."""

EXTERNAL_EVERY_S = 2.0
"""How often lines are looked for whose provider has something to do, or has not answered."""


def build(world: World) -> Parts:
    """Provides `Allocation`, and sweeps."""
    return build_with(world, Allocation(world.clock, world.random))


def build_with(world: World, allocation: Allocation) -> Parts:
    """The same over an allocation of the caller's choice: whoever composes another site, such as a test, comes here."""
    externals = Externals(world.database, allocation)
    world.provide(Allocation, allocation)
    world.provide(Externals, externals)

    async def figure() -> Figure:
        async with world.jobs_database.transaction(None) as tx:
            return Figure(await live_claims(tx), "things held right now")

    return Parts(
        figure=figure,
        loops=[
            Loop("allocation.sweep", SWEEP_EVERY_S, lambda: allocation.sweep(world.jobs_database)),
            Loop("allocation.external", EXTERNAL_EVERY_S, lambda: externals.recover(world.jobs_database)),
        ],
    )


SYSTEM = System(
    name="allocation",
    title="Allocation",
    summary="Claims on scarce things, so that nothing is sold twice.",
    build=build,
    icon="boxes",
    migrations="serai.systems.allocation.migrations",
)
