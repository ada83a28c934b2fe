"""Raft groups in a simulated world: registers with compare-and-set, and transactions on lists, under all faults.

An operator who never rests hands the lead over and changes the members meanwhile. Beside what the clients see, every
step is judged: one leader a term, one entry a committed index.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from json import dumps, loads

from serai.kernel.machines import Effect, Event, Halt, Machine, Received
from serai.kernel.ports import Disk
from serai.mechanisms.consensus.errors import DamagedLog, DamagedSnapshot
from serai.mechanisms.consensus.messages import Configuration, Entry, SnapshotChunk, TimeoutNow
from serai.mechanisms.consensus.node import Node
from serai.mechanisms.consensus.requests import Busy, Change, HandOver, NotLeader, Propose, ReadHere, Value
from serai.mechanisms.consensus.requests import Done as Applied
from serai.mechanisms.consensus.requests import Read as ReadIndex
from serai.mechanisms.consensus.requests import Refused as RefusedByNode
from serai.mechanisms.consensus.roles import Role
from serai.mechanisms.consensus.settings import Settings
from serai.simulation.checkers.anomalies import AppendTo, Transaction, check_appends
from serai.simulation.checkers.linearizability import check_linearizable
from serai.simulation.checkers.models import Cas, Read, Registers, Write
from serai.simulation.clients import Client, Done, Elsewhere, Patience, Refused, Unclear, Verdict, Workload
from serai.simulation.faults import ROUGH, WAN, Faults
from serai.simulation.scenario import Scenario, Stage
from serai.simulation.violations import Violation
from serai.simulation.workloads import AppendCalls, RegisterCalls, Shares
from serai.simulation.world import World

NAMES = ("a", "b", "c", "d")
"""The first three begin the group; the fourth comes and goes."""
VOTERS = NAMES[:3]
CLIENTS = 4
OPERATOR_S = 0.7
"""How often the operator does something."""

SETTINGS = Settings(
    heartbeat_s=0.05,
    election_s=0.25,
    client_wait_s=0.5,
    snapshot_every_bytes=4_000,
    segment_bytes_max=1_500,
    append_bytes_max=300,
    inflight_messages_max=4,
    keep_entries=3,
    snapshot_chunks_in_flight_max=2,
)
"""Small, so that a short life meets snapshots, full windows and removed segments."""

FAR = replace(SETTINGS, heartbeat_s=0.3, election_s=1.5, client_wait_s=3.0)
"""Over an ocean a round trip takes 0.25 s."""

HURRY = Patience(think_s=0.04, timeout_s=0.6)
CALM = Patience(think_s=0.2, timeout_s=3.0)


class Table:
    """The applied state: registers and lists by key."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def kept(self) -> int:
        """It lives in memory only."""
        return 0

    def apply(self, entries: Sequence[Entry]) -> Sequence[object]:
        """Each entry is a list of steps, done as one."""
        return [[self._do(*step) for step in loads(entry.data)] for entry in entries]

    def _do(self, what: str, key: str, *more: object) -> object:
        held = self.values.get(key)
        match what, more:
            case "write", (value,):
                self.values[key] = value
                return None
            case "cas", (expected, value):
                if held != expected:
                    return False
                self.values[key] = value
                return True
            case "append", (value,):
                self.values[key] = [*(held if isinstance(held, list) else ()), value]
                return None
        return held

    def query(self, query: object) -> object:
        """Steps that only read."""
        assert isinstance(query, bytes), "queries are steps, as proposals are"
        return [self._do(*step) for step in loads(query)]

    def snapshot(self) -> Sequence[bytes]:
        """A chunk a key, and one that says how many."""
        return (b"%d" % len(self.values), *[dumps(pair).encode() for pair in sorted(self.values.items())])

    def restore(self, index: int, chunks: Sequence[bytes]) -> None:
        """From a snapshot."""
        assert int(chunks[0]) == len(chunks) - 1, "a snapshot lacks chunks"
        self.values = dict(loads(chunk) for chunk in chunks[1:])


