"""Members of a coordination cluster in a simulated world: consensus, the state on a map that a crash sets back, leases
by the leader's clock, and watches over a network that loses, doubles and cuts.

They do what `node.py` does with real files and sockets. Every change that any of them applies is written into one
ledger: two that differ at a revision are a violation, whoever notices it first.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from serai.kernel.machines import Answer, Arm, Asked, Effect, Event, Machine, Received, Send, TimedOut
from serai.kernel.ports import Disk
from serai.mechanisms.consensus.errors import DamagedLog, DamagedSnapshot
from serai.mechanisms.consensus.messages import Configuration, SnapshotChunk
from serai.mechanisms.consensus.node import TICK, Node
from serai.mechanisms.consensus.requests import Done, HandOver, NotLeader, Propose, Read, Value
from serai.mechanisms.consensus.roles import Role
from serai.mechanisms.consensus.settings import Settings
from serai.simulation.scenarios.groups import Stopped
from serai.simulation.violations import Violation
from serai.simulation.world import World
from serai.systems.coordination.state.leases import LeaseClock
from serai.systems.coordination.state.limits import Limits
from serai.systems.coordination.state.machine import Command, Query, State, encode_command
from serai.systems.coordination.state.streams import Stream
from serai.systems.coordination.state.words import (
    Compact,
    Delivery,
    GetLease,
    KeyEvent,
    Nothing,
    Revoke,
    WatchSpec,
)

NAMES = ("a", "b", "c")
DUTIES = "duties"
DUTIES_S = 0.1
OPERATOR_S = 0.4
"""How often the operator does something."""
HISTORY_KEPT = 30
"""Revisions that a compaction leaves, at most."""
UNACKNOWLEDGED_MAX = 3
"""Items sent to a watcher that it has not taken: then its stream fills."""
ENDS_AT_ONCE_MAX = 100

SETTINGS = Settings(
    heartbeat_s=0.05,
    election_s=0.25,
    client_wait_s=0.5,
    snapshot_every_bytes=6_000,
    segment_bytes_max=2_000,
    append_bytes_max=500,
    inflight_messages_max=4,
    keep_entries=5,
    snapshot_chunks_in_flight_max=2,
)
LIMITS = Limits(
    compaction_changes=4,
    catch_up_changes=8,
    catch_up_reads=2,
    stream_bytes_max=1_500,
    delivery_bytes_max=800,
    chunk_bytes=600,
    checkpoint_every_s=0.5,
)
"""Small, so that a short life meets snapshots in many chunks, full streams, and compactions that a crash cuts short."""


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """A client renews a lease."""

    lease: int


@dataclass(frozen=True, slots=True)
class Begin:
    """A watcher's question. A higher number replaces the watch before."""

    number: int
    spec: WatchSpec


@dataclass(frozen=True, slots=True)
class Item:
    """Part of a watch. A watcher takes them in their order only; a gap makes it ask anew."""

    number: int
    place: int
    content: Delivery


@dataclass(frozen=True, slots=True)
class Took:
    """A watcher has all items up to this place."""

    number: int
    place: int


class Ledger:
    """What happened at each revision, as the first member that applied it says, and when leases expired."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.events: dict[int, tuple[KeyEvent, ...]] = {}
        self.expired_s: dict[int, float] = {}
        """By lease, when the first member applied its end, which a leader's clock had asked for."""

    @property
    def revision(self) -> int:
        """The newest that anybody has applied."""
        return max(self.events, default=1)

    def record(self, name: str, revision: int, events: tuple[KeyEvent, ...]) -> None:
        """A member has applied a revision. Violation."""
        bare = tuple([KeyEvent(event.kind, event.kv) for event in events])
        known = self.events.setdefault(revision, bare)
        if known != bare:
            raise Violation("agreement", f"at revision {revision} {name} has {bare}, others have {known}")

    def expired(self, lease: int) -> None:
        """A lease has ended because nobody renewed it."""
        self.expired_s.setdefault(lease, self._world.now_s)


class TriedState(State):
    """A state that tells what it does."""

    def __init__(self, world: World, name: str, ledger: Ledger) -> None:
        self._world, self._name, self._ledger = world, name, ledger
        super().__init__(world.ordered_map(name), LIMITS)
        if self.compaction.pending:
            world.reach("a compaction was cut by a crash")

    def _tell(self, events: Sequence[KeyEvent]) -> None:
        if events:
            self._ledger.record(self._name, self.space.revision, tuple(events))
        super()._tell(events)

    def _revoke(self, word: Revoke, command: Command) -> object:
        result = super()._revoke(word, command)
        if command.internal and isinstance(result, Nothing):
            self._ledger.expired(word.id)
        return result

    def restore(self, index: int, chunks: Sequence[bytes]) -> None:
        """As the state does."""
        before = self.space.revision
        super().restore(index, chunks)
        self._world.reach("a snapshot was restored")
        if self.hub.streams and self.space.revision > before:
            self._world.reach("a snapshot was restored under watches")


