"""A log of changes on one node with watchers on others, and two canaries that break what watchers are promised."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serai.kernel.machines import (
    Answer,
    Append,
    Arm,
    Asked,
    Effect,
    Event,
    Machine,
    Received,
    Replace,
    Send,
    Store,
    Stored,
    TimedOut,
    Truncate,
)
from serai.kernel.ports import Disk
from serai.simulation.chance import Seeded
from serai.simulation.checkers.watches import Batch, Change, Progress, Watch, check_watches, resume_revision
from serai.simulation.clients import Client, Done, Verdict
from serai.simulation.faults import ROUGH
from serai.simulation.history import Outcome, told
from serai.simulation.scenario import Scenario, Stage
from serai.simulation.scenarios.records import packed, unpacked
from serai.simulation.violations import Violation
from serai.simulation.world import World

LOG = "log"
BOOTS = "boots"
FEED = "feed"
WATCHERS = ("one", "two")
KEYS = ("a", "b", "c")
FIRST, END = "a", "c"
"""The range that is watched; keys from `END` on are of no interest."""

BEAT_S = 0.05
"""How often a feed says how far it is."""

SILENCE_S = 0.3
"""After so long without an item a watcher asks anew."""

WATCHES_MAX = 1_000_000
"""Of one life of a watcher."""

CATCH_UP_S = 5.0
"""Within this time in a healed world a watcher has seen everything; a pause may outlast the faults."""


@dataclass(frozen=True, slots=True)
class Put:
    """Sets these keys at one revision, which is the result."""

    pairs: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """A watcher's question: everything from this revision on. A higher number replaces the watch before."""

    number: int
    from_revision: int


@dataclass(frozen=True, slots=True)
class Item:
    """Part of a watch. A watcher takes them in their order only; a gap makes it ask anew."""

    number: int
    place: int
    content: Batch | Progress


@dataclass(slots=True)
class Stream:
    """What the feed knows of one watch."""

    number: int
    next_revision: int
    sent: int = 0


class Feed:
    """Correct: a revision counts, and is shown, when it is on the disk."""

    def __init__(self, disk: Disk) -> None:
        self.log: list[Change] = []
        self.revision = 0
        self._asked: dict[int, tuple[int, Put]] = {}
        self._given = 0
        """The last revision that was given to a change, stored or not."""
        self._streams: dict[str, Stream] = {}
        content = disk.read(LOG) if LOG in disk.names() else b""
        end = 0
        for (revision, pairs), offset in unpacked(content):
            self._take(revision, Put(tuple((key, value) for key, value in pairs)))
            end = offset
        self._given = self.revision
        self._torn = end if end < len(content) else -1

    def start(self, now_s: float) -> Sequence[Effect]:
        """Cuts a torn end off, and beats."""
        cut = [] if self._torn < 0 else [Store(0, (Truncate(LOG, self._torn),))]
        return [*cut, Arm("beat", BEAT_S)]

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        """One short handler for each event."""
        match event:
            case Asked(token, Put() as put):
                return self._put(token, put)
            case Stored(token) if token in self._asked:
                return self._stored(token)
            case Received(watcher, Begin() as begin):
                return self._begin(watcher, begin)
            case TimedOut():
                return [*self._to_all(Progress(self.revision)), Arm("beat", BEAT_S)]
        return []

    def _put(self, token: int, put: Put) -> list[Effect]:
        self._given += 1
        self._asked[token] = (self._given, put)
        return [Store(token, (Append(LOG, packed((self._given, put.pairs))),))]

    def _stored(self, token: int) -> list[Effect]:
        revision, put = self._asked.pop(token)
        return [*self._show(self._take(revision, put)), Answer(token, revision)]

    def _take(self, revision: int, put: Put) -> list[Change]:
        assert revision == self.revision + 1, f"revision {revision} follows {self.revision}"
        changes = [Change(revision, key, value) for key, value in put.pairs]
        self.log += changes
        self.revision = revision
        return changes

    def _show(self, changes: Sequence[Change]) -> list[Effect]:
        wanted = _watched(changes)
        return self._to_all(Batch(wanted)) if wanted else []

    def _to_all(self, content: Batch | Progress) -> list[Effect]:
        return [self._next(watcher, stream, content) for watcher, stream in self._streams.items()]

    def _next(self, watcher: str, stream: Stream, content: Batch | Progress) -> Effect:
        stream.sent += 1
        return Send(watcher, Item(stream.number, stream.sent, content))

    def _begin(self, watcher: str, begin: Begin) -> list[Effect]:
        known = self._streams.get(watcher)
        if known and known.number >= begin.number:
            return []  # a copy, or one that was overtaken
        stream = self._streams[watcher] = Stream(begin.number, begin.from_revision)
        past = _watched(self._past(begin.from_revision))
        return [self._next(watcher, stream, Batch(past) if past else Progress(self.revision))]

    def _past(self, from_revision: int) -> Sequence[Change]:
        return [change for change in self.log if change.revision >= from_revision]


