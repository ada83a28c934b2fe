"""Random lives of a group, and the judge who watches each step: Raft's own promises, said as simply as possible.

The judge is the dumb twin. It knows no terms of commitment, no windows, no joint majorities: it writes down what every
member ever held or called committed, and two that differ are an error.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.doubles import SeededRandom
from tests.mechanisms.consensus.world import SETTINGS, World

from serai.mechanisms.consensus.messages import Configuration, Entry, SnapshotChunk, TimeoutNow
from serai.mechanisms.consensus.progress import Flow
from serai.mechanisms.consensus.requests import Busy, Change, Done, HandOver, NotLeader, Propose, Read, Unknown, Value
from serai.mechanisms.consensus.roles import Role
from serai.mechanisms.consensus.settings import Settings

NAMES = "abcde"


@dataclass
class Judge:
    """Election safety, log matching, leader completeness, state machine safety, linearizable reads."""

    leaders: dict[int, str] = field(default_factory=dict)
    committed: dict[int, Entry] = field(default_factory=dict)
    held: dict[tuple[int, int], tuple[Entry, int | None]] = field(default_factory=dict)
    """(index, term) -> the entry and its predecessor's term."""
    proposed: dict[int, bytes] = field(default_factory=dict)
    reads: dict[int, int] = field(default_factory=dict)
    """A read's token -> how many proposals had been acknowledged when it was asked."""
    acknowledged: dict[int, bytes] = field(default_factory=dict)
    """Index -> data of what a client was told to be done."""
    _judged: set[int] = field(default_factory=set)
    _known: dict[tuple[str, int], int] = field(default_factory=dict)

    def watch(self, world: World, name: str) -> None:
        """Looks at the member that has just made a step."""
        assert not world.halted, world.halted
        node = world.nodes.get(name)
        if node is None:
            return
        m, log = node.member, node.member.log
        if m.role is Role.LEADER and self.leaders.setdefault(m.term, name) != name:
            raise AssertionError(f"{name} and {self.leaders[m.term]} both lead term {m.term}")
        life = (name, id(node))
        for index in range(max(self._known.get(life, 0), log.base_index) + 1, log.commit + 1):
            entry = log.entry(index)
            assert self.committed.setdefault(index, entry) == entry, f"{name} commits another entry {index}"
        self._known[life] = log.commit
        self.hear(world)

    def elected(self, world: World, name: str) -> None:
        """A leader holds everything that anybody ever called committed, and was acknowledged."""
        log = world.nodes[name].member.log
        for index, entry in self.committed.items():
            assert index <= log.base_index or log.entry(index) == entry, f"leader {name} lacks entry {index}"

    def match(self, world: World) -> None:
        """Same index and term: same entry, and same history before."""
        for node in world.nodes.values():
            log = node.member.log
            for index in range(log.base_index + 1, log.last_index + 1):
                entry = log.entry(index)
                seen = (entry, log.term_at(index - 1))
                assert self.held.setdefault((index, entry.term), seen) == seen, f"two histories of entry {index}"
            assert log.base_index <= log.durable <= log.last_index
            assert node.applied_index <= log.commit
            assert node.applied_index <= log.durable or world.disks[node.member.name].pending

    def hear(self, world: World) -> None:
        """Answers to clients."""
        for token in world.answers.keys() - self._judged:
            self._judged.add(token)
            reply = world.answers[token]
            if isinstance(reply, Done) and token in self.proposed:
                assert self.committed[reply.index].data == self.proposed[token], "another's entry was called mine"
                self.acknowledged[reply.index] = self.proposed[token]
            if isinstance(reply, Value):
                words = reply.result
                assert isinstance(words, tuple)
                assert len(words) >= self.reads[token], "a read misses what was acknowledged before it was asked"
                assert list(words) == self.history()[: len(words)], "a read shows what never was"

    def history(self) -> list[bytes]:
        """All committed commands in order."""
        return [entry.data for _, entry in sorted(self.committed.items()) if entry.kind == 1]


