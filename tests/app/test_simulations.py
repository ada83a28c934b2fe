"""`serai simulate`: what it shows, what it exits with, and that its replay command replays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from serai.app import simulations
from serai.app.cli import cli
from serai.app.simulations import MODULES, scenarios_of
from serai.kernel.errors import Misconfigured
from serai.simulation import campaign
from serai.simulation.scenario import Run
from serai.simulation.violations import Violation
from serai.simulation.world import World

SOURCES = str(Path(__file__).parents[2] / "src")


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["simulate", *arguments])


def test_without_a_system_every_scenario_is_named() -> None:
    done = simulate()
    assert done.exit_code == 0
    named = {line.split(":")[0] for line in done.output.splitlines()}
    assert named == {f"{system}/{scenario.name}" for known in MODULES for system, scenario in scenarios_of(known)}


def test_a_campaign_is_summed_up() -> None:
    done = simulate("registers/lone", "--seeds", "5", "--seed", "3")
    assert done.exit_code == 0
    assert "registers/lone: passed" in done.output
    assert "5 seeds from 3" in done.output
    assert "a node crashed" in done.output
    assert "must be reached" in done.output


def test_a_log_is_told_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulations, "TELL_EVERY_S", 0.0)
    done = simulate("registers/lone", "--seeds", "2")
    assert done.stderr.splitlines() == ["registers/lone: 1 of 2 seeds", "registers/lone: 2 of 2 seeds"]


def test_a_canary_is_caught_and_its_replay_tells_every_event() -> None:
    done = simulate("registers/canary-hasty-register", "--seeds", "100")
    assert done.exit_code == 0
    assert "caught, as it must be" in done.output
    replay = done.output.split("replay: serai simulate ")[1].split()
    again = simulate(*replay)
    assert again.exit_code == 0
    assert "broke linearizability" in again.output
    assert "a -> Store(" in again.output
    story = [line for line in done.output.splitlines() if line.startswith("  seed ")]
    assert story[0] in again.output


def test_a_finding_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scenario whose check always fails, in the place of a sound one."""
    ((_, sound),) = scenarios_of("registers/lone")

    def broken(scenario: object, seed: int, tell: object = None) -> Run:
        world = World(seed)
        found = Violation("set", "a has lost 1")
        return Run(seed, world.faults, "0", 1, world.reached, 1, found.kind, found.story)

    monkeypatch.setattr(campaign, "run", broken)
    done = simulate(f"registers/{sound.name}", "--seeds", "5", "--seed", "7")
    assert done.exit_code == 1
    assert "seed 7 broke set: a has lost 1" in done.output
    assert "replay: serai simulate registers/lone --seed 7 --seeds 1 --trace" in done.output


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raffle", "There is no simulation of 'raffle'; choose from: registers"),
        ("registers/raffle", "registers has no scenario called 'raffle'; choose from: lone, quorum"),
    ],
)
def test_what_does_not_exist_is_a_mistake_of_the_operator(name: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        scenarios_of(name)


def test_a_trace_is_of_one_run() -> None:
    done = simulate("registers", "--trace")
    assert isinstance(done.exception, Misconfigured)


def digest_elsewhere(name: str, hash_seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": SOURCES, "COLUMNS": "200"}
    command = [sys.executable, "-m", "serai.app.cli", "simulate", name, "--seeds", "1", "--seed", "5"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True).stdout
    return next(line for line in told.splitlines() if "digest" in line)


@pytest.mark.parametrize("system", MODULES)
def test_every_scenario_is_the_same_run_in_every_process(system: str) -> None:
    """Otherwise a replay command would show something else than what was found."""
    for name in (f"{system}/{scenario.name}" for _, scenario in scenarios_of(system)):
        if "/canary" not in name:
            assert digest_elsewhere(name, "1") == digest_elsewhere(name, "2")
