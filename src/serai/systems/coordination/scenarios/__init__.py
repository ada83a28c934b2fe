"""Coordination in a simulated world: four workloads on three members under all faults, and members with planted
mistakes, which must be caught."""

from serai.systems.coordination.scenarios import locks, stores, watches

SCENARIOS = (*stores.SCENARIOS, *watches.SCENARIOS, *locks.SCENARIOS)
