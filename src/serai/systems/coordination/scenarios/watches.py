"""Watchers that come back after every break, at any member, and clients that change what they watch.

A watch that a compaction has ended is taken up at the compacted revision, as a client would that has read everything
anew; that it was rightly ended is judged too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from serai.kernel.machines import Arm, Effect, Event, Machine, Received, Replace, Send, Store, Stored, TimedOut
from serai.kernel.ports import Disk
from serai.mechanisms.consensus.requests import Propose
from serai.simulation.chance import Seeded
from serai.simulation.checkers.watches import Batch, Change, Progress, Watch, check_watches, resume_revision
from serai.simulation.clients import Client
from serai.simulation.faults import ROUGH
from serai.simulation.history import Outcome as Ended
from serai.simulation.history import told
from serai.simulation.scenario import Scenario, Stage
from serai.simulation.violations import Violation
from serai.simulation.world import World
from serai.systems.coordination.scenarios.members import (
    NAMES,
    Begin,
    Cluster,
    Item,
    Ledger,
    Made,
    Member,
    Took,
    TriedState,
    usual,
)
from serai.systems.coordination.scenarios.stores import PATIENCE, Speech
from serai.systems.coordination.state.machine import Command, encode_command
from serai.systems.coordination.state.words import (
    DeleteRange,
    Delivery,
    EventKind,
    KeyEvent,
    Outcome,
    Put,
    Txn,
    WatchSpec,
)

WATCHERS = ("one", "two", "three")
RANGES = {"one": (b"a", b"c"), "two": (b"b", b"\0"), "three": (b"c", b"")}
"""What each watches: a range, all from a key on, one key."""
KEYS = (b"a", b"a/x", b"b", b"c", b"d")
VALUE_BYTES = 60
"""So that a few changes fill a stream."""
BOOTS = "boots"
SILENCE_S = 0.8
"""After so long without an item a watcher asks another member. A notice comes more often."""
WATCHES_MAX = 1_000_000
"""Of one life of a watcher."""
CATCH_UP_S = 6.0
"""Within this time in a healed world a watcher has seen everything; a pause may outlast the faults."""


@dataclass(slots=True)
class Chain:
    """A watch and those by which it was resumed, until a compaction ended it."""

    ended: list[Watch] = field(default_factory=list)
    compacted_at: int = 0
    """The revision that its last watch was told when a compaction ended it; 0 if none did."""


class Watcher:
    """Writes down what comes, and asks anew from where it was when nothing does. Its memory is one life long."""

    def __init__(self, world: World, name: str, disk: Disk) -> None:
        self._world = world
        self._chance = world.chance(f"watcher {name}")
        self._boot = 1 + (int(disk.read(BOOTS)) if BOOTS in disk.names() else 0)
        self._number = self._boot * WATCHES_MAX
        """Above those of its earlier lives, which a member may remember."""
        self._range = RANGES[name]
        self._past: list[Chain] = []
        self._chain = Chain()
        self._from_revision = 1
        self._came: list[Batch | Progress] = []
        self._place = 0
        self._member = self._chance.pick(NAMES)

    @property
    def chains(self) -> list[Chain]:
        """Those of this life, the one that goes on last."""
        return [*self._past, Chain([*self._chain.ended, self._watch()])]

    def _watch(self) -> Watch:
        first, end = self._range
        until = first.decode() + "\0" if not end else "\x7f" if end == b"\0" else end.decode()
        return Watch(first.decode(), until, self._from_revision, tuple(self._came))

    def start(self, now_s: float) -> Sequence[Effect]:
        """Writes down that it started, so that no later life takes one of its numbers."""
        return [Store(0, (Replace(BOOTS, str(self._boot).encode()),))]

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        """Takes the next item; asks anew where one is missing or none comes."""
        match event:
            case Stored() | TimedOut():
                return self._ask()
            case Received(_, Item(number, place, content)) if number == self._number and place > self._place:
                return self._take(content) if place == self._place + 1 else self._ask()
        return []

    def _take(self, delivery: Delivery) -> list[Effect]:
        self._place += 1
        if delivery.canceled:
            return self._begin_anew(delivery)
        if delivery.events:
            self._came.append(Batch(tuple([change_of(event) for event in delivery.events])))
        else:
            self._came.append(Progress(delivery.revision))
            if delivery.compaction_near:
                self._world.reach("a watcher was told of a compaction")
        return [Send(self._member, Took(self._number, self._place)), Arm("silence", SILENCE_S)]

    def _begin_anew(self, delivery: Delivery) -> list[Effect]:
        self._world.reach("a watch was canceled by compaction")
        self._past.append(Chain([*self._chain.ended, self._watch()], delivery.compact_revision))
        self._chain, self._from_revision, self._came = Chain(), delivery.compact_revision, []
        return self._send()

    def _ask(self) -> list[Effect]:
        self._chain.ended.append(self._watch())
        self._from_revision = resume_revision(self._chain.ended[-1])
        self._came = []
        self._member = self._chance.pick(NAMES)
        return self._send()

    def _send(self) -> list[Effect]:
        self._number += 1
        self._place = 0
        assert self._number % WATCHES_MAX, "a life has more watches than it has numbers"
        key, end = self._range
        spec = WatchSpec(key, end, self._from_revision, progress_notify=True)
        return [Send(self._member, Begin(self._number, spec)), Arm("silence", SILENCE_S)]


def change_of(event: KeyEvent) -> Change:
    """In the checker's words."""
    value = None if event.kind is EventKind.DELETE else event.kv.value.decode().rstrip()
    return Change(event.kv.mod_revision, event.kv.key.decode(), value)


