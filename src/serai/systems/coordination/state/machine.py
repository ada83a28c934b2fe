"""The state of coordination as consensus knows it: commands in their order, and what each came to.

Same commands, same state, on every member. What one round of commands did is one batch of the map, with the entry up to
which it was done; the map may be behind the log after a crash, and never in between.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from serai.kernel.ports import FrozenMap, OrderedMap
from serai.mechanisms.consensus.messages import Entry
from serai.systems.coordination.state import layout, transactions
from serai.systems.coordination.state.access import AskAccess, Management
from serai.systems.coordination.state.buffered import Buffered
from serai.systems.coordination.state.cluster import Cluster
from serai.systems.coordination.state.compaction import Compaction
from serai.systems.coordination.state.door import Door
from serai.systems.coordination.state.hashing import hashed
from serai.systems.coordination.state.hub import Hub
from serai.systems.coordination.state.keyspace import Keyspace
from serai.systems.coordination.state.leases import Leases
from serai.systems.coordination.state.words import (
    AddMember,
    Alarm,
    Alarms,
    Checkpoint,
    ClearAlarm,
    Compact,
    DeleteRange,
    Fault,
    GetLease,
    Grant,
    Hash,
    Introduce,
    LeaseIds,
    LeaseResult,
    ListAlarms,
    ListLeases,
    ListMembers,
    Members,
    Nothing,
    Operation,
    Outcome,
    Put,
    RaiseAlarm,
    Range,
    RemoveMember,
    Revoke,
    Txn,
    UpdateMember,
    Word,
)

CHUNK_BYTES = 512 * 1024
"""Of a snapshot: about so many bytes of records."""
RESTORE_BATCH_RECORDS = 4_096

_APPLIED = layout.only("applied")

AnyCommand = (
    Put
    | DeleteRange
    | Txn
    | Compact
    | Grant
    | Revoke
    | Checkpoint
    | RaiseAlarm
    | ClearAlarm
    | AddMember
    | UpdateMember
    | Introduce
    | RemoveMember
    | Management
)

AnyQuery = Range | Txn | GetLease | ListLeases | ListMembers | ListAlarms | Hash | AskAccess


class Command(Word, frozen=True):
    """What goes into the log: a word, and on whose behalf. `internal`: a member's own, which nobody may refuse."""

    word: AnyCommand
    user: str = ""
    auth_revision: int = 0
    internal: bool = False


class Query(Word, frozen=True):
    """A question, and on whose behalf."""

    word: AnyQuery
    user: str = ""
    auth_revision: int = 0


encode_command = msgspec.msgpack.Encoder().encode
_read_command: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_read_index: msgspec.msgpack.Decoder[int] = msgspec.msgpack.Decoder(int)
_read_chunk: msgspec.msgpack.Decoder[list[tuple[bytes, bytes]]] = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])


