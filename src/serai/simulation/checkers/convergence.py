"""Did replicas that were given time come to the same set or counter, and is it one that the calls explain?

An eventually consistent system may answer old things on the way. In the end every acknowledged change is in every
replica, nothing is in one that nobody asked for, and all replicas are equal.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from serai.simulation.history import Operation, Outcome, told
from serai.simulation.violations import Violation

SHOWN_MAX = 10
"""Elements that a message names."""


@dataclass(frozen=True, slots=True)
class Add:
    """Puts an element into the set."""

    element: Hashable


@dataclass(frozen=True, slots=True)
class Remove:
    """Takes an element out. Its result is whether the replica had it: what it did not see, it does not take out."""

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
            raise Violation(
                "set", f"{replica} has lost {_some(lost)}: added, acknowledged, and removed by nobody who saw it"
            )
        if strange:
            raise Violation(
                "set", f"{replica} holds {_some(strange)}: never added, or taken out by somebody who saw it"
            )


def required_elements(operations: Sequence[Operation]) -> set[Hashable]:
    """With an acknowledged add that no removal can have seen."""
    removals: dict[Hashable, list[Operation]] = defaultdict(list)
    for operation in operations:
        may_be_done = operation.outcome is not Outcome.FAILED and operation.result is not False
        if isinstance(operation.call, Remove) and may_be_done:
            removals[operation.call.element].append(operation)
    return {
        operation.call.element
        for operation in told(operations, Outcome.OK)
        if isinstance(operation.call, Add)
        # A removal that ended before the add began cannot have seen it; any other may have.
        if all(removal.ended < operation.began for removal in removals[operation.call.element])
    }


def possible_elements(operations: Sequence[Operation]) -> set[Hashable]:
    """With an add that may have been done, unless it is the only one and a removal has seen it."""
    adds = Counter(
        operation.call.element
        for operation in operations
        if isinstance(operation.call, Add) and operation.outcome is not Outcome.FAILED
    )
    seen = {
        operation.call.element
        for operation in told(operations, Outcome.OK)
        if isinstance(operation.call, Remove) and operation.result is True
    }
    return {element for element, count in adds.items() if count > 1 or element not in seen}


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
