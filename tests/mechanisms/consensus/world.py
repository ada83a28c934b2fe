"""A tiny world for consensus: members, a network that a script or a seed drives, disks that lose what was not synced.

Nothing happens by itself: a message is delivered, a write becomes durable, a member ticks only when told.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from tests.doubles import SeededRandom

from serai.kernel.machines import (
    Answer,
    Append,
    Arm,
    Asked,
    Effect,
    Event,
    Halt,
    Received,
    Remove,
    Replace,
    Send,
    Store,
    Stored,
    TimedOut,
    Truncate,
    Write,
)
from serai.kernel.ports import Random
from serai.mechanisms.consensus.journal import Journal
from serai.mechanisms.consensus.messages import AnyMessage, Configuration, Entry, Kind
from serai.mechanisms.consensus.node import TICK, Node
from serai.mechanisms.consensus.requests import Request
from serai.mechanisms.consensus.settings import Settings

SETTINGS = Settings(segment_bytes_max=4096, snapshot_every_bytes=1 << 30, keep_entries=0)


class NoChance:
    """Every election time is the shortest; a story decides by itself who waits longer."""

    def token(self, size: int) -> bytes:
        return bytes(size)

    def below(self, bound: int) -> int:
        return 0


class Files:
    """A disk: what is durable, and writes that are not yet."""

    def __init__(self) -> None:
        self.durable: dict[str, bytes] = {}
        self.pending: deque[Store] = deque()

    def names(self) -> Sequence[str]:
        return sorted(self.durable)

    def read(self, file: str) -> bytes:
        if file not in self.durable:
            raise FileNotFoundError(file)
        return self.durable[file]

    def sync(self) -> int:
        store = self.pending.popleft()
        for write in store.writes:
            self.perform(write)
        return store.token

    def perform(self, write: Write) -> None:
        match write:
            case Append(file, data):
                self.durable[file] = self.durable.get(file, b"") + data
            case Replace(file, data):
                self.durable[file] = data
            case Truncate(file, size):
                self.durable[file] = self.durable[file][:size]
            case Remove(file):
                self.durable.pop(file, None)

    def crash(self, chance: Random) -> None:
        """Of what was not synced any beginning may be there, its last write in part; of each file by itself."""
        writes = [write for store in self.pending for write in store.writes]
        self.pending.clear()
        for file in sorted({write.file for write in writes}) if chance.below(2) else [""]:
            self._lose([write for write in writes if file in ("", write.file)], chance)

    def _lose(self, writes: list[Write], chance: Random) -> None:
        kept = chance.below(len(writes) + 1)
        for write in writes[:kept]:
            self.perform(write)
        if kept < len(writes) and isinstance(torn := writes[kept], Append):
            self.perform(replace(torn, data=torn.data[: chance.below(len(torn.data) + 1)]))


class Words:
    """An applied state: the list of all commands. `query` is answered with how many there are and the list."""

    def __init__(self) -> None:
        self.words: list[bytes] = []

    def kept(self) -> int:
        return 0

    def apply(self, entries: Sequence[Entry]) -> Sequence[object]:
        results = []
        for entry in entries:
            assert entry.kind is Kind.COMMAND
            self.words.append(entry.data)
            results.append(len(self.words))
        return results

    def query(self, query: object) -> object:
        return tuple(self.words)

    def snapshot(self) -> Sequence[bytes]:
        return (b"words:", *[msgspec.msgpack.encode(self.words[at : at + 2]) for at in range(0, len(self.words), 2)])

    def restore(self, index: int, chunks: Sequence[bytes]) -> None:
        assert chunks[0] == b"words:"
        self.words = [word for chunk in chunks[1:] for word in msgspec.msgpack.decode(chunk, type=list[bytes])]


class KeptWords(Words):
    """The same on a disk of its own that is never synced: a crash may take any number of the last writes."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: list[tuple[int, list[bytes]]] = [(0, [])]

    def kept(self) -> int:
        return self.versions[-1][0]

    def apply(self, entries: Sequence[Entry]) -> Sequence[object]:
        assert entries[0].index > self.kept(), "no entry is applied twice"
        results = super().apply(entries)
        self.versions.append((entries[-1].index, list(self.words)))
        return results

    def restore(self, index: int, chunks: Sequence[bytes]) -> None:
        super().restore(index, chunks)
        self.versions.append((index, list(self.words)))

    def crash(self, chance: Random) -> None:
        del self.versions[1 + chance.below(len(self.versions)) :]
        self.words = list(self.versions[-1][1])


@dataclass
class Letter:
    """A message on its way."""

    sender: str
    to: str
    message: AnyMessage


