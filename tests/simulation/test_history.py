"""A history numbers its moments, and only a reply ends an operation."""

from math import inf

import pytest

from serai.simulation.history import History, Outcome, told


def test_moments_are_in_true_order() -> None:
    history = History()
    first = history.begin("one", "write", 0.1)
    second = history.begin("two", "read", 0.1)
    history.end(second, Outcome.OK, 5, 0.2)
    history.end(first, Outcome.FAILED, "no", 0.2)
    assert (first.began, second.began, second.ended, first.ended) == (1, 2, 3, 4)
    assert told(history.operations, Outcome.OK) == [second]
    assert str(second) == "    0.1000 s .. 0.2000 s     two: read -> 5"
    with pytest.raises(AssertionError, match="ended twice"):
        history.end(first, Outcome.OK, 1, 0.3)


def test_who_gives_up_leaves_the_operation_open() -> None:
    history = History()
    operation = history.begin("one", "write", 0.1)
    history.end(operation, Outcome.UNKNOWN, None, 0.5)
    assert operation.ended == inf
    assert history.count(Outcome.UNKNOWN) == 1
    assert str(operation) == "    0.1000 s .. ?            one: write -> (unknown)"
