"""A digest tells runs apart that differ in a time, a node, a byte or what a client saw."""

import pytest

from serai.simulation import trace
from serai.simulation.trace import Trace


def digest(*, events: tuple[tuple[float, int], ...] = ((0.1, 1), (0.2, 2)), data: bytes = b"x", text: str = "t") -> str:
    made = Trace()
    for now_s, node in events:
        made.event(now_s, node)
    made.data(data)
    made.text(text)
    return made.digest()


def test_every_difference_shows() -> None:
    found = {
        digest(),
        digest(events=((0.1, 1), (0.2, 3))),
        digest(events=((0.1, 1), (0.200_000_001, 2))),
        digest(events=((0.2, 2), (0.1, 1))),
        digest(data=b"y"),
        digest(text="u"),
    }
    assert len(found) == 6
    assert digest() == "83da235b2a0144b2"


def test_long_runs_are_folded_without_loss() -> None:
    one, other = Trace(), Trace()
    for number in range(20_000):
        one.event(number * 0.1, 1)
        other.event(number * 0.1, 2 if number == 5 else 1)
    assert one.digest() != other.digest()
    assert one.events == 20_000


def test_a_run_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "EVENTS_MAX", 10_000)
    made = Trace()
    with pytest.raises(AssertionError, match="a run of more than 10000 events"):
        for _ in range(20_000):
            made.event(0.0, 1)