@dataclass
class Life:
    """One run: so many steps chosen by a seed, then a healed phase in which the group must make progress."""

    seed: int
    steps: int = 400
    rare: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = SeededRandom(self.seed)
        voters = tuple(NAMES[: 1 + self.chance.below(5)]) if self.chance.below(4) == 0 else tuple(NAMES[:3])
        self.world = World(Configuration(voters), settings=self.choose_settings(), chance=self.chance)
        self.world.keeping = self.chance.below(2) == 0
        self.judge = Judge()
        self.jump_s = 1 + 2 * self.chance.below(2)
        """Three seconds at once end most terms: every other life is one of elections."""
        self.tick_share = 10 + 10 * self.chance.below(2)
        self.words = 0
        for name in voters:
            self.world.start(name)

    def choose_settings(self) -> Settings:
        pick = self.chance.below
        return replace(
            SETTINGS,
            segment_bytes_max=(200, 1000, 100_000)[pick(3)],
            snapshot_every_bytes=(300, 1500, 1 << 30)[pick(3)],
            append_bytes_max=(20, 60, 100_000)[pick(3)],
            inflight_messages_max=1 + pick(4),
            keep_entries=pick(4),
            lease_reads=pick(2) == 0,
            clock_drift_s=0.0,
        )

    def run(self) -> None:
        for step in range(self.steps):
            name = self.act()
            self.after(name)
            if step % 20 == 0:
                self.judge.match(self.world)
        self.judge.match(self.world)
        self.heal()

    def after(self, name: str) -> None:
        node = self.world.nodes.get(name)
        led = bool(node) and node.member.role is Role.LEADER and node.member.term not in self.judge.leaders
        self.judge.watch(self.world, name)
        if led:
            self.judge.elected(self.world, name)
            self.rare["elected"] += 1
        self.notice(name)

    def notice(self, name: str) -> None:
        """Counts states that are rarely reached, so that a test can say that they were."""
        node = self.world.nodes.get(name)
        if node is None:
            return
        m = node.member
        self.rare["joint"] += m.log.configuration.joint
        self.rare["snapshot sent"] += any(follower.flow is Flow.SNAPSHOT for follower in m.progress.values())
        self.rare["torn tail cut"] += node.cut is not None
        self.rare["window full"] += any(
            follower.flow is Flow.REPLICATE and not follower.may_send(m.settings) for follower in m.progress.values()
        )
        self.rare["learner"] += bool(m.log.configuration.learners)

    def act(self) -> str:
        """One thing happens; to whom."""
        world, pick = self.world, self.chance.below
        dice = pick(100)
        names = sorted(world.nodes)
        if not names or dice < 2:
            return self.restart()
        name = names[pick(len(names))]
        if dice < 40 and world.letters:
            return self.post()
        if dice < 60:
            busy = [known for known in names if world.disks[known].pending]
            if busy:
                name = busy[pick(len(busy))]
                world.sync(name)
            return name
        ticks = 60 + self.tick_share
        if dice < ticks:
            world.now_s += pick(self.jump_s * 100) / 100
            world.tick(name)
        elif dice < ticks + 2:
            world.crash(name, self.chance)
            self.rare["crash"] += 1
        elif dice < ticks + 4:
            self.part()
        else:
            self.ask(name)
        return name

    def restart(self) -> str:
        down = sorted(self.world.disks.keys() - self.world.nodes.keys())
        if not down:
            return NAMES[0]
        name = down[self.chance.below(len(down))]
        self.world.start(name)
        return name

    def post(self) -> str:
        """A letter arrives, now or once more later, or is lost; not in order."""
        world, pick = self.world, self.chance.below
        letter = world.letters[pick(min(len(world.letters), 6))]
        dice = pick(20)
        if dice == 0:
            world.letters.remove(letter)
            self.rare["lost"] += 1
            return letter.to
        if dice == 1:
            world.letters.append(replace(letter))
            self.rare["doubled"] += 1
        self.rare["snapshot chunk"] += isinstance(letter.message, SnapshotChunk)
        self.rare["told to stand"] += isinstance(letter.message, TimeoutNow)
        world.deliver(letter)
        return letter.to

    def part(self) -> None:
        names, pick = sorted(self.world.disks), self.chance.below
        if pick(2) == 0:
            self.world.cut = set()
            return
        one = [name for name in names if pick(2)]
        self.world.part(one, [name for name in names if name not in one])
        if pick(3) == 0:
            self.world.cut = {way for way in self.world.cut if way[0] in one}
            self.rare["cut one way"] += 1

    def ask(self, name: str) -> None:
        world, pick = self.world, self.chance.below
        leaders = [known for known, node in world.nodes.items() if node.member.role is Role.LEADER]
        at = leaders[-1] if leaders and pick(4) else name
        dice = pick(20)
        if dice < 10:
            world.ask(at, self.proposal(1))
        elif dice < 12:
            self.rare["asked together"] += 1
            requests = [self.proposal(number) for number in range(1, 2 + pick(4))]
            self.judge.reads[world.asked + len(requests) + 1] = len(self.judge.acknowledged)
            world.ask_together(at, [*requests, Read(None)])
        elif dice < 16:
            self.judge.reads[world.asked + 1] = len(self.judge.acknowledged)
            world.ask(at, Read(None))
        elif dice < 17:
            world.ask(at, HandOver(NAMES[pick(len(NAMES))]))
        else:
            self.change(at)

    def proposal(self, place: int) -> Propose:
        """Another word, asked by the request that has this place among those to come."""
        self.words += 1
        data = b"w%d" % self.words
        self.judge.proposed[self.world.asked + place] = data
        return Propose(data)

    def change(self, at: str) -> None:
        """A learner joins, is promoted, or somebody goes."""
        world, pick = self.world, self.chance.below
        known = world.nodes[at].member.log.configuration
        name = NAMES[pick(len(NAMES))]
        voters, learners = set(known.voters), set(known.learners)
        if name in learners:
            learners.remove(name)
            if pick(3):
                voters.add(name)
        elif name in voters:
            voters.remove(name)
        else:
            learners.add(name)
            if name not in world.disks:
                world.start(name)
        world.ask(at, Change(tuple(sorted(voters)), tuple(sorted(learners))))

    def heal(self) -> None:
        """No more faults: a leader is found, a proposal is done, and all who belong to the group have all of it."""
        world = self.world
        world.cut = set()
        for name in sorted(world.disks.keys() - world.nodes.keys()):
            world.start(name)
            self.after(name)
        for _ in range(200):
            self.pass_time()
            leader = self.leader()
            if leader is None:
                continue
            data = b"last"
            token = world.asked + 1
            self.judge.proposed[token] = data
            world.ask(leader, Propose(data))
            self.pass_time()
            if isinstance(world.answers.get(token), Done):
                self.finish()
                return
            assert isinstance(world.answers.get(token), NotLeader | Unknown | Busy | None)
        raise AssertionError(f"the healed group of seed {self.seed} makes no progress")

    def pass_time(self) -> None:
        world = self.world
        world.now_s += 0.1
        for name in sorted(world.nodes):
            world.tick(name)
        self.settle()

    def settle(self) -> None:
        world = self.world
        for _ in range(3_000):
            busy = next((name for name in sorted(world.nodes) if world.disks[name].pending), None)
            if busy is not None:
                world.sync(busy)
                self.after(busy)
            elif world.letters:
                letter = world.letters[0]
                world.deliver(letter)
                self.after(letter.to)
            else:
                return
        raise AssertionError(f"the healed group of seed {self.seed} does not come to rest")

    def leader(self) -> str | None:
        leaders = [(node.member.term, name) for name, node in self.world.nodes.items() if node.member.leader == name]
        return max(leaders)[1] if leaders else None

    def finish(self) -> None:
        """Every acknowledged write is there, on every member, in one order."""
        for _ in range(25):
            self.pass_time()
        self.judge.match(self.world)
        leader = self.leader()
        assert leader is not None
        members: Sequence[str] = sorted(self.world.nodes[leader].member.log.configuration.everyone)
        history = self.judge.history()
        for name in members:
            assert self.world.states[name].words == history, f"{name} has applied something else (seed {self.seed})"
        for index, data in self.judge.acknowledged.items():
            assert self.judge.committed[index].data == data, "an acknowledged write was lost"
        assert not self.world.waiting, f"clients were never answered: {self.world.waiting}"
