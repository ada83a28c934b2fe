"""Every system that exists, in dependency order: the only list of them in the code."""

from collections.abc import Sequence
from importlib import import_module

from serai.kernel.errors import Misconfigured
from serai.runtime.system import System

MODULES = (
    "serai.systems.identity.system",
    "serai.systems.allocation.system",
    "serai.systems.payments.system",
    "serai.systems.cinema.system",
    "serai.systems.simcards.system",
    "serai.systems.stock.system",
    "serai.systems.coordination.system",
)
"""Modules with a `SYSTEM`; each may need those above it."""


def all_systems() -> list[System]:
    """Every system, those that others need first."""
    systems: list[System] = []
    for name in MODULES:
        system = import_module(name).SYSTEM
        assert isinstance(system, System)
        assert set(system.needs) <= {earlier.name for earlier in systems}, f"{system.name} comes before its needs"
        systems.append(system)
    return systems


def chosen_systems(names: Sequence[str]) -> list[System]:
    """The named systems and all that they need, in order; no names: every system. Misconfigured for an unknown one."""
    systems = {system.name: system for system in all_systems()}
    if unknown := [name for name in names if name not in systems]:
        known = ", ".join(system.name for system in systems.values() if system.home)
        raise Misconfigured(f"There is no system called {unknown[0]!r}; choose from: {known}.")
    wanted: set[str] = set()
    queue = list(names or systems)
    while queue:
        name = queue.pop()
        if name not in wanted:
            wanted.add(name)
            queue.extend(systems[name].needs)
    return [system for name, system in systems.items() if name in wanted]