class Edits:
    """Puts, deletes and transactions with values of their own."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self, chance: Seeded) -> Put | DeleteRange | Txn:
        """The next."""
        if chance.happens(0.2):
            return DeleteRange(chance.pick(KEYS), chance.pick((b"", b"b", b"\0")))
        keys = chance.shuffled(KEYS)[: 1 + chance.below(3)]
        puts = tuple([self._put(key) for key in sorted(keys)])
        return puts[0] if len(puts) == 1 else Txn(success=puts)

    def _put(self, key: bytes) -> Put:
        self._last += 1
        return Put(key, (b"%d" % self._last).ljust(VALUE_BYTES))


class Dictation(Speech):
    """The clients' calls are coordination's words."""

    def request(self, call: object) -> object:
        """Through the log."""
        return Propose(encode_command(Command(call)))  # type: ignore[arg-type]  # the workload's words change something

    def result(self, call: object, outcome: object) -> object:
        """The revision."""
        assert isinstance(outcome, Outcome), "the state answers with outcomes"
        return outcome.revision

    def repeatable(self, call: object) -> bool:
        """Nothing: it might be done twice."""
        return False


class ForgetfulMember(Member):
    """A canary: whatever waits for its watchers is dropped when the lead changes, as if the network had taken it."""

    def _leader_changed(self) -> None:
        for known in self._subscriptions.values():
            known.stream.forget(0)


def forgetful(world: World, name: str, disk: Disk, ledger: Ledger) -> Member:
    """A member of that kind."""
    return ForgetfulMember(world, name, disk, ledger, TriedState(world, name, ledger))


def watches(made: Made = usual) -> Callable[[World], Stage]:
    """A cluster, watchers, and clients that put and delete."""

    def build(world: World) -> Stage:
        lives: dict[str, list[Watcher]] = {name: [] for name in WATCHERS}

        def watcher(name: str) -> Callable[[Disk], Machine]:
            def make(disk: Disk) -> Machine:
                lives[name].append(Watcher(world, name, disk))
                return lives[name][-1]

            return make

        cluster = Cluster(world, made)
        for name in WATCHERS:
            world.add_node(name, watcher(name))
        edits = Edits()
        clients = [
            Client(world, f"client {number}", NAMES, workload=edits, dialect=Dictation(), patience=PATIENCE)
            for number in (1, 2, 3)
        ]
        return Stage(clients, lambda: _judge(world, cluster, lives))

    return build


def _judge(world: World, cluster: Cluster, lives: dict[str, list[Watcher]]) -> None:
    world.run(world.now_s + CATCH_UP_S)
    ledger = cluster.ledger
    log = [change_of(event) for revision in sorted(ledger.events) for event in ledger.events[revision]]
    _require_acknowledged(world, ledger)
    for watchers in lives.values():
        for life in watchers:
            for chain in life.chains:
                last = life is watchers[-1] and chain.compacted_at == 0
                check_watches(log, chain.ended, ledger.revision if last else None)
                _require_right_end(chain)
                if sum(bool(watch.came) for watch in chain.ended) > 1:
                    world.reach("a watch was resumed")


def _require_right_end(chain: Chain) -> None:
    behind = resume_revision(chain.ended[-1])
    if 0 < chain.compacted_at <= behind:
        raise Violation("watch", f"a watch that lacked nothing before {behind} was ended at {chain.compacted_at}")


def _require_acknowledged(world: World, ledger: Ledger) -> None:
    for operation in told(world.history.operations, Ended.OK):
        call, revision = operation.call, int(str(operation.result))
        puts = [call] if isinstance(call, Put) else call.success if isinstance(call, Txn) else ()
        there = [(event.kv.key, event.kv.value) for event in ledger.events.get(revision, ())]
        if not all((put.key, put.value) in there for put in puts if isinstance(put, Put)):
            raise Violation("lost", f"an acknowledged change is not at its revision: {operation}")


SCENARIOS = (
    Scenario(
        name="watches",
        meaning="Watchers see every change once, in order and whole, at any member and however often they resume.",
        build=watches(),
        faults=ROUGH,
        must_reach=(
            *("a node crashed", "a crash lost batches of a map", "a message was lost", "a snapshot was restored"),
            *("a watch was caught up from history", "a watch was canceled by compaction", "a watch was resumed"),
            *("a watcher's stream was full", "a snapshot was restored under watches"),
            "a watcher was told of a compaction",
        ),
    ),
    Scenario(
        name="canary-forgetful-watch",
        meaning="Canary: a watch skips what waits for it when the lead changes.",
        build=watches(forgetful),
        faults=ROUGH,
        caught_as="watch",
    ),
)