@dataclass(slots=True)
class Subscription:
    """One watcher's watch."""

    number: int
    stream: Stream
    sent: int = 0
    taken: int = 0
    was_full: bool = False


@dataclass(slots=True)
class Duty:
    """Something that the member asked itself."""

    done: Callable[[object], Sequence[Effect]]


class Member:
    """One member: implements `kernel.machines.Machine`."""

    def __init__(self, world: World, name: str, disk: Disk, ledger: Ledger, state: State) -> None:
        self._world = world
        self.name = name
        self._ledger = ledger
        self.state = state
        lives = world.chance(f"member {name}")
        initial = Configuration(NAMES)
        self.node = Node(name, disk=disk, random=lives, applied=state, settings=SETTINGS, initial=initial)
        self.clock: LeaseClock | None = None
        self._clock_term = 0
        self._leader: str | None = None
        self._token = 0
        self._duties: dict[int, Duty] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._now_s = 0.0

    def start(self, now_s: float) -> Sequence[Effect]:
        """As the node, and its duties."""
        self._now_s = now_s
        return [*self._settled(self.node.start(now_s)), Arm(DUTIES, DUTIES_S)]

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        """What is not of consensus is done here."""
        self._now_s = now_s
        match event:
            case TimedOut(timer) if timer != TICK:
                return [*self._settled(self._look()), Arm(DUTIES, DUTIES_S)]
            case Asked(token, KeepAlive(lease)):
                return self._settled(self._keep_alive(token, lease))
            case Received(watcher, Begin() as begin):
                return self._settled(self._begin(watcher, begin))
            case Received(watcher, Took(number, place)):
                return self._settled(self._took(watcher, number, place))
        return self._settled(self.node.step(event, now_s))

    # After each step ------------------------------------------------------------------------------------------------

    def _settled(self, effects: Sequence[Effect]) -> list[Effect]:
        """Its own questions are answered here, and what follows is followed."""
        out: list[Effect] = []
        waiting = deque(effects)
        while waiting:
            effect = waiting.popleft()
            if isinstance(effect, Answer) and effect.token in self._duties:
                waiting.extend(self._duties.pop(effect.token).done(effect.reply))
            else:
                out.append(effect)
        self._follow_leases()
        if self.node.member.leader != self._leader:
            self._leader = self.node.member.leader
            self._leader_changed()
        return out + list(self._tell_watchers())

    def _ask_itself(self, request: object, done: Callable[[object], Sequence[Effect]]) -> Sequence[Effect]:
        self._token -= 1
        self._duties[self._token] = Duty(done)
        return self.node.step(Asked(self._token, request), self._now_s)

    def _propose(self, word: object, done: Callable[[object], Sequence[Effect]] = lambda _: ()) -> Sequence[Effect]:
        data = encode_command(Command(word, internal=True))  # type: ignore[arg-type]  # a word that changes something
        return self._ask_itself(Propose(data), done)

    def _leader_changed(self) -> None:
        """Nothing depends on it."""

    # Leases ---------------------------------------------------------------------------------------------------------

    def _follow_leases(self) -> None:
        m = self.node.member
        leads = m.role is Role.LEADER and m.log.term_at(self.node.applied_index) == m.term
        if not leads:
            self.clock = None
        elif self.clock is None or self._clock_term != m.term:
            self._clock_term = m.term
            self.clock = LeaseClock(self.state.leases.granted.values(), self._now_s, LIMITS)
            self.state.granted.clear()
        for lease in self.state.granted:
            if self.clock is not None:
                self.clock.granted(lease.id, lease.ttl_s, self._now_s)
        for number in self.state.ended:
            if self.clock is not None:
                self.clock.forget(number)
        self.state.granted.clear()
        self.state.ended.clear()

    def _look(self) -> list[Effect]:
        self.state.tidy()
        self.state.hub.notify_progress()
        clock = self.clock
        if clock is None:
            return []
        effects: list[Effect] = []
        for number in clock.due(self._now_s, ENDS_AT_ONCE_MAX):
            effects += self._propose(Revoke(number), lambda reply, number=number: self._ended(clock, number, reply))  # type: ignore[misc]  # mypy cannot infer a lambda's default
        checkpoint = clock.checkpoint(self.state.leases.granted, self._now_s)
        if checkpoint is not None:
            self._world.reach("leases were checkpointed")
            effects += self._propose(checkpoint)
        return effects

    def _ended(self, clock: LeaseClock, number: int, reply: object) -> Sequence[Effect]:
        if not isinstance(reply, Done):
            clock.spare(number)
        return ()

    def _keep_alive(self, token: int, number: int) -> Sequence[Effect]:
        """As `cluster.leading.Leading.keep_alive`."""
        clock = self.clock
        if clock is None:
            return [Answer(token, NotLeader(self.node.member.leader))]
        known = self.state.leases.granted.get(number)
        ttl_s = known.ttl_s if known is not None and clock.renew(known, self._now_s) else -1

        def sure(reply: object) -> Sequence[Effect]:
            if self.clock is not clock or not isinstance(reply, Done | Value):
                return [Answer(token, NotLeader(self.node.member.leader))]
            if isinstance(reply, Done):
                clock.made_whole(number)
            return [Answer(token, Value(ttl_s))]

        if known is not None and ttl_s > 0 and clock.curtailed(known):
            self._world.reach("a renewal took a checkpoint back")
            return self._propose(known.whole, sure)
        return self._make_sure(number, sure)

    def _make_sure(self, number: int, sure: Callable[[object], Sequence[Effect]]) -> Sequence[Effect]:
        return self._ask_itself(Read(Query(GetLease(number), internal=True)), sure)

    # Watches --------------------------------------------------------------------------------------------------------

    def _begin(self, watcher: str, begin: Begin) -> Sequence[Effect]:
        known = self._subscriptions.get(watcher)
        if known is not None:
            if known.number >= begin.number:
                return ()  # a copy, or one that was overtaken
            self.state.hub.close(known.stream)
        stream = self.state.hub.open()
        self._subscriptions[watcher] = Subscription(begin.number, stream)
        if self.state.hub.create(stream, 0, begin.spec).behind:
            self._world.reach("a watch was caught up from history")
        return ()

    def _took(self, watcher: str, number: int, place: int) -> Sequence[Effect]:
        known = self._subscriptions.get(watcher)
        if known is not None and known.number == number:
            known.taken = max(known.taken, place)
        return ()

    def _tell_watchers(self) -> Iterator[Effect]:
        hub = self.state.hub
        if hub.behind:
            hub.catch_up()
        hub.ready.clear()
        for watcher, known in self._subscriptions.items():
            if known.stream.full and not known.was_full:
                self._world.reach("a watcher's stream was full")
            known.was_full = known.stream.full
            while known.sent - known.taken < UNACKNOWLEDGED_MAX and (delivery := known.stream.take()) is not None:
                known.sent += 1
                yield Send(watcher, Item(known.number, known.sent, delivery))