@dataclass
class World:
    """All members. `seen` collects what happened, for whoever tells or checks it."""

    initial: Configuration
    settings: Settings = SETTINGS
    chance: Random = field(default_factory=NoChance)
    now_s: float = 0.0
    nodes: dict[str, Node] = field(default_factory=dict)
    disks: dict[str, Files] = field(default_factory=dict)
    states: dict[str, Words] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    answers: dict[int, object] = field(default_factory=dict)
    halted: dict[str, str] = field(default_factory=dict)
    cut: set[tuple[str, str]] = field(default_factory=set)
    keeping: bool = False
    """The applied states live on disks of their own."""
    asked: int = 0
    waiting: dict[int, str] = field(default_factory=dict)
    """Who was asked what is not answered yet; a crash ends the waiting without an answer."""

    def start(self, name: str) -> None:
        """A member's first life or its next."""
        disk = self.disks.setdefault(name, Files())
        if not self.keeping or name not in self.states:
            self.states[name] = KeptWords() if self.keeping else Words()
        initial = self.initial if name in self.initial.everyone else None
        node = Node(
            name, disk=disk, random=self.chance, applied=self.states[name], settings=self.settings, initial=initial
        )
        self.nodes[name] = node
        self.perform(name, node.start(self.now_s))

    def crash(self, name: str, chance: Random | None = None) -> None:
        """Ends a life; what was not durable is lost, or some of it is not."""
        del self.nodes[name]
        self.waiting = {token: at for token, at in self.waiting.items() if at != name}
        if chance is None:
            self.disks[name].pending.clear()
        else:
            self.disks[name].crash(chance)
            state = self.states[name]
            if isinstance(state, KeptWords):
                state.crash(chance)

    def step(self, name: str, event: Event) -> None:
        if name in self.nodes and name not in self.halted:
            self.perform(name, self.nodes[name].step(event, self.now_s))

    def perform(self, name: str, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(to, message):
                    if (name, to) not in self.cut:
                        self.letters.append(Letter(name, to, message))  # type: ignore[arg-type]
                case Store():
                    self.disks[name].pending.append(effect)
                case Answer(token, reply):
                    assert token not in self.answers, "one answer to a question"
                    self.answers[token] = reply
                    del self.waiting[token]
                case Halt(reason):
                    self.halted[name] = reason
                case Arm():
                    pass
                case _:
                    raise AssertionError(effect)

    def ask(self, name: str, request: Request) -> int:
        self.asked += 1
        self.waiting[self.asked] = name
        self.step(name, Asked(self.asked, request))
        return self.asked

    def ask_together(self, name: str, requests: Sequence[Request]) -> list[int]:
        """As the real world does with what is asked in one turn of its loop."""
        asked = [Asked(self.asked + number, request) for number, request in enumerate(requests, 1)]
        self.asked += len(asked)
        self.waiting |= {event.token: name for event in asked}
        if name in self.nodes and name not in self.halted:
            self.perform(name, self.nodes[name].step_asked(asked, self.now_s))
        return [event.token for event in asked]

    def tick(self, name: str) -> None:
        self.step(name, TimedOut(TICK))

    def deliver(self, letter: Letter) -> None:
        """Takes a letter out of the network and hands it over, unless the way is cut."""
        self.letters.remove(letter)
        if (letter.sender, letter.to) not in self.cut:
            self.step(letter.to, Received(letter.sender, letter.message))

    def sync(self, name: str) -> None:
        """The oldest write of a member becomes durable."""
        token = self.disks[name].sync()
        self.step(name, Stored(token))

    def settle(self) -> None:
        """Everything on its way arrives and becomes durable, until nothing moves."""
        for _ in range(10_000):
            busy = next((name for name in self.nodes if self.disks[name].pending), None)
            if busy is not None:
                self.sync(busy)
            elif self.letters:
                self.deliver(self.letters[0])
            else:
                return
        raise AssertionError("the group does not come to rest")

    def part(self, *halves: Sequence[str]) -> None:
        """Only members of the same part hear each other."""
        of = {name: number for number, half in enumerate(halves) for name in half}
        names = set(of)
        self.cut = {(one, other) for one in names for other in names if of[one] != of[other]}


def written(voters: Sequence[str], terms: Sequence[int], *, vote: str | None = None, term: int | None = None) -> Files:
    """A disk with a log of entries of these terms; the first is the group's configuration."""
    disk = Files()
    journal = Journal(SeededRandom(1), segment_bytes_max=1 << 20)
    data = Configuration(tuple(voters)).to_bytes()
    entries = [Entry(1, terms[0], Kind.CONFIGURATION, data)]
    entries += [Entry(index, of, Kind.COMMAND, b"%d/%d" % (index, of)) for index, of in enumerate(terms[1:], 2)]
    journal.keep_vote(0, term or terms[-1], vote)
    journal.keep_entries(0, entries)
    for write in journal.write():
        disk.perform(write)
    return disk
