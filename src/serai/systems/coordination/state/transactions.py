"""Transactions: what may stand in one, whether its conditions hold, and what is done, all at one revision.

What makes one impossible is found before anything of it is done, so that none is done in part.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import eq, gt, lt, ne

from serai.systems.coordination.state import layout
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


def fault(word: Operation, depth: int = 0) -> Fault | None:
    """Why an operation makes no sense, whatever the keys are."""
    if isinstance(word, Txn):
        return _fault_of_txn(word)
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


def _fault_of_txn(word: Txn) -> Fault | None:
    if max(len(word.compare), len(word.success), len(word.failure)) > OPERATIONS_MAX:
        return Fault("coordination_too_many_operations", f"at most {OPERATIONS_MAX}")
    if any(not condition.key for condition in word.compare):
        return Fault("coordination_empty_key")
    found = next((problem for one in (*word.success, *word.failure) if (problem := fault(one))), None)
    return found or _duplicate(word)


def _duplicate(word: Txn) -> Fault | None:
    """A key would be changed twice at one revision: by two puts, or by a put and a delete."""
    for branch in (word.success, word.failure):
        puts, deletes = _Changed.of(branch)
        if len(puts.keys) < puts.count or any(deletes.covers(key) for key in puts.keys):
            return Fault("coordination_duplicate_key")
    return None


class _Changed:
    """Keys and ranges that the operations of one branch may change."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()
        self.count = 0
        self.ranges: list[tuple[bytes, bytes]] = []

    def covers(self, key: bytes) -> bool:
        return any(first <= key and (key < end or not end) for first, end in self.ranges)

    @classmethod
    def of(cls, branch: tuple[Operation, ...]) -> "tuple[_Changed, _Changed]":
        puts, deletes = cls(), cls()
        for one in branch:
            puts.add(one)
            deletes.add_ranges(one)
        return puts, deletes

    def add(self, word: Operation) -> None:
        """Of a nested transaction only one branch is done: what both put counts once."""
        if isinstance(word, Put):
            self.keys.add(word.key)
            self.count += 1
        elif isinstance(word, Txn):
            inner = set[bytes]()
            for branch in (word.success, word.failure):
                inner |= _Changed.of(branch)[0].keys
            self.keys |= inner
            self.count += len(inner)

    def add_ranges(self, word: Operation) -> None:
        if isinstance(word, DeleteRange):
            self.ranges.append(layout.bounds(word.key, word.range_end))
        elif isinstance(word, Txn):
            for one in (*word.success, *word.failure):
                self.add_ranges(one)


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
