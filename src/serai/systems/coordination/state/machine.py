"""The state of coordination as consensus knows it: commands in their order, and what each came to.

Same commands, same state, on every member. What one round of commands did is one batch of the map, with the entry up to
which it was done; the map may be behind the log after a crash, and never in between.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from serai.kernel.ports import OrderedMap
from serai.mechanisms.consensus.messages import Entry
from serai.systems.coordination.state import layout, transactions
from serai.systems.coordination.state.access import AskAccess, Management
from serai.systems.coordination.state.buffered import Buffered
from serai.systems.coordination.state.cluster import Cluster
from serai.systems.coordination.state.compaction import Compaction
from serai.systems.coordination.state.door import Door
from serai.systems.coordination.state.hashing import hashed
from serai.systems.coordination.state.hub import Hub
from serai.systems.coordination.state.keyspace import FIRST_REVISION, Keyspace
from serai.systems.coordination.state.leases import Leases
from serai.systems.coordination.state.limits import USUAL, Limits
from serai.systems.coordination.state.snapshots import Chunks
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
    KeyEvent,
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

RESTORE_BATCH_RECORDS = 4_096

_MARKS = layout.only("marks")


class Marks(msgspec.Struct, frozen=True, array_like=True):
    """What is true of the whole map, in the batch of what made it so. `applied` is the entry up to which it was done;
    `size_bytes` is that of all records but this one."""

    applied: int = 0
    revision: int = FIRST_REVISION
    compacted: int = 0
    size_bytes: int = 0


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
    """A question, and on whose behalf. `internal`: a member's own."""

    word: AnyQuery
    user: str = ""
    auth_revision: int = 0
    internal: bool = False


encode_command = msgspec.msgpack.Encoder().encode
_read_command: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_read_marks: msgspec.msgpack.Decoder[Marks] = msgspec.msgpack.Decoder(Marks)
_read_chunk: msgspec.msgpack.Decoder[list[tuple[bytes, bytes]]] = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])


