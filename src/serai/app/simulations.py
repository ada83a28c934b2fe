"""Scenarios that exist, by the system that they try, and `serai simulate`, which runs them over many seeds."""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from serai.kernel.errors import Misconfigured
from serai.runtime.world import SystemClock

if TYPE_CHECKING:
    from serai.simulation.campaign import Campaign
    from serai.simulation.scenario import Scenario

MODULES = {
    "registers": "serai.simulation.scenarios.registers",
    "lists": "serai.simulation.scenarios.lists",
    "feeds": "serai.simulation.scenarios.feeds",
    "groups": "serai.simulation.scenarios.groups",
    "coordination": "serai.systems.coordination.scenarios",
}
"""By system, the module that holds its `SCENARIOS`. Registers, lists and feeds prove the simulation itself."""

FAILED = 1

TELL_EVERY_S = 10.0
"""How often a log is told how far a campaign is."""


def scenarios_of(name: str) -> list[tuple[str, "Scenario"]]:
    """The scenarios of a system, or the one of SYSTEM/SCENARIO, each with its system. Misconfigured."""
    system, _, wanted = name.partition("/")
    if system not in MODULES:
        raise Misconfigured(f"There is no simulation of {system!r}; choose from: {', '.join(MODULES)}.")
    found = [scenario for scenario in _all_of(system) if wanted in ("", scenario.name)]
    if not found:
        known = ", ".join(scenario.name for scenario in _all_of(system))
        raise Misconfigured(f"{system} has no scenario called {wanted!r}; choose from: {known}.")
    return [(system, scenario) for scenario in found]


def _all_of(system: str) -> tuple["Scenario", ...]:
    scenarios: tuple[Scenario, ...] = import_module(MODULES[system]).SCENARIOS
    return scenarios


@click.command()
@click.argument("system", required=False, metavar="[SYSTEM[/SCENARIO]]")
@click.option("--seeds", metavar="N", type=click.IntRange(1), default=100, help="How many; default 100.")
@click.option("--seed", metavar="S", type=click.IntRange(0), default=1, help="The first; default 1.")
@click.option("--trace", is_flag=True, help="Print every event of one seed of one scenario.")
def simulate(*, system: str | None, seeds: int, seed: int, trace: bool) -> None:
    """Run a distributed system in simulated worlds full of faults, each made from a seed, and check what it promised.

    Without SYSTEM it names the scenarios. A violation is told with the command that replays it; exit code 1.

    Example: serai simulate registers --seeds 200
    """
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if system is None:
        for name, scenario in (found for known in MODULES for found in scenarios_of(known)):
            console.print(f"{name}/{scenario.name}: {scenario.meaning}")
        return
    chosen = scenarios_of(system)
    if trace:
        _tell(chosen, seed, seeds)
    campaigns = [_play(console, name, scenario, seed, seeds) for name, scenario in chosen]
    if any(campaign.verdict.name == "FAILED" for campaign in campaigns):
        raise SystemExit(FAILED)


def _tell(chosen: list[tuple[str, "Scenario"]], seed: int, seeds: int) -> None:
    if len(chosen) > 1 or seeds > 1:
        raise Misconfigured("A trace is of one run: give SYSTEM/SCENARIO and --seeds 1.")
    import_module("serai.simulation.scenario").run(chosen[0][1], seed, click.echo)


def _play(console: Console, system: str, scenario: "Scenario", seed: int, seeds: int) -> "Campaign":
    clock = SystemClock()
    campaign: Campaign = import_module("serai.simulation.campaign").Campaign(system, scenario)
    began_s = clock.monotonic()
    for _ in _shown(console, campaign.play(seed, seeds), f"{system}/{scenario.name}", seeds):
        pass
    took_s = clock.monotonic() - began_s
    console.print(f"{system}/{scenario.name}: {campaign.verdict.value}")
    console.print(
        f"  {campaign.runs:,} seeds from {seed}, {campaign.events:,} events, {campaign.calls:,} calls done"
        f" in {took_s:.1f} s ({campaign.events / max(took_s, 1e-9):,.0f} events/s)"
    )
    if campaign.last and seeds == 1:
        console.print(f"  digest {campaign.last.digest}")
    if not scenario.caught_as:
        console.print(_coverage(campaign))
    if campaign.story:
        console.print("\n".join(f"  {line}" for line in campaign.story.splitlines()))
    return campaign


def _shown(console: Console, runs: Iterator[object], name: str, seeds: int) -> Iterator[object]:
    """A bar where there is a terminal; elsewhere a line now and then, beside the output."""
    if not console.is_terminal:
        yield from _counted(runs, name, seeds)
        return
    with Progress(console=console, transient=True) as progress:
        yield from progress.track(runs, total=seeds, description=name)


def _counted(runs: Iterator[object], name: str, seeds: int) -> Iterator[object]:
    clock = SystemClock()
    told_s = clock.monotonic()
    for count, done in enumerate(runs, 1):
        if clock.monotonic() - told_s > TELL_EVERY_S:
            told_s = clock.monotonic()
            click.echo(f"{name}: {count:,} of {seeds:,} seeds", err=True)
        yield done


def _coverage(campaign: "Campaign") -> Table:
    table = Table("  reached", "times", "seeds", "", box=None, pad_edge=False)
    for state in sorted({*campaign.runs_that_reached, *campaign.scenario.must_reach}):
        must = "must be reached" if state in campaign.scenario.must_reach else ""
        table.add_row(f"  {state}", f"{campaign.reached[state]:,}", f"{campaign.runs_that_reached[state]:,}", must)
    return table
