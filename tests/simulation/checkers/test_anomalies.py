"""Each anomaly in its smallest form, and a brute force over all serial orders on random executions."""

from collections import Counter
from itertools import combinations, permutations
from typing import Any

import pytest
from tests.simulation.checkers.histories import LOST, REFUSED, at_once, op

from serai.simulation.chance import Seeded
from serai.simulation.checkers.anomalies import AppendTo, ReadList, Transaction, anomalies_of, check_appends
from serai.simulation.history import Operation, Outcome
from serai.simulation.violations import Violation


def call(*steps: Any) -> tuple[Transaction, tuple[Any, ...]]:
    """Steps as they are written on paper: ("x", 1) appends, ("x", [1, 2]) reads."""
    made = tuple(AppendTo(key, value) if isinstance(value, int) else ReadList(key) for key, value in steps)
    return Transaction(made), tuple(None if isinstance(value, int) else tuple(value) for _, value in steps)


def lost(*steps: Any) -> tuple[Transaction, Any]:
    return call(*steps)[0], LOST


def refused(*steps: Any) -> tuple[Transaction, Any]:
    return call(*steps)[0], REFUSED


CASES = {
    "serial": ([call(("x", 1)), call(("x", [1]), ("x", 2)), call(("x", [1, 2]))], []),
    "own appends are seen": ([call(("x", 1), ("x", [1]), ("x", 2), ("x", [1, 2])), call(("x", [1, 2]))], []),
    "G0": (
        [call(("x", 1), ("y", 1)), call(("x", 2), ("y", 2)), call(("x", [1, 2])), call(("y", [2, 1]))],
        ["G0"],
    ),
    "G1a": ([refused(("x", 1)), call(("x", [1]))], ["G1a"]),
    "a transaction without a reply may be read": ([lost(("x", 1)), call(("x", [1]))], []),
    "G1b": ([call(("x", 1), ("x", 2)), call(("x", [1]))], ["G1b"]),
    "between the appends of two there is no harm": (
        [call(("x", 1)), call(("x", 2)), call(("x", [1])), call(("x", [1, 2]))],
        [],
    ),
    "G1c": ([call(("x", 1), ("y", [1])), call(("y", 1), ("x", [1]))], ["G1c"]),
    "lost update": (
        [call(("x", []), ("x", 1)), call(("x", []), ("x", 2)), call(("x", [1, 2]))],
        ["G-single"],
    ),
    "read skew": ([call(("x", 1), ("y", 1)), call(("x", []), ("y", [1])), call(("x", [1]))], ["G-single"]),
    "write skew": (
        [call(("x", []), ("y", 1)), call(("y", []), ("x", 1)), call(("x", [1])), call(("y", [1]))],
        ["G2-item"],
    ),
    "write skew that nobody read": ([call(("x", []), ("y", 1)), call(("y", []), ("x", 1))], ["G2-item"]),
    "a read that is not repeated": ([call(("x", []), ("x", [1])), call(("x", 1))], ["G-single"]),
    "orders that exclude each other": (
        [call(("x", 1)), call(("x", 2)), call(("x", [1, 2])), call(("x", [2]))],
        ["order"],
    ),
    "a value twice": ([call(("x", 1)), call(("x", [1, 1]))], ["order"]),
    "a value from nowhere": ([call(("x", [7]))], ["garbage"]),
    "own appends are not seen": ([call(("x", 1), ("x", []))], ["internal"]),
    "own appends are not last": ([call(("x", 2)), call(("x", 1), ("x", [1, 2]))], ["internal"]),
}


@pytest.mark.parametrize("name", CASES)
def test_anomalies_are_named(name: str) -> None:
    calls, kinds = CASES[name]
    history = at_once(*calls)
    assert list(dict.fromkeys(anomaly.kind for anomaly in anomalies_of(history))) == kinds
    assert brute_force(history) == (not kinds)


STALE = [
    op(call(("x", 1))[0], 0, 1, (None,)),
    op(call(("x", []))[0], 2, 3, ((),)),
    op(call(("x", [1]))[0], 4, 5, ((1,),)),
]
SWAPPED = [
    op(call(("x", 1))[0], 0, 1, (None,)),
    op(call(("x", 2))[0], 2, 3, (None,)),
    op(call(("x", [2, 1]))[0], 4, 5, ((2, 1),)),
]


