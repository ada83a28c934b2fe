"""Fault settings say all that is wrong with them, heal, and give each seed a mix of its own."""

from dataclasses import fields, replace

import pytest

from serai.simulation.chance import Seeded
from serai.simulation.faults import CALM, RATES, ROUGH, SHARES, WAN, Faults


def test_all_problems_are_told_at_once() -> None:
    wrong = Faults(loss=1.5, down_s=-1.0, latency_min_s=2.0, clock_drift=1.0)
    assert wrong.problems() == [
        "loss is 1.5; a share lies in [0, 1].",
        "down_s is -1.0; it cannot be negative.",
        "latency_min_s is 2.0, more than latency_max_s, which is 0.001.",
        "clock_drift is 1.0; a clock that stands still or runs back is none.",
    ]
    assert CALM.problems() == ROUGH.problems() == []


def test_every_setting_that_is_a_fault_is_in_a_table() -> None:
    """A new fault that is in none would neither be drawn nor healed."""
    faults = {spec.name for spec in fields(Faults) if spec.default == 0.0} | {"torn", "scattered"}
    assert faults == {*SHARES, *RATES, "clock_drift", "clock_skew_s"}


def test_a_healed_world_keeps_its_distances() -> None:
    healed = replace(ROUGH, wan_s=WAN, latency_max_s=0.7).healed()
    assert all(getattr(healed, name) == 0 for name in (*SHARES, *RATES))
    assert (healed.wan_s, healed.latency_max_s) == (WAN, 0.7)
    assert str(healed) == "none"


def test_seeds_draw_different_mixes() -> None:
    mixes = [ROUGH.drawn(Seeded(seed)) for seed in range(60)]
    assert {mix.loss for mix in mixes} == {0.0, ROUGH.loss * 0.3, ROUGH.loss}
    assert {mix.crash_every_s for mix in mixes} == {0.0, 2.0, 6.0}
    assert len({str(mix) for mix in mixes}) > 55
    assert mixes[4] == ROUGH.drawn(Seeded(4))
    assert [problem for mix in mixes for problem in mix.problems()] == []


def test_what_is_off_stays_off() -> None:
    assert all(ROUGH.drawn(Seeded(seed)).bit_rot == 0 for seed in range(20))


def test_people_are_told_the_faults() -> None:
    assert str(Faults(loss=0.05, crash_every_s=2.0, torn=0.0, scattered=0.0)) == "loss 0.05, crash_every_s 2.0"


@pytest.mark.parametrize("name", SHARES)
def test_shares_are_bounded(name: str) -> None:
    assert replace(CALM, **{name: -0.1}).problems()[0] == f"{name} is -0.1; a share lies in [0, 1]."