class State:
    """Implements `consensus.applied.Applied` over an ordered map."""

    def __init__(self, ordered: OrderedMap) -> None:
        self._map = ordered
        self._records = Buffered(ordered)
        self.space = Keyspace(self._records)
        self.leases = Leases(self._records)
        self.cluster = Cluster(self._records)
        self.door = Door(self._records)
        self.compaction = Compaction(self._records, self.space)
        self.hub = Hub(self.space)
        self.granted: list[LeaseResult] = []
        """Leases that came since somebody looked: for the leader's clock."""
        self.ended: list[int] = []
        """Leases that have ended since somebody looked."""

        cluster = self.cluster
        self._obeys: dict[type, Callable[[Any, Command], object]] = {
            **dict.fromkeys((Put, DeleteRange, Txn), self._change),
            Compact: self._compact,
            Grant: self._grant,
            Revoke: self._revoke,
            Checkpoint: self._checkpoint,
            RaiseAlarm: lambda word, _: cluster.raised(word),
            ClearAlarm: lambda word, _: cluster.clear(word),
            AddMember: lambda word, _: cluster.add(word),
            UpdateMember: lambda word, _: cluster.update(word),
            Introduce: lambda word, _: cluster.introduce(word),
            RemoveMember: lambda word, _: cluster.remove(word),
        }
        """All else is management of users and roles."""
        self._answers: dict[type, Callable[[Any], object]] = {
            **dict.fromkeys((Range, Txn), self._read),
            GetLease: self._lease,
            ListLeases: lambda _: LeaseIds(tuple(sorted(self.leases.granted))),
            ListMembers: lambda _: Members(cluster.members),
            ListAlarms: lambda _: Alarms(tuple(sorted(cluster.alarms))),
            Hash: lambda word: hashed(self.space, word),
            AskAccess: lambda _: self.door.access,
        }

    def kept(self) -> int:
        """The entry up to which the map has the state."""
        mark = self._map.get(_APPLIED)
        return _read_index.decode(mark) if mark else 0

    # Commands ---------------------------------------------------------------------------------------------------------

    def apply(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Each command in its turn, all of them in one batch."""
        outcomes = [self._apply(_read_command.decode(entry.data)) for entry in entries]
        if self.compaction.pending:
            self.compaction.step()
        self._records.put(_APPLIED, msgspec.msgpack.encode(entries[-1].index))
        self._records.flush()
        return outcomes

    def tidy(self) -> bool:
        """A step of what can wait, when there are no commands; whether there is more."""
        if self.compaction.pending:
            self.compaction.step()
            self._records.flush()
        return self.compaction.pending

    def _apply(self, command: Command) -> Outcome:
        refusal = None
        if not command.internal:
            refusal = self.door.refusal(command.user, command.auth_revision, command.word)
        result = refusal or self._obey(command)
        return Outcome(result, self.space.revision)

    def _obey(self, command: Command) -> object:
        do = self._obeys.get(type(command.word))
        return self.door.manage(command.word) if do is None else do(command.word, command)  # type: ignore[arg-type]  # all other words are of management

    def _change(self, word: Operation, command: Command) -> object:
        problem = transactions.fault(word) or self._refused_by_alarm(word)
        if problem is not None:
            return problem
        plan = transactions.planned(self.space, word)
        problem = transactions.obstacle(self.space, plan) or self._unknown_lease(plan)
        if problem is not None:
            return problem
        self.space.begin()
        result = transactions.perform(self.space, plan)
        self._tell(self.space.finish())
        return result

    def _unknown_lease(self, plan: transactions.Step) -> Fault | None:
        for number in transactions.leases_of(plan):
            if number not in self.leases.granted:
                return Fault("coordination_lease_not_found", f"lease {number:x}")
        return None

    def _tell(self, events: Sequence[object]) -> None:
        if events:
            self.hub.changed(self.space.revision, events)  # type: ignore[arg-type]  # they come from the keyspace

    def _refused_by_alarm(self, word: object) -> Fault | None:
        """A full store still takes what makes room; a corrupt one takes nothing."""
        if self.cluster.has(Alarm.CORRUPT):
            return Fault("coordination_corrupt")
        grows = isinstance(word, Put | Grant) or (isinstance(word, Txn) and _puts(word))
        return Fault("coordination_no_space") if grows and self.cluster.has(Alarm.NOSPACE) else None

    def _grant(self, word: Grant, command: Command) -> object:
        result = self._refused_by_alarm(word) or self.leases.grant(word)
        if isinstance(result, LeaseResult):
            self.granted.append(result)
        return result

    def _revoke(self, word: Revoke, command: Command) -> object:
        if word.id not in self.leases.granted:
            return Fault("coordination_lease_not_found", f"lease {word.id:x}")
        keys = self.space.keys_of(word.id)
        if not command.internal and not self.door.may_end(command.user, keys):
            return Fault("coordination_permission_denied", f"user {command.user!r}")
        self.space.begin()
        for key in keys:
            self.space.delete(DeleteRange(key))
        self.leases.forget(word.id)
        self.ended.append(word.id)
        self._tell(self.space.finish())
        return Nothing()

    def _compact(self, word: Compact, command: Command) -> object:
        problem = self.space.compact(word.revision)
        if problem is not None:
            return problem
        self.compaction.pending = True
        self.hub.compacted()
        return Nothing()

    def _checkpoint(self, word: Checkpoint, command: Command) -> object:
        self.leases.checkpoint(word)
        return Nothing()

    # Questions --------------------------------------------------------------------------------------------------------

    def query(self, query: object) -> Outcome:
        """What changes nothing."""
        assert isinstance(query, Query), "questions come with whoever asks"
        refusal = self.door.refusal(query.user, query.auth_revision, query.word)
        return Outcome(refusal or self._answer(query.word), self.space.revision)

    def _answer(self, word: AnyQuery) -> object:
        return self._answers[type(word)](word)

    def _read(self, word: Range | Txn) -> object:
        assert not transactions.writes(word), "what changes something goes through the log"
        problem = transactions.fault(word)
        if problem is not None:
            return problem
        plan = transactions.planned(self.space, word)
        return transactions.obstacle(self.space, plan) or transactions.perform(self.space, plan)

    def _lease(self, word: GetLease) -> LeaseResult:
        known = self.leases.granted.get(word.id)
        if known is None:
            return LeaseResult(word.id, -1)
        keys = tuple(self.space.keys_of(word.id)) if word.keys else ()
        return LeaseResult(word.id, known.left_s, known.ttl_s, keys)

    # Snapshots --------------------------------------------------------------------------------------------------------

    def snapshot(self) -> Sequence[bytes]:
        """All records of a frozen view, in chunks that are made when they are read."""
        return Chunks(self._map.frozen())

    def restore(self, index: int, chunks: Sequence[bytes]) -> None:
        """First the mark goes, last it comes: a crash between leaves a map that says that it holds nothing."""
        self._map.write([(_APPLIED, None)])
        while old := _some(self._map.scan(*layout.EVERYTHING)):
            self._map.write([(key, None) for key, _ in old])
        for chunk in chunks:
            self._map.write([(key, value) for key, value in _read_chunk.decode(chunk) if key != _APPLIED])
        self._map.write([(_APPLIED, msgspec.msgpack.encode(index))])
        for part in (self.space, self.leases, self.cluster, self.door, self.compaction):
            part.reload()
        self.hub.replaced()


def _puts(word: Txn) -> bool:
    return any(isinstance(one, Put) or (isinstance(one, Txn) and _puts(one)) for one in (*word.success, *word.failure))


def _some(records: Iterator[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [pair for pair, _ in zip(records, range(RESTORE_BATCH_RECORDS), strict=False)]


class Chunks(Sequence[bytes]):
    """A frozen map in pieces. Where each begins is found once; its bytes are read when they are asked for."""

    def __init__(self, view: FrozenMap) -> None:
        self._view = view
        self._starts = list(self._boundaries())

    def _boundaries(self) -> Iterator[bytes]:
        size = CHUNK_BYTES
        for key, value in self._view.scan(*layout.EVERYTHING):
            if size >= CHUNK_BYTES:
                yield key
                size = 0
            size += len(key) + len(value)

    def __len__(self) -> int:
        return max(1, len(self._starts))

    def __getitem__(self, number: int) -> bytes:  # type: ignore[override]  # nobody slices a snapshot
        if not 0 <= number < len(self):
            raise IndexError(number)
        if not self._starts:
            return msgspec.msgpack.encode([])
        last = number + 1 == len(self._starts)
        end = layout.EVERYTHING[1] if last else self._starts[number + 1]
        return msgspec.msgpack.encode(list(self._view.scan(self._starts[number], end)))
