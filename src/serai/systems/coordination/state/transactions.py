"""Transactions: what may stand in one, whether its conditions hold, and what is done, all at one revision.

What makes one impossible is found before anything of it is done, so that none is done in part.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import eq, gt, lt, ne

from serai.systems.coordination.state.collisions import collide
from serai.systems.coordination.state.keyspace import Keyspace
from serai.systems.coordination.state.words import (
    Compare,
    DeleteRange,
    Fault,
    KeyValue,
    Operation,
    Put,
    Range,
    Relation,
    Result,
    Target,
    Txn,
    TxnResult,
)

OPERATIONS_MAX = 128
"""Conditions or operations of one transaction, as etcd's default."""

_HOLDS = {Relation.EQUAL: eq, Relation.GREATER: gt, Relation.LESS: lt, Relation.NOT_EQUAL: ne}
_ABSENT = KeyValue(b"", 0, 0, 0, b"")


def writes(word: object) -> bool:
    """Whether an operation may change anything."""
    if isinstance(word, Txn):
        return any(writes(one) for one in (*word.success, *word.failure))
    return not isinstance(word, Range)


def fault(word: Operation) -> Fault | None:
    """Why an operation makes no sense, whatever the keys are."""
    found = _fault(word, OPERATIONS_MAX)
    if found is None and isinstance(word, Txn) and collide(word):
        return Fault("coordination_duplicate_key")
    return found


def _fault(word: Operation, operations_max: int) -> Fault | None:
    if isinstance(word, Txn):
        return _fault_of_txn(word, operations_max)
    if not word.key:
        return Fault("coordination_empty_key")
    if isinstance(word, Put):
        return _fault_of_put(word)
    return None


def _fault_of_put(word: Put) -> Fault | None:
    if word.ignore_value and word.value:
        return Fault("coordination_value_provided")
    if word.ignore_lease and word.lease:
        return Fault("coordination_lease_provided")
    return None


def _fault_of_txn(word: Txn, operations_max: int) -> Fault | None:
    """What a transaction has, those nested in it may not have again: so nesting has an end too (as etcd's)."""
    count = max(len(word.compare), len(word.success), len(word.failure))
    if count > operations_max:
        return Fault("coordination_too_many_operations", f"at most {OPERATIONS_MAX}, nested ones included")
    if any(not condition.key for condition in word.compare):
        return Fault("coordination_empty_key")
    left = operations_max - count
    return next((found for one in (*word.success, *word.failure) if (found := _fault(one, left))), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction whose conditions were looked at, all of them before anything is done: what will be done."""

    succeeded: bool
    steps: tuple["Step", ...]


Step = Range | Put | DeleteRange | Plan


def planned(space: Keyspace, word: Operation) -> Step:
    """What an operation comes to as things are now."""
    if not isinstance(word, Txn):
        return word
    succeeded = all(_true(space, condition) for condition in word.compare)
    branch = word.success if succeeded else word.failure
    return Plan(succeeded, tuple([planned(space, one) for one in branch]))


def obstacle(space: Keyspace, step: Step) -> Fault | None:
    """Why what is planned cannot be done: a revision that is gone, a key that is to keep what it does not have."""
    if isinstance(step, Range):
        return space.unreadable(step.revision)
    if isinstance(step, Put) and (step.ignore_value or step.ignore_lease) and space.get(step.key) is None:
        return Fault("coordination_key_not_found", f"{step.key!r} is not there")
    if isinstance(step, Plan):
        return next((problem for one in step.steps if (problem := obstacle(space, one))), None)
    return None


def leases_of(step: Step) -> Iterator[int]:
    """Those that puts name."""
    if isinstance(step, Put) and step.lease:
        yield step.lease
    elif isinstance(step, Plan):
        for one in step.steps:
            yield from leases_of(one)


def _true(space: Keyspace, condition: Compare) -> bool:
    found = list(space.present(condition.key, condition.range_end))
    compare = _HOLDS[condition.relation]
    if condition.target is Target.VALUE:
        # What is not there has no value that could be compared.
        return bool(found) and all(compare(kv.value, condition.value) for kv in found)
    return all(compare(_number(kv, condition.target), condition.number) for kv in found or (_ABSENT,))


def _number(kv: KeyValue, target: Target) -> int:
    match target:
        case Target.VERSION:
            return kv.version
        case Target.CREATE:
            return kv.create_revision
        case Target.MOD:
            return kv.mod_revision
    return kv.lease


def perform(space: Keyspace, step: Step) -> Result:
    """Does it; nothing of it can fail any more. Its changes are at the revision that was begun."""
    match step:
        case Put():
            return space.put(step)
        case DeleteRange():
            return space.delete(step)
        case Plan(succeeded, steps):
            return TxnResult(succeeded, tuple([perform(space, one) for one in steps]))
    return space.range(step)
