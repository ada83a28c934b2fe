"""A member on its machine: the core, the log on the disk, the applied state and the clients, as one `Machine`.

It decides the order in which things happen, and so prevents the promises that a crash would break: what is to be
remembered is handed to the disk before anything is sent; a message that depends on it waits until it is durable; a
leader's entries go to the followers meanwhile; entries are applied when they are committed and on this disk; clients
are answered last.
"""

from collections.abc import Sequence
from typing import assert_never

from serai.kernel.machines import (
    Arm,
    Asked,
    Effect,
    Event,
    Halt,
    Received,
    Remove,
    Send,
    Store,
    Stored,
    TimedOut,
    Write,
)
from serai.kernel.ports import Disk, Random
from serai.mechanisms.consensus import changing, core, elections, following
from serai.mechanisms.consensus.applied import Applied
from serai.mechanisms.consensus.clients import Clients
from serai.mechanisms.consensus.compaction import Compaction
from serai.mechanisms.consensus.desk import Desk
from serai.mechanisms.consensus.errors import DamagedLog, RefusedMessage, SafetyBroken
from serai.mechanisms.consensus.log import Log
from serai.mechanisms.consensus.member import Member, Out
from serai.mechanisms.consensus.messages import (
    Configuration,
    Entry,
    Image,
    Kind,
    Message,
)
from serai.mechanisms.consensus.promises import Promises
from serai.mechanisms.consensus.records import segment_name
from serai.mechanisms.consensus.recovery import Kept, recover
from serai.mechanisms.consensus.requests import AskStatus, NotLeader, Status, Value
from serai.mechanisms.consensus.roles import Cause, Role
from serai.mechanisms.consensus.settings import Settings
from serai.mechanisms.consensus.snapshots import Writing, read_snapshot

TICK = "tick"
GENESIS_TERM = 1
"""The term of the entry with which a new group begins, the same on each of its first members."""