class Stopped:
    """A member whose disk is damaged: it does not start, and says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def start(self, now_s: float) -> Sequence[Effect]:
        """Gives up."""
        return [Halt(self._why)]

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        """Nothing comes to one that has halted."""
        raise AssertionError(f"{event} came to a member that has halted")


class Speech:
    """Between the checkers' calls and a node's requests."""

    def request(self, call: object) -> object:
        """Reads go round the log, everything else through it."""
        steps = dumps(list(_steps(call))).encode()
        return ReadIndex(steps) if self.repeatable(call) else Propose(steps)

    def verdict(self, call: object, reply: object) -> Verdict:
        """Unknown stays unknown: it may be done yet."""
        match reply:
            case Applied(result) | Value(result):
                return Done(_result(call, result))
            case NotLeader(leader):
                return Elsewhere(leader or "")
            case Busy():
                return Elsewhere()
            case RefusedByNode(reason):
                return Refused(reason)
        return Unclear()

    def repeatable(self, call: object) -> bool:
        """What only reads."""
        return all(step[0] == "read" for step in _steps(call))


class Careless(Speech):
    """A canary: it reads from whichever member it asks, as that one is."""

    def request(self, call: object) -> object:
        """A read here."""
        asked = super().request(call)
        return ReadHere(asked.query) if isinstance(asked, ReadIndex) else asked


def _steps(call: object) -> Iterator[tuple[object, ...]]:
    match call:
        case Read(key):
            yield "read", key
        case Write(key, value):
            yield "write", key, value
        case Cas(key, expected, value):
            yield "cas", key, expected, value
        case Transaction(steps):
            for step in steps:
                yield ("append", step.key, step.value) if isinstance(step, AppendTo) else ("read", step.key)


def _result(call: object, results: object) -> object:
    assert isinstance(results, list), "a step has a result"
    if not isinstance(call, Transaction):
        return results[0]
    appends = [isinstance(step, AppendTo) for step in call.steps]
    return tuple(None if append else tuple(held or ()) for append, held in zip(appends, results, strict=True))


class Judge:
    """Watches every step: election safety, state machine safety, and what was rarely reached."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._leaders: dict[int, str] = {}
        self._committed: dict[int, Entry] = {}
        self._known: Counter[int] = Counter()

    def __call__(self, name: str, machine: Machine, event: Event, effects: Sequence[Effect]) -> None:
        """One step was made."""
        if not isinstance(machine, Node):
            return
        m = machine.member
        if m.role is Role.LEADER and self._leaders.setdefault(m.term, name) != name:
            raise Violation("election", f"{name} and {self._leaders[m.term]} both lead term {m.term}")
        for index in range(max(self._known[id(machine)], m.log.base_index) + 1, m.log.commit + 1):
            entry = m.log.entry(index)
            if self._committed.setdefault(index, entry) != entry:
                raise Violation("agreement", f"{name} commits {entry}, others committed {self._committed[index]}")
        self._known[id(machine)] = m.log.commit
        self._notice(machine, event)

    def _notice(self, node: Node, event: Event) -> None:
        if isinstance(event, Received) and isinstance(event.message, SnapshotChunk):
            self._world.reach("a chunk of a snapshot came")
        if isinstance(event, Received) and isinstance(event.message, TimeoutNow):
            self._world.reach("a member was told to stand")
        if node.member.log.configuration.joint:
            self._world.reach("two majorities were needed")
        if node.cut:
            self._world.reach("a torn end was cut off")


class Operator:
    """Hands the lead over and changes the members, whatever comes of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.chance("operator")
        self._plans = cycle([Change(VOTERS, ("d",)), Change(NAMES), HandOver("b"), Change(VOTERS), HandOver("c")])
        self._plan = next(self._plans)

    def work(self) -> None:
        """Asks everybody; only a leader does it."""
        for name in NAMES:
            self._world.ask("operator", name, self._plan, lambda reply: None)
        if self._chance.happens(0.5):
            self._plan = next(self._plans)
        self._world.after(OPERATOR_S, self.work)


def member(world: World, name: str, settings: Settings) -> Callable[[Disk], Machine]:
    """Makes a member anew from its disk; one whose disk is damaged stays down and says so."""
    initial = Configuration(VOTERS) if name in VOTERS else None
    lives = world.chance(f"member {name}")

    def build(disk: Disk) -> Machine:
        try:
            return Node(name, disk=disk, random=lives, applied=Table(), settings=settings, initial=initial)
        except (DamagedLog, DamagedSnapshot) as damaged:
            return Stopped(damaged.message)

    return build


def group(
    workload: Callable[[], Workload],
    check: Callable[[World], None],
    dialect: Speech,
    settings: Settings = SETTINGS,
    patience: Patience = HURRY,
) -> Callable[[World], Stage]:
    """A group, its clients and its operator."""

    def build(world: World) -> Stage:
        for name, region in zip(NAMES, ("europe", "europe", "america", "asia"), strict=True):
            world.add_node(name, member(world, name, settings), region)
        world.observer = Judge(world)
        calls = workload()
        clients = [
            Client(world, f"client {number}", VOTERS, workload=calls, dialect=dialect, patience=patience)
            for number in range(1, CLIENTS + 1)
        ]
        world.after(OPERATOR_S, Operator(world).work)
        return Stage(clients, lambda: check(world))

    return build


def _registers() -> Workload:
    return RegisterCalls(3, Shares(cas=1))


def _lists() -> Workload:
    return AppendCalls(3)


def _linearizable(world: World) -> None:
    check_linearizable(world.history.operations, Registers())


def _serial(world: World) -> None:
    check_appends(world.history.operations, strict=True)


ROTTEN = replace(ROUGH, bit_rot=0.05)

REACHED = (
    *("a node crashed", "a crash lost writes", "a write was torn", "a message was lost", "a message met a partition"),
    *("a chunk of a snapshot came", "a member was told to stand", "two majorities were needed"),
    "a torn end was cut off",
)

SCENARIOS = (
    Scenario(
        name="registers",
        meaning="Registers with CAS on a Raft group are linearizable under all faults and changes of members.",
        build=group(_registers, _linearizable, Speech()),
        faults=ROTTEN,
        must_reach=(*REACHED, "a bit rotted"),
    ),
    Scenario(
        name="lists",
        meaning="Transactions on lists on a Raft group are strictly serializable under the same.",
        build=group(_lists, _serial, Speech()),
        faults=ROUGH,
        must_reach=REACHED,
    ),
    Scenario(
        name="wan",
        meaning="Registers on a group whose members live on three continents.",
        build=group(_registers, _linearizable, Speech(), FAR, CALM),
        faults=replace(ROUGH, wan_s=WAN),
        faulty_s=20.0,
        healed_s=40.0,
    ),
    Scenario(
        name="canary-careless-reads",
        meaning="Canary: reads are answered by any member as it is.",
        build=group(_registers, _linearizable, Careless()),
        faults=Faults(partition_every_s=0.5, partition_s=0.5),
        caught_as="linearizability",
    ),
)
