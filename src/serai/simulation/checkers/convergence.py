"""Did replicas that were given time come to the same set or counter, and is it one that the calls explain?

An eventually consistent system may answer old things on the way. In the end every acknowledged change is in every
replica, nothing is in one that nobody asked for, and all replicas are equal.
"""

from collections.abc import Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import inf

from serai.simulation.history import Operation, Outcome
from serai.simulation.violations import Violation

SHOWN_MAX = 10
"""Elements that a message names."""


@dataclass(frozen=True, slots=True)
class Add:
    """Puts an element into the set."""

    element: Hashable


@dataclass(frozen=True, slots=True)
class Remove:
    """Takes an element out; what is not in is taken out as well."""

    element: Hashable


@dataclass(frozen=True, slots=True)
class Increment:
    """Adds to the counter; negative takes away."""

    by: int


def check_set(operations: Sequence[Operation], finals: Mapping[str, AbstractSet[Hashable]]) -> None:
    """Judges the replicas' final sets, adds winning over concurrent removals. Violation of kind `set`."""
    _require_equal("set", finals)
    for replica, final in finals.items():
        lost = required_elements(operations) - final
        strange = final - possible_elements(operations)
        if lost:
            raise Violation("set", f"{replica} has lost {_some(lost)}: added, acknowledged, and removed by nobody after")
        if strange:
            raise Violation("set", f"{replica} holds {_some(strange)}: never added, or removed and added by nobody after")


def required_elements(operations: Sequence[Operation]) -> set[Hashable]:
    """With an acknowledged add that no removal began after or beside it could have seen and taken out."""
    removals: dict[Hashable, list[Operation]] = {}
    for operation in operations:
        if isinstance(operation.call, Remove) and operation.outcome is not Outcome.FAILED:
            removals.setdefault(operation.call.element, []).append(operation)
    return {
        operation.call.element
        for operation in operations
        if isinstance(operation.call, Add) and operation.outcome is Outcome.OK
        # A removal that ended before the add began cannot have seen it; any other may have.
        if all(removal.ended < operation.began for removal in removals.get(operation.call.element, []))
    }


def possible_elements(operations: Sequence[Operation]) -> set[Hashable]:
    """With an add that may have been done and that no acknowledged removal has certainly seen."""
    removed_at: dict[Hashable, float] = {}
    for operation in operations:
        if isinstance(operation.call, Remove) and operation.outcome is Outcome.OK:
            before = removed_at.get(operation.call.element, -inf)
            removed_at[operation.call.element] = max(before, operation.began)
    return {
        operation.call.element
        for operation in operations
        if isinstance(operation.call, Add) and operation.outcome is not Outcome.FAILED
        if operation.ended >= removed_at.get(operation.call.element, -inf)
    }


def check_counter(operations: Sequence[Operation], finals: Mapping[str, int], start: int = 0) -> None:
    """Judges the replicas' final counts. Violation of kind `counter`."""
    _require_equal("counter", finals)
    possible = possible_counts(operations, start)
    for replica, final in finals.items():
        if final not in possible:
            raise Violation(
                "counter",
                f"{replica} counts {final}; the acknowledged increments and any of those without a reply"
                f" make {min(possible)} to {max(possible)}",
            )


def possible_counts(operations: Sequence[Operation], start: int = 0) -> set[int]:
    """Every sum of all acknowledged increments and some of those without a reply."""
    counts = {start}
    for operation in operations:
        if isinstance(operation.call, Increment) and operation.outcome is not Outcome.FAILED:
            by = operation.call.by
            done = {count + by for count in counts}
            counts = done if operation.outcome is Outcome.OK else counts | done
    return counts


def _require_equal(kind: str, finals: Mapping[str, object]) -> None:
    assert finals, "no replica was asked for its final state"
    first, *others = finals
    for other in others:
        if finals[other] != finals[first]:
            raise Violation(kind, f"{first} and {other} differ: {_apart(finals[first], finals[other])}")


def _apart(one: object, other: object) -> str:
    if isinstance(one, AbstractSet) and isinstance(other, AbstractSet):
        return f"only the one holds {_some(one - other)}, only the other {_some(other - one)}"
    return f"{one} and {other}"


def _some(elements: AbstractSet[Hashable]) -> str:
    ordered = sorted(elements, key=repr)
    more = f" and {len(ordered) - SHOWN_MAX} more" if len(ordered) > SHOWN_MAX else ""
    return (", ".join(map(repr, ordered[:SHOWN_MAX])) or "nothing") + more
