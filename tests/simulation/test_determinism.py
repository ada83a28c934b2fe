"""The same seed is the same run: in this process, in a fresh one, and whatever Python's own hash seed is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serai.simulation.scenario import run
from serai.simulation.scenarios.registers import SCENARIOS

SOURCES = str(Path(__file__).parents[2] / "src")

ELSEWHERE = """
from serai.simulation.scenario import run
from serai.simulation.scenarios.registers import SCENARIOS
print(*(run(scenario, 3).digest for scenario in SCENARIOS))
"""


def digests_elsewhere(hash_seed: str) -> list[str]:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": SOURCES}
    command = [sys.executable, "-c", ELSEWHERE]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_a_seed_is_the_same_run_in_every_process() -> None:
    here = [run(scenario, 3).digest for scenario in SCENARIOS]
    assert len(set(here)) == len(SCENARIOS)
    assert digests_elsewhere("1") == digests_elsewhere("2") == here


@pytest.mark.parametrize("name", ["lone", "quorum"])
def test_every_seed_is_another_run(name: str) -> None:
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    assert len({run(scenario, seed).digest for seed in range(6)}) == 6


def test_looking_changes_nothing() -> None:
    lines: list[str] = []
    assert run(SCENARIOS[1], 5, lines.append).digest == run(SCENARIOS[1], 5).digest
    assert len(lines) > 1_000
