"""Histories written as tables: client, call, when it began, when it ended, result."""

from collections.abc import Sequence
from math import inf
from typing import Any

from serai.simulation.history import Operation, Outcome

LOST = object()
"""As a result: no reply came."""

REFUSED = object()
"""As a result: certainly not done."""


def op(call: object, began: int, ended: float, result: object = None, client: str = "") -> Operation:
    """One operation; moments are numbers of the writer's choice."""
    if result is LOST:
        return Operation(client or str(began), call, began, float(began))
    outcome = Outcome.FAILED if result is REFUSED else Outcome.OK
    told = None if outcome is Outcome.FAILED else result
    return Operation(client or str(began), call, began, float(began), ended, float(ended), outcome, told)


def in_turn(*calls: tuple[Any, Any]) -> list[Operation]:
    """One after the other: call and result."""
    return [op(call, 2 * number, 2 * number + 1, result) for number, (call, result) in enumerate(calls)]


def at_once(*calls: tuple[Any, Any]) -> list[Operation]:
    """All at the same time."""
    return [op(call, number, 1000 + number, result) for number, (call, result) in enumerate(calls)]


def spans(operations: Sequence[Operation]) -> list[tuple[int, float]]:
    """When each began and ended; infinite without a reply."""
    return [(one.began, one.ended if one.outcome is Outcome.OK else inf) for one in operations]