@pytest.mark.parametrize(("history", "kind"), [(STALE, "G-single-realtime"), (SWAPPED, "G0-realtime")])
def test_strictness_is_about_real_time(history: list[Operation], kind: str) -> None:
    assert anomalies_of(history) == []
    assert [anomaly.kind for anomaly in anomalies_of(history, strict=True)] == [kind]


def test_an_acknowledged_append_that_vanishes_breaks_strictness() -> None:
    history = [op(call(("x", 1))[0], 0, 1, (None,)), op(call(("x", []))[0], 2, 3, ((),))]
    assert [anomaly.kind for anomaly in anomalies_of(history, strict=True)] == ["G-single-realtime"]


def test_a_proof_can_be_followed() -> None:
    with pytest.raises(Violation) as raised:
        check_appends(at_once(*CASES["write skew"][0]))
    assert raised.value.kind == "G2-item"
    assert raised.value.story.splitlines()[3:] == [
        "    T1 before T2 (rw): the read of y does not show 1",
        "    T2 before T1 (rw): the read of x does not show 1",
    ] or raised.value.story.splitlines()[3:] == [
        "    T1 before T2 (rw): the read of x does not show 1",
        "    T2 before T1 (rw): the read of y does not show 1",
    ]


def brute_force(operations: list[Operation], *, strict: bool = False) -> bool:
    """Is there a serial order that explains every read?"""
    answered = [one for one in operations if one.outcome is Outcome.OK]
    silent = [one for one in operations if one.outcome is Outcome.UNKNOWN]
    chosen = (extra for count in range(len(silent) + 1) for extra in combinations(silent, count))
    return any(serial(order, strict) for extra in chosen for order in permutations([*answered, *extra]))


def serial(order: tuple[Operation, ...], strict: bool) -> bool:
    if strict and any(b.ended < a.began for number, a in enumerate(order) for b in order[number + 1 :]):
        return False
    lists: dict[str, tuple[int, ...]] = {}
    return all(same(lists, one) for one in order)


def same(lists: dict[str, tuple[int, ...]], operation: Operation) -> bool:
    assert isinstance(operation.call, Transaction)
    for number, step in enumerate(operation.call.steps):
        before = lists.get(step.key, ())
        if isinstance(step, AppendTo):
            lists[step.key] = (*before, step.value)
        elif operation.outcome is Outcome.OK and operation.result[number] != before:  # type: ignore[index]
            return False
    return True


def random_history(chance: Seeded, wildness: float) -> list[Operation]:
    """Transactions over snapshots that are sometimes old, and at the end one that reads everything."""
    keys = ("x", "y")
    lists: dict[str, tuple[int, ...]] = dict.fromkeys(keys, ())
    versions = [dict(lists)]
    history, value = [], 0
    for number in range(2 + chance.below(4)):
        snapshot = dict(chance.pick(versions) if chance.happens(wildness) else lists)
        steps: list[AppendTo | ReadList] = []
        results: list[Any] = []
        for _ in range(1 + chance.below(3)):
            key = chance.pick(keys)
            if chance.happens(0.5):
                value += 1
                steps.append(AppendTo(key, value))
                results.append(None)
                snapshot[key] = (*snapshot[key], value)
                lists[key] = (*lists[key], value)
            else:
                steps.append(ReadList(key))
                results.append(snapshot[key])
        versions.append(dict(lists))
        took = 15 if chance.happens(0.5) else 5
        result = LOST if chance.happens(0.1) else tuple(results)
        history.append(op(Transaction(tuple(steps)), 10 * number, 10 * number + took, result))
    reads = tuple(ReadList(key) for key in keys)
    history.append(op(Transaction(reads), 1000, 1001, tuple(lists[key] for key in keys)))
    return history


@pytest.mark.parametrize("strict", [False, True])
def test_the_checker_agrees_with_brute_force(strict: bool) -> None:
    """With a last read of every list all orders are known, so the checker is complete: it answers yes and no."""
    chance = Seeded(f"appends {strict}")
    answers: Counter[str] = Counter()
    for _ in range(400):
        history = random_history(chance, wildness=0.5)
        found = anomalies_of(history, strict=strict)
        assert brute_force(history, strict=strict) == (not found), "\n".join(map(str, [*history, *found]))
        answers[found[0].kind if found else "none"] += 1
    assert answers["none"] > 30
    assert len(answers) > 3