class Node:
    """One member of one group. `initial`: the group's first members, said to each of them at its first start;
    None for one that joins a group that exists. DamagedLog, DamagedSnapshot.
    """

    def __init__(
        self,
        name: str,
        *,
        disk: Disk,
        random: Random,
        applied: Applied,
        settings: Settings | None = None,
        initial: Configuration | None = None,
        group: int = 0,
    ) -> None:
        settings = settings or Settings()
        problems = settings.validate()
        assert not problems, "; ".join(problems)
        recovered = recover(disk, random, settings.segment_bytes_max)
        kept = recovered.groups.get(group, Kept())
        self.cut = recovered.cut
        """What was cut off the end of the log at this start, in words, or None."""
        self.refused = 0
        """Messages that no correct member sends."""
        self.applied_index = max(applied.kept(), kept.snapshot.index if kept.snapshot else 0)
        self.journal = recovered.journal
        self._state = applied
        self._clients = Clients()
        self._compaction = Compaction(group, kept.snapshot)
        self._effects: list[Effect] = []
        self._promises = Promises(name)
        self._snapshot_sequence = 0
        """The write that says that a snapshot counts; 0 when its consequences are drawn."""
        self._tokens = 0
        self._journal_token = 0
        self._written_s = 0.0
        """When the journal's last write was asked for."""
        self._prune_token = 0
        """That of the removal of a segment that is under way, or 0."""
        self._image: Image | None = None
        self._restoring: Image | None = None
        """A leader's snapshot that the log will count on; the applied state waits for it."""
        self._halted = False
        log = Log.kept(kept.snapshot, kept.entries, self.journal.durable + 1)
        self.member = Member(name, group, settings, random, log, self._take_image)
        self.member.term, self.member.vote = kept.term, kept.vote
        self._desk = Desk(self.member, self._clients, applied)
        if self.applied_index > log.last_index:
            what = f"it ends at entry {log.last_index}, and the applied state holds entry {self.applied_index}"
            raise DamagedLog.at(segment_name(1), 0, what)
        self.member.log.commit_to(self.applied_index)
        if kept.snapshot is not None and applied.kept() < kept.snapshot.index:
            chunks = read_snapshot(disk, kept.snapshot.file, kept.snapshot.index, kept.snapshot.term)
            applied.restore(kept.snapshot.index, chunks)
        if recovered.fresh and initial is not None:
            self._found(initial)

    def _found(self, initial: Configuration) -> None:
        """A group begins with an entry that says who is in it."""
        problem = changing.malformed(initial)
        assert problem is None, problem
        self.member.term, self.member.out.vote_changed = GENESIS_TERM, True
        self.member.log.add([Entry(1, GENESIS_TERM, Kind.CONFIGURATION, initial.to_bytes())])

    def start(self, now_s: float) -> Sequence[Effect]:
        """The first effects of this life."""
        core.wake(self.member, now_s)
        self._effects.append(Arm(TICK, self.member.settings.tick_s))
        self._settle()
        self._drain()
        return self.take_effects()

    def _settle(self) -> None:
        """What an earlier life wrote is synced once more before anything is promised on it: after the end of a process
        alone, it may have been read from the system's memory, and a loss of power would still take it."""
        if self.journal.durable > 0:
            self._write_journal()
            self._promises.term_sequence = self.journal.promised

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        """What one event leads to. After `Halt`, nothing."""
        return self._live((event,), now_s)

    def step_asked(self, asked: Sequence[Asked], now_s: float) -> Sequence[Effect]:
        """What several requests lead to: their entries go into one write and one message to each follower."""
        return self._live(asked, now_s)

    def _live(self, events: Sequence[Event], now_s: float) -> Sequence[Effect]:
        if self._halted:
            return ()
        try:
            for event in events:
                self._handle(event, now_s)
            self._drain()
            if isinstance(events[-1], TimedOut):
                self._mark()
        except SafetyBroken as broken:
            self._halted = True
            return (Halt(broken.message),)
        return self.take_effects()

    def take_effects(self) -> Sequence[Effect]:
        """What was left to do; `start` and `step` have taken theirs."""
        effects, self._effects = self._effects, []
        return effects

    def _handle(self, event: Event, now_s: float) -> None:
        match event:
            case Received(sender, message):
                self._receive(sender, message, now_s)
            case TimedOut():
                self._effects.append(Arm(TICK, self.member.settings.tick_s))
                core.tick(self.member, now_s)
                self._look_at_disk()
                self._desk.give_up_late_reads()
            case Stored(token):
                self._stored(token)
            case Asked(token, request):
                self.member.now_s = now_s
                self._ask(token, request)
            case _:
                assert_never(event)

    def _look_at_disk(self) -> None:
        m = self.member
        late = not self.journal.idle and m.now_s - self._written_s > m.settings.disk_wait_s
        if late and m.role is Role.LEADER:
            elections.follow(m, Cause.STUCK_DISK, m.term, None)

    def _receive(self, sender: str, message: object, now_s: float) -> None:
        assert isinstance(message, Message), "the world hands over what a member has sent"
        try:
            core.step(self.member, sender, message, now_s)  # type: ignore[arg-type]  # every Message is one of AnyMessage
        except RefusedMessage:
            self.refused += 1

    def _ask(self, token: int, request: object) -> None:
        if isinstance(request, AskStatus):
            self._clients.answer(token, self.status())
        else:
            self._desk.ask(token, request)

    def status(self) -> Status:
        """How this member stands."""
        m = self.member
        return Status(
            name=m.name,
            role=m.role,
            term=m.term,
            leader=m.leader,
            commit=m.log.commit,
            applied=self.applied_index,
            last=m.log.last_index,
            snapshot=self._compaction.index,
            configuration=m.log.configuration,
            followers={name: follower.match for name, follower in m.progress.items()},
        )

    # The order of things

    def _drain(self) -> None:
        """Until nothing is left to do: remember, send, tell, write, apply."""
        m = self.member
        again = True
        while again:
            if self.journal.idle or m.queue_bytes >= m.settings.batch_bytes_max:
                core.admit(m)
            core.flush(m)
            out = m.take()
            self._remember(out)
            for to, message in out.sends:
                self._promises.hold(to, message, self.journal.promised)
            self._tell(out)
            self._write()
            self._apply()
            again = self._release() or bool(m.out.sends) or (self.journal.idle and bool(m.queue))
        self._clients.see(m)
        self._effects += self._clients.answers
        self._clients.answers.clear()

    def _remember(self, out: Out) -> None:
        m = self.member
        if out.vote_changed:
            self.journal.keep_vote(m.group, m.term, m.vote)
            self._promises.term_sequence = self.journal.promised
        entries = m.log.unsaved()
        if entries:
            self.journal.keep_entries(m.group, entries)
            m.log.handed(self.journal.promised)

    def _release(self) -> bool:
        """Sends what waits for nothing any more; whether any was for this member itself."""
        others, own = self._promises.due(self.journal.durable)
        self._effects += [Send(to, message) for to, message in others]
        for message in own:
            core.step(self.member, self.member.name, message, self.member.now_s)
        return bool(own)

    def _tell(self, out: Out) -> None:
        m = self.member
        for token, index in out.appended:
            self._clients.appended(token, index, m.term)
        for token in out.dropped:
            self._clients.answer(token, NotLeader(m.leader))
        for token, index in out.readable:
            self._clients.readable(token, index)
        for token in out.unreadable:
            self._clients.unreadable(token, m.leader)
        if m.role is not Role.LEADER:
            self._clients.see(m)
            self._clients.lost_lead()
        if out.arrived is not None:
            self._take_snapshot(out.arrived)

    def _take_snapshot(self, image: Image) -> None:
        if self._compaction.writing is None:
            self._begin_snapshot(image, foreign=True)
        else:
            self._compaction.wait(image)

    def _write(self) -> None:
        if self.journal.idle and self.journal.waiting:
            self._write_journal()

    def _mark(self) -> None:
        """The last write of a busy time is vouched for at the next tick without another."""
        if self.journal.unvouched:
            self._write_journal()

    def _write_journal(self) -> None:
        self._journal_token = self._store(self.journal.write())
        self._written_s = self.member.now_s

    def _store(self, writes: tuple[Write, ...]) -> int:
        self._tokens += 1
        self._effects.append(Store(self._tokens, writes))
        return self._tokens

    def _apply(self) -> None:
        """Commits that are on this disk reach the applied state; clients hear of it."""
        m = self.member
        if self._restoring is not None:
            return
        until = min(m.log.commit, m.log.durable)
        while self.applied_index < until:
            self._image = None
            entries = m.log.slice(self.applied_index + 1, until, m.settings.batch_bytes_max)
            commands = [entry for entry in entries if entry.kind is Kind.COMMAND]
            if commands:
                self._clients.applied(commands, self._state.apply(commands))
            self.applied_index = entries[-1].index
        for token, query in self._clients.due(self.applied_index):
            self._clients.answer(token, Value(self._state.query(query)))
        if self._compaction.due(self.journal.bytes_written, m.settings.snapshot_every_bytes, self.applied_index):
            self._begin_snapshot(self._take_image(), foreign=False)

    # What became durable

    def _stored(self, token: int) -> None:
        if token == self._compaction.token:
            self._go_on_with_snapshot()
        elif token == self._journal_token:
            self.journal.stored()
            core.stored(self.member, self.journal.durable)
            self._forget()
        elif token == self._prune_token:
            self._prune_token = 0
            self._prune()

    def make_snapshot(self) -> None:
        """An operator wants a snapshot now, if none is being written; take the effects afterwards."""
        free = self._compaction.writing is None and self._restoring is None
        if free and self.applied_index > self._compaction.index:
            self._begin_snapshot(self._take_image(), foreign=False)

    def _begin_snapshot(self, image: Image, *, foreign: bool) -> None:
        journal = self.journal
        sequence = journal.promised
        self._compaction.begin(image, foreign=foreign, sequence=sequence, log_bytes=journal.bytes_written)
        self._go_on_with_snapshot()

    def _go_on_with_snapshot(self) -> None:
        writing = self._compaction.writing
        assert writing is not None, "a snapshot is being written"
        write = writing.next()
        if write is not None:
            self._compaction.token = self._store((write,))
            return
        self._finish_snapshot()

    def _finish_snapshot(self) -> None:
        """The file is durable: the log may count on it, once a record says so."""
        finished, waiting = self._compaction.finish()
        continues = self.member.log.term_at(finished.image.index) == finished.image.term
        if self._counts(finished):
            self.journal.keep_snapshot(self._compaction.count_on(finished, continues=continues))
            self._snapshot_sequence = self.journal.promised
        else:
            self._store((Remove(finished.file),))
        if waiting is not None and waiting.index > self._compaction.index:
            self._begin_snapshot(waiting, foreign=True)

    def _counts(self, finished: Writing) -> bool:
        """Whether a snapshot is still news; a leader's replaces the applied state."""
        image = finished.image
        if finished.foreign:
            if not following.installed(self.member, image):
                return False
            self._restoring = image
        return image.index > self._compaction.index

    def _forget(self) -> None:
        """A durable snapshot makes entries, segments and older snapshots superfluous."""
        if not 0 < self._snapshot_sequence <= self.journal.durable:
            return
        self._snapshot_sequence = 0
        self._restore()
        log = self.member.log
        log.compact(max(log.base_index, self._compaction.index - self.member.settings.keep_entries))
        self.journal.cover(self.member.group, self._compaction.index)
        for file in self._compaction.obsolete():
            self._store((Remove(file),))
        self._prune()

    def _prune(self) -> None:
        write = self.journal.prune() if self._prune_token == 0 else None
        if write is not None:
            self._prune_token = self._store((write,))

    def _restore(self) -> None:
        """Only now: a state that is kept by itself must never be ahead of the log."""
        image, self._restoring = self._restoring, None
        if image is not None:
            self._state.restore(image.index, image.chunks)
            self.applied_index = image.index
            self._image = None

    def _take_image(self) -> Image:
        """A snapshot of what is applied now; the same one for all who ask at the same entry."""
        index, log = self.applied_index, self.member.log
        if self._image is None or self._image.index != index:
            term = log.term_at(index)
            assert term is not None, "what is applied is held or is the base"
            self._image = Image(index, term, log.configuration_at(index), self._state.snapshot())
        return self._image
