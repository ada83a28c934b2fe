"""The declaration of allocation, a supporting system: it has no pages, other systems stand on it."""

from serai.runtime.jobs import Loop
from serai.runtime.system import Parts, System, World
from serai.systems.allocation.service import Allocation

SWEEP_EVERY_S = 2.0
"""How often expired holds are swept. They are free to the next buyer at once; the sweep tells everybody."""


def build(world: World) -> Parts:
    """Provides `Allocation`, and sweeps."""
    return build_with(world, Allocation(world.clock, world.random))


def build_with(world: World, allocation: Allocation) -> Parts:
    """The same over an allocation of the caller's choice: whoever composes another site, such as a test, comes here."""
    world.provide(Allocation, allocation)
    return Parts(loops=[Loop("allocation.sweep", SWEEP_EVERY_S, lambda: allocation.sweep(world.jobs_database))])


SYSTEM = System(
    name="allocation",
    title="Allocation",
    summary="Claims on scarce things, so that nothing is sold twice.",
    build=build,
    icon="boxes",
    migrations="serai.systems.allocation.migrations",
)
