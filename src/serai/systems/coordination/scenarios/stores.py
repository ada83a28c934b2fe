"""Registers with compare-and-set, and transactions on lists, as clients of coordination see them."""

from collections.abc import Callable, Iterator

from serai.kernel.ports import Disk
from serai.mechanisms.consensus.requests import Busy, Done, NotLeader, Propose, Refused, Value
from serai.mechanisms.consensus.requests import Read as ReadIndex
from serai.simulation.checkers.anomalies import AppendTo, Transaction, check_appends
from serai.simulation.checkers.linearizability import check_linearizable
from serai.simulation.checkers.models import Cas, Read, Registers, Write
from serai.simulation.clients import Client, Elsewhere, Patience, Unclear, Verdict, Workload
from serai.simulation.clients import Done as Told
from serai.simulation.clients import Refused as RefusedHere
from serai.simulation.faults import ROUGH, Faults
from serai.simulation.scenario import Scenario, Stage
from serai.simulation.workloads import AppendCalls, RegisterCalls, Shares
from serai.simulation.world import World
from serai.systems.coordination.scenarios.members import NAMES, Cluster, Ledger, Made, Member, TriedState, usual
from serai.systems.coordination.state import layout
from serai.systems.coordination.state.machine import Command, Query, encode_command
from serai.systems.coordination.state.words import (
    Compare,
    Field,
    Order,
    Outcome,
    Put,
    Range,
    RangeResult,
    Relation,
    Target,
    Txn,
    TxnResult,
)

CLIENTS = 4
PATIENCE = Patience(think_s=0.06, timeout_s=0.6)


class Speech:
    """Between the checkers' calls and coordination's words."""

    def request(self, call: object) -> object:
        """What only reads goes round the log."""
        word = word_of(call)
        if self.repeatable(call):
            return ReadIndex(Query(word))  # type: ignore[arg-type]  # a word that changes nothing
        return Propose(encode_command(Command(word)))  # type: ignore[arg-type]  # a word that changes something

    def verdict(self, call: object, reply: object) -> Verdict:
        """Unknown stays unknown: it may be done yet."""
        match reply:
            case Done(result) | Value(result):
                return Told(self.result(call, result))
            case NotLeader(leader):
                return Elsewhere(leader or "")
            case Busy():
                return Elsewhere()
            case Refused(reason):
                return RefusedHere(reason)
        return Unclear()

    def result(self, call: object, outcome: object) -> object:
        """In the checkers' words."""
        assert isinstance(outcome, Outcome), "the state answers with outcomes"
        match outcome.result:
            case RangeResult(kvs):
                return int(kvs[0].value) if kvs else None
            case TxnResult(succeeded, results):
                if isinstance(call, Cas):
                    return succeeded
                lists = [one.kvs if isinstance(one, RangeResult) else None for one in results]
                return tuple(None if kvs is None else tuple(int(kv.value) for kv in kvs) for kvs in lists)
        return None

    def repeatable(self, call: object) -> bool:
        """What only reads."""
        if isinstance(call, Transaction):
            return not any(isinstance(step, AppendTo) for step in call.steps)
        return isinstance(call, Read)


def word_of(call: object) -> object:
    """What coordination is asked. A list is all keys behind its name, in the order in which they were created."""
    match call:
        case Read(key):
            return Range(key.encode())
        case Write(key, value):
            return Put(key.encode(), str(value).encode())
        case Cas(key, expected, value):
            return _cas(key.encode(), expected, value)
    assert isinstance(call, Transaction), f"{call} is none of these workloads'"
    return Txn(success=tuple(_steps(call)))


def _cas(key: bytes, expected: object, value: object) -> Txn:
    if expected is None:
        condition = Compare(key, Relation.EQUAL, Target.VERSION, 0)
    else:
        condition = Compare(key, Relation.EQUAL, Target.VALUE, value=str(expected).encode())
    return Txn((condition,), (Put(key, str(value).encode()),))


def _steps(call: Transaction) -> Iterator[Put | Range]:
    for step in call.steps:
        if isinstance(step, AppendTo):
            yield Put(b"%s/%08d" % (step.key.encode(), step.value), b"%d" % step.value)
        else:
            prefix = step.key.encode() + b"/"
            yield Range(prefix, layout.after(prefix), order=Order.ASCEND, sort_by=Field.CREATE)


class ForgetfulState(TriedState):
    """A canary: its compaction takes the newest change of a key away too, and what the key is now."""

    def tidy(self) -> bool:
        """Forgets a key that nobody has changed since."""
        for kv in list(self.space.present(b"\0", b"\0")):
            if kv.mod_revision < self.space.compacted:
                self._map.write([(layout.current(kv.key), None)])
                break
        return super().tidy()


def forgetful(world: World, name: str, disk: Disk, ledger: Ledger) -> Member:
    """A member with that state."""
    return Member(world, name, disk, ledger, ForgetfulState(world, name, ledger))


def stores(
    workload: Callable[[], Workload], check: Callable[[World], None], made: Made = usual
) -> Callable[[World], Stage]:
    """A cluster and its clients."""

    def build(world: World) -> Stage:
        Cluster(world, made)
        calls = workload()
        clients = [
            Client(world, f"client {number}", NAMES, workload=calls, dialect=Speech(), patience=PATIENCE)
            for number in range(1, CLIENTS + 1)
        ]
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


REACHED = (
    *("a node crashed", "a crash lost batches of a map", "a write was torn", "a message met a partition"),
    *("a snapshot was restored", "a later chunk of a snapshot came", "a compaction was cut by a crash"),
)

SCENARIOS = (
    Scenario(
        name="registers",
        meaning="Keys with compare-and-set are linearizable under all faults, compactions and snapshots.",
        build=stores(_registers, _linearizable),
        faults=ROUGH,
        must_reach=REACHED,
    ),
    Scenario(
        name="lists",
        meaning="Transactions over several keys are strictly serializable under the same.",
        build=stores(_lists, _serial),
        faults=ROUGH,
        must_reach=REACHED,
    ),
    Scenario(
        name="canary-forgetful-compaction",
        meaning="Canary: a compaction takes a key away that is there.",
        build=stores(_registers, _linearizable, forgetful),
        faults=Faults(crash_every_s=2.0),
        caught_as="agreement",
    ),
)
