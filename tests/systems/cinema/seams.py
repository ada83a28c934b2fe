"""Other parts for the same site: a system built over a cashier or an allocation of the test's choice."""

from collections.abc import Callable
from dataclasses import replace

from serai.app.registry import chosen_systems
from serai.runtime.system import Parts, System, World
from serai.systems.allocation import system as allocation_system
from serai.systems.allocation.api import Allocation
from serai.systems.payments import system as payments_system
from serai.systems.payments.cashier import Cashier
from serai.systems.payments.gateway.keys import embedded_key


def cashier_of(world: World, kind: type[Cashier] = Cashier, call_s: float = 8.0) -> Cashier:
    """A cashier of that kind for the embedded gateway of this world."""
    return kind(embedded_key(world.secrets["gateway_key"]), world.settings.stripe_url, call_s)


def with_cashier(make: Callable[[World], Cashier]) -> list[System]:
    """Every system, payments over this cashier."""
    return _replaced("payments", lambda world: payments_system.build_with(world, make(world)))


def with_allocation(make: Callable[[World], Allocation]) -> list[System]:
    """Every system, allocation being this one."""
    return _replaced("allocation", lambda world: allocation_system.build_with(world, make(world)))


def impatient(call_s: float = 0.4) -> list[System]:
    """Every system, with a short deadline of calls to the gateway."""
    return with_cashier(lambda world: cashier_of(world, call_s=call_s))


def _replaced(name: str, build: Callable[[World], Parts]) -> list[System]:
    return [replace(system, build=build) if system.name == name else system for system in chosen_systems(())]