class State:
    """Implements `consensus.applied.Applied` over an ordered map."""

    def __init__(self, ordered: OrderedMap, limits: Limits = USUAL) -> None:
        self._limits = limits
        self._map = ordered
        self._records = Buffered(ordered)
        self.space = Keyspace(self._records)
        self.leases = Leases(self._records)
        self.cluster = Cluster(self._records)
        self.door = Door(self._records)
        self.compaction = Compaction(self._records, self.space, limits.compaction_changes)
        self.hub = Hub(self.space, limits)
        self.granted: list[LeaseResult] = []
        """Leases that came since somebody looked: for the leader's clock."""
        self.ended: list[int] = []
        """Leases that have ended since somebody looked."""
        self._applied = 0
        self._reload()

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

    def found_anew(self) -> None:
        """The keys stay; members and alarms were those of another cluster."""
        self._map.write([(layout.only(name), None) for name in ("members", "alarms")])
        self.cluster.reload()

    def kept(self) -> int:
        """The entry up to which the map has the state."""
        return self._marks().applied

    @property
    def size_bytes(self) -> int:
        """Of all keys and values in the map, history included."""
        return self._records.size_bytes

    def _marks(self) -> Marks:
        record = self._map.get(_MARKS)
        return _read_marks.decode(record) if record else Marks()

    def _reload(self) -> None:
        """Knows what the map says."""
        marks = self._marks()
        self._applied = marks.applied
        self.space.revision, self.space.compacted = marks.revision, marks.compacted
        self._records.size_bytes = marks.size_bytes
        for part in (self.leases, self.cluster, self.door, self.compaction):
            part.reload()

    def _keep(self) -> None:
        """All that was done, as one batch."""
        marks = Marks(self._applied, self.space.revision, self.space.compacted, self._records.size_bytes)
        self._records.mark(_MARKS, msgspec.msgpack.encode(marks))
        self._records.flush()

    # Commands ---------------------------------------------------------------------------------------------------------

    def apply(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Each command in its turn, all of them in one batch."""
        outcomes = [self._apply(_read_command.decode(entry.data)) for entry in entries]
        if self.compaction.pending:
            self.compaction.step()
        assert entries[-1].index > self._applied, "no entry is done twice"
        self._applied = entries[-1].index
        self._keep()
        return outcomes

    def tidy(self) -> bool:
        """A step of what can wait, when there are no commands; whether there is more."""
        if self.compaction.pending:
            self.compaction.step()
            self._keep()
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
        problem = transactions.obstacle(self.space, plan) or self._unfit_lease(plan, command)
        if problem is not None:
            return problem
        self.space.begin()
        result = transactions.perform(self.space, plan)
        self._tell(self.space.finish())
        return result

    def _unfit_lease(self, plan: transactions.Step, command: Command) -> Fault | None:
        """A key is attached only to a lease that is there and that its writer could end."""
        for number in transactions.leases_of(plan):
            if number not in self.leases.granted:
                return Fault("coordination_lease_not_found", f"lease {number:x}")
            if self.door.access.enabled and not self._may_end(number, command):
                return Fault("coordination_permission_denied", f"user {command.user!r} may not end lease {number:x}")
        return None

    def _may_end(self, number: int, command: Command) -> bool:
        return command.internal or self.door.may_end(command.user, self.space.keys_of(number))

    def _tell(self, events: Sequence[KeyEvent]) -> None:
        if events:
            self.hub.changed(self.space.revision, events)

    def _refused_by_alarm(self, word: object) -> Fault | None:
        """A full store still takes what makes room; a corrupt one takes nothing."""
        if self.cluster.has(Alarm.CORRUPT):
            return Fault("coordination_corrupt")
        return Fault("coordination_no_space") if grows(word) and self.cluster.has(Alarm.NOSPACE) else None

    def _grant(self, word: Grant, command: Command) -> object:
        result = self._refused_by_alarm(word) or self.leases.grant(word)
        if isinstance(result, LeaseResult):
            self.granted.append(result)
        return result

    def _revoke(self, word: Revoke, command: Command) -> object:
        if word.id not in self.leases.granted:
            return Fault("coordination_lease_not_found", f"lease {word.id:x}")
        if not self._may_end(word.id, command):
            return Fault("coordination_permission_denied", f"user {command.user!r}")
        self.space.begin()
        for key in self.space.keys_of(word.id):
            self.space.delete(DeleteRange(key))
        self.leases.forget(word.id)
        self.ended.append(word.id)
        self._tell(self.space.finish())
        return Nothing()

    def _compact(self, word: Compact, command: Command) -> object:
        problem = self.space.compact(word.revision)
        if problem is not None:
            return problem
        self.compaction.begin()
        self.hub.compacted()
        return Nothing()

    def _checkpoint(self, word: Checkpoint, command: Command) -> object:
        self.leases.checkpoint(word)
        return Nothing()

    # Questions --------------------------------------------------------------------------------------------------------

    def query(self, query: object) -> Outcome:
        """What changes nothing."""
        assert isinstance(query, Query), "questions come with whoever asks"
        refusal = None
        if not query.internal:
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
        return Chunks(self._map.frozen(), self._records.size_bytes, self._limits.chunk_bytes)

    def restore(self, index: int, chunks: Sequence[bytes]) -> None:
        """First the mark goes, last it comes: a crash between leaves a map that says that it holds nothing."""
        before = self.space.revision
        self._map.write([(_MARKS, None)])
        self._clear()
        marks = Marks()
        for chunk in chunks:
            records = dict(_read_chunk.decode(chunk))
            mark = records.pop(_MARKS, None)
            marks = _read_marks.decode(mark) if mark else marks
            self._map.write(list(records.items()))
        self._map.write([(_MARKS, msgspec.msgpack.encode(msgspec.structs.replace(marks, applied=index)))])
        self._reload()
        self.hub.replaced(before)

    def _clear(self) -> None:
        first, end = layout.EVERYTHING
        while some := _some(self._map.scan(first, end)):
            self._map.write([(key, None) for key in some])
            first = some[-1]


def grows(word: object) -> bool:
    """Whether a command needs room; a full store still takes what makes some."""
    return isinstance(word, Put | Grant) or (isinstance(word, Txn) and _puts(word))


def _puts(word: Txn) -> bool:
    return any(isinstance(one, Put) or (isinstance(one, Txn) and _puts(one)) for one in (*word.success, *word.failure))


def _some(records: Iterator[tuple[bytes, bytes]]) -> list[bytes]:
    return [key for _, (key, _) in zip(range(RESTORE_BATCH_RECORDS), records, strict=False)]