Made = Callable[[World, str, Disk, Ledger], Member]


def usual(world: World, name: str, disk: Disk, ledger: Ledger) -> Member:
    """A member without a planted mistake."""
    return Member(world, name, disk, ledger, TriedState(world, name, ledger))


@dataclass(slots=True)
class Cluster:
    """Three members, an operator, and their ledger."""

    world: World
    made: Made = usual
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.world)
        for name in NAMES:
            self.world.add_node(name, self._factory(name))
        self.world.observer = self._notice
        self.world.after(OPERATOR_S, Operator(self.world, self.ledger).work)

    def _factory(self, name: str) -> Callable[[Disk], Machine]:
        def build(disk: Disk) -> Machine:
            try:
                return self.made(self.world, name, disk, self.ledger)
            except (DamagedLog, DamagedSnapshot) as damaged:
                return Stopped(damaged.message)

        return build

    def _notice(self, name: str, machine: Machine, event: Event, effects: Sequence[Effect]) -> None:
        if isinstance(event, Received) and isinstance(event.message, SnapshotChunk) and event.message.number > 1:
            self.world.reach("a later chunk of a snapshot came")


class Operator:
    """Compacts, and hands the lead over, whatever comes of it."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self._world = world
        self._ledger = ledger
        self._chance = world.chance("operator")

    def work(self) -> None:
        """Asks everybody; only a leader does it."""
        request: object = HandOver(self._chance.pick(NAMES))
        if self._chance.happens(0.6):
            revision = self._ledger.revision - self._chance.below(HISTORY_KEPT)
            request = Propose(encode_command(Command(Compact(revision))))
        for name in NAMES:
            self._world.ask("operator", name, request, lambda reply: None)
        self._world.after(OPERATOR_S, self.work)
