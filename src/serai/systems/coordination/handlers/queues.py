"""What locks and elections have in common: a queue of keys below a name, the oldest of which is in front.

A place in the queue is a key that lives with its owner's lease; its create revision is its number, which only rises and
so is the fencing number too. Whoever waits watches the key just before its own, so that a release wakes one waiter.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from serai.systems.coordination.handlers.family import Context
from serai.systems.coordination.handlers.lease import ID_BITS, grant
from serai.systems.coordination.member import Caller, Member
from serai.systems.coordination.state.layout import after
from serai.systems.coordination.state.words import (
    Compare,
    DeleteRange,
    EventKind,
    Field,
    KeyValue,
    Order,
    Put,
    Range,
    Relation,
    Revoke,
    Target,
    Txn,
    TxnResult,
    WatchSpec,
)

SESSION_TTL_S = 60
"""Of the lease of somebody who brings none; nobody renews it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a queue. `mine`: this call made it, and gives it up if it does not come to the front."""

    key: bytes
    number: int
    revision: int
    mine: bool
    value: bytes


class Queue:
    """The queue below one name, on behalf of one caller."""

    def __init__(self, context: Context, name: bytes, caller: Caller) -> None:
        self._context = context
        self._member: Member = context.member
        self._prefix = name + b"/"
        self._caller = caller

    async def lease(self, number: int) -> int:
        """The lease that was brought, or a new one."""
        if number:
            return number
        outcome = await grant(self._member, self._choose, 0, SESSION_TTL_S, self._caller)
        return int(outcome.result.id)  # type: ignore[attr-defined]  # a grant's result is a LeaseResult

    def _choose(self) -> int:
        return 1 + self._context.random.below(2**ID_BITS - 1)

    async def join(self, lease: int, value: bytes) -> Place:
        """A place at the end, or the one that this lease has."""
        key = self._prefix + b"%x" % lease
        absent = Compare(key, Relation.EQUAL, Target.CREATE, 0)
        outcome = await self._member.propose(
            Txn((absent,), (Put(key, value, lease),), (Range(key),)), self._caller
        )  # fmt: skip
        result: Any = outcome.result
        if result.succeeded:
            return Place(key, outcome.revision, outcome.revision, True, value)
        held: KeyValue = result.results[0].kvs[0]
        return Place(key, held.create_revision, outcome.revision, False, held.value)

    async def front(self, place: Place) -> None:
        """Waits until nobody is before it."""
        while True:
            revision, before = await self._before(place.number)
            if before is None:
                return
            await self.gone(before.key, revision)

    async def _before(self, number: int) -> tuple[int, KeyValue | None]:
        if number <= 1:
            return 0, None
        word = Range(
            self._prefix, after(self._prefix), 1, order=Order.DESCEND, sort_by=Field.CREATE, create_max=number - 1
        )  # fmt: skip
        return await self._first(word)

    async def oldest(self) -> tuple[int, KeyValue | None]:
        """Who is in front, and as of which revision."""
        word = Range(self._prefix, after(self._prefix), 1, order=Order.ASCEND, sort_by=Field.CREATE)
        return await self._first(word)

    async def _first(self, word: Range) -> tuple[int, KeyValue | None]:
        outcome = await self._member.read(word, self._caller)
        result: Any = outcome.result
        return outcome.revision, result.kvs[0] if result.kvs else None

    async def gone(self, key: bytes, revision: int) -> None:
        """Waits until a key that was there at a revision is deleted, or may have been."""

        async def deleted(kind: EventKind, kv: KeyValue) -> bool:
            return kind is EventKind.DELETE

        await self.watch(WatchSpec(key, start_revision=revision + 1), deleted)

    async def arrival(self, revision: int) -> KeyValue | None:
        """The next key that is put into the queue after a revision; None if that history is gone."""
        found: list[KeyValue] = []

        async def put(kind: EventKind, kv: KeyValue) -> bool:
            if kind is EventKind.PUT:
                found.append(kv)
            return bool(found)

        await self.watch(WatchSpec(self._prefix, after(self._prefix), revision + 1), put)
        return found[0] if found else None

    async def watch(self, spec: WatchSpec, enough: Callable[[EventKind, KeyValue], Awaitable[bool]]) -> None:
        """Until somebody has seen enough, or the watch ends (whoever waits looks again then)."""
        stream = self._member.watch()
        try:
            stream.create(spec, 0, self._caller)
            while True:
                delivery = await stream.next()
                if delivery.canceled:
                    return
                for event in delivery.events:
                    if await enough(event.kind, event.kv):
                        return
        finally:
            stream.close()

    async def guarded(self, place_key: bytes, number: int, word: Put | DeleteRange) -> tuple[int, bool]:
        """Does something to a place if it is still the same one; the revision, and whether it was."""
        same = Compare(place_key, Relation.EQUAL, Target.CREATE, number)
        outcome = await self._member.propose(Txn((same,), (word,)), self._caller)
        result: TxnResult = outcome.result  # type: ignore[assignment]  # a transaction's result
        return outcome.revision, result.succeeded

    async def waited(self, place: Place, brought: int, lease: int) -> None:
        """Waits for the front; whoever does not come there leaves nothing behind."""
        try:
            await self.front(place)
        except BaseException:
            self._context.errands.run(self._leave(place, 0 if brought else lease))
            raise

    async def _leave(self, place: Place, own_lease: int) -> None:
        if place.mine:
            await self.guarded(place.key, place.number, DeleteRange(place.key))
        if own_lease:
            await self._member.propose(Revoke(own_lease), self._caller)