class ForgetfulFeed(Feed):
    """A canary: a watch that is resumed begins with what comes, not with what was missed."""

    def _past(self, from_revision: int) -> Sequence[Change]:
        return []


class HastyFeed(Feed):
    """A canary: it shows a change before it is stored; a crash then gives its revision to another."""

    def _put(self, token: int, put: Put) -> list[Effect]:
        changes = [Change(self._given + 1, key, value) for key, value in put.pairs]
        return [*super()._put(token, put), *self._show(changes)]

    def _stored(self, token: int) -> list[Effect]:
        revision, put = self._asked.pop(token)
        self._take(revision, put)
        return [Answer(token, revision)]


def _watched(changes: Sequence[Change]) -> tuple[Change, ...]:
    return tuple(change for change in changes if FIRST <= change.key < END)


class Watcher:
    """Writes down what comes, and asks anew from where it was when nothing does. Its memory is one life long."""

    def __init__(self, disk: Disk) -> None:
        self._boot = 1 + (int(disk.read(BOOTS)) if BOOTS in disk.names() else 0)
        self._number = self._boot * WATCHES_MAX
        """Above those of its earlier lives, which the feed may remember."""
        self._ended: list[Watch] = []
        self._from_revision = 1
        self._came: list[Batch | Progress] = []
        self._place = 0
        """Of the last item that was taken."""

    @property
    def watches(self) -> list[Watch]:
        """Those of this life, the one that goes on last."""
        return [*self._ended, Watch(FIRST, END, self._from_revision, tuple(self._came))]

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

    def _take(self, content: Batch | Progress) -> list[Effect]:
        self._place += 1
        self._came.append(content)
        return [Arm("silence", SILENCE_S)]

    def _ask(self) -> list[Effect]:
        self._ended = self.watches
        self._from_revision = resume_revision(self._ended[-1])
        self._came, self._place = [], 0
        self._number += 1
        assert self._number % WATCHES_MAX, "a life has more watches than it has numbers"
        return [Send(FEED, Begin(self._number, self._from_revision)), Arm("silence", SILENCE_S)]


class Plain:
    """The feed speaks the clients' language."""

    def request(self, call: object) -> object:
        """The call itself."""
        return call

    def verdict(self, call: object, reply: object) -> Verdict:
        """Always done."""
        return Done(reply)

    def repeatable(self, call: object) -> bool:
        """A put that is asked twice might be done twice."""
        return False


class Puts:
    """One or two keys, with values of their own."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self, chance: Seeded) -> Put:
        """The next."""
        self._last += 1
        keys = chance.shuffled(KEYS)[: 1 + chance.below(2)]
        return Put(tuple((key, self._last) for key in sorted(keys)))


def feeds(machine: Callable[[Disk], Machine]) -> Callable[[World], Stage]:
    """A feed, two watchers, and clients that put."""

    def build(world: World) -> Stage:
        lives: dict[str, list[Watcher]] = {name: [] for name in WATCHERS}

        def watcher(name: str) -> Callable[[Disk], Machine]:
            def make(disk: Disk) -> Machine:
                lives[name].append(Watcher(disk))
                return lives[name][-1]

            return make

        world.add_node(FEED, machine)
        for name in WATCHERS:
            world.add_node(name, watcher(name))
        puts = Puts()
        clients = [Client(world, f"client {number}", [FEED], workload=puts, dialect=Plain()) for number in (1, 2, 3)]
        return Stage(clients, lambda: _judge(world, lives))

    return build


def _judge(world: World, lives: dict[str, list[Watcher]]) -> None:
    world.run(world.now_s + CATCH_UP_S)
    feed = world.machine(FEED)
    assert isinstance(feed, Feed), "the feed is down in a healed world"
    for operation in told(world.history.operations, Outcome.OK):
        assert isinstance(operation.call, Put)
        if not {Change(int(str(operation.result)), *pair) for pair in operation.call.pairs} <= set(feed.log):
            raise Violation("lost", f"an acknowledged change is not in the log: {operation}")
    for watchers in lives.values():
        for life in watchers:
            last = life is watchers[-1]
            check_watches(feed.log, life.watches, feed.revision if last else None)
            if any(len(watch.came) > 1 for watch in life.watches[1:]):
                world.reach("a watch was resumed")


SCENARIOS = (
    Scenario(
        name="feed",
        meaning="Watchers of a log on one node see every change once, in order and whole, however often they resume.",
        build=feeds(Feed),
        faults=ROUGH,
        must_reach=("a node crashed", "a crash lost writes", "a message was lost", "a watch was resumed"),
    ),
    Scenario(
        name="canary-forgetful-feed",
        meaning="Canary: a watch that is resumed misses what came in between.",
        build=feeds(ForgetfulFeed),
        faults=ROUGH,
        caught_as="watch",
    ),
    Scenario(
        name="canary-hasty-feed",
        meaning="Canary: a change is shown before it is stored.",
        build=feeds(HastyFeed),
        faults=ROUGH,
        caught_as="watch",
    ),
)
