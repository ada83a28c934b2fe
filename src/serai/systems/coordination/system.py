"""The declaration of coordination (design 36)."""

from serai.runtime.system import Parts, System, World
from serai.systems.coordination.settings import CoordinationSettings


def build(world: World) -> Parts:
    """A process of its own serves it; in the others there is nothing yet."""
    return Parts()


SYSTEM = System(
    name="coordination",
    title="Coordination",
    summary="A configuration store that any etcd client can use: keys, watches, leases, locks with numbers.",
    build=build,
    design=36,
    icon="network",
    settings=(CoordinationSettings,),
)
