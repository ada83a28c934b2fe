"""Transactions on lists, one after the other on one node, and a canary that reads before its turn has come."""

from collections.abc import Callable, Sequence

from serai.kernel.machines import Answer, Append, Asked, Effect, Event, Machine, Store, Stored, Truncate
from serai.kernel.ports import Disk
from serai.simulation.checkers.anomalies import AppendTo, ReadList, Transaction, check_appends
from serai.simulation.clients import Client, Done, Patience, Verdict
from serai.simulation.faults import ROUGH, Faults
from serai.simulation.scenario import Scenario, Stage
from serai.simulation.scenarios.records import packed, unpacked
from serai.simulation.workloads import AppendCalls
from serai.simulation.world import World

LOG = "log"
CLIENTS = 4
KEYS = 3


class ListStore:
    """Correct: a transaction happens at the moment in which its appends are on the disk."""

    def __init__(self, disk: Disk) -> None:
        self._lists: dict[str, tuple[int, ...]] = {}
        self._waiting: dict[int, Transaction] = {}
        log = disk.read(LOG) if LOG in disk.names() else b""
        end = 0
        for appends, offset in unpacked(log):
            self._run(Transaction(tuple(AppendTo(*append) for append in appends)))
            end = offset
        self._torn = end if end < len(log) else -1

    def start(self, now_s: float) -> Sequence[Effect]:
        """Cuts a torn end off."""
        return [] if self._torn < 0 else [Store(0, (Truncate(LOG, self._torn),))]

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        """Reads alone are answered at once."""
        match event:
            case Asked(token, Transaction() as transaction):
                appends = [(step.key, step.value) for step in transaction.steps if isinstance(step, AppendTo)]
                if not appends:
                    return [Answer(token, self._run(transaction))]
                self._begin(token, transaction)
                return [Store(token, (Append(LOG, packed(appends)),))]
            case Stored(token) if token in self._waiting:
                return [Answer(token, self._end(token))]
        return []

    def _begin(self, token: int, transaction: Transaction) -> None:
        self._waiting[token] = transaction

    def _end(self, token: int) -> object:
        return self._run(self._waiting.pop(token))

    def _run(self, transaction: Transaction) -> tuple[tuple[int, ...] | None, ...]:
        return tuple(self._do(self._lists, step) for step in transaction.steps)

    def _do(self, lists: dict[str, tuple[int, ...]], step: AppendTo | ReadList) -> tuple[int, ...] | None:
        held = lists.get(step.key, ())
        if isinstance(step, ReadList):
            return held
        lists[step.key] = (*held, step.value)
        return None


class EagerReader(ListStore):
    """A canary: what a transaction reads before it appends is read when it is asked, and others come between."""

    def __init__(self, disk: Disk) -> None:
        self._seen: dict[int, dict[str, tuple[int, ...]]] = {}
        super().__init__(disk)

    def _begin(self, token: int, transaction: Transaction) -> None:
        super()._begin(token, transaction)
        self._seen[token] = dict(self._lists)

    def _end(self, token: int) -> object:
        seen, transaction = self._seen.pop(token), self._waiting.pop(token)
        results = []
        for step in transaction.steps:
            results.append(self._do(seen, step))
            if isinstance(step, AppendTo):
                self._do(self._lists, step)
                seen[step.key] = self._lists[step.key]
        return tuple(results)


class Plain:
    """The machine speaks the checker's language."""

    def request(self, call: object) -> object:
        """The call itself."""
        return call

    def verdict(self, call: object, reply: object) -> Verdict:
        """Always done."""
        return Done(reply)

    def repeatable(self, call: object) -> bool:
        """A transaction that reads alone."""
        assert isinstance(call, Transaction)
        return not any(isinstance(step, AppendTo) for step in call.steps)


def lists(machine: Callable[[Disk], Machine]) -> Callable[[World], Stage]:
    """One node and clients whose transactions append and read."""

    def build(world: World) -> Stage:
        world.add_node("a", machine)
        calls = AppendCalls(KEYS)
        patience = Patience(think_s=0.04)
        clients = [
            Client(world, f"client {number}", ["a"], workload=calls, dialect=Plain(), patience=patience)
            for number in range(1, CLIENTS + 1)
        ]
        return Stage(clients, lambda: check_appends(world.history.operations, strict=True))

    return build


SCENARIOS = (
    Scenario(
        name="serial",
        meaning="Transactions on lists are strictly serializable through every crash.",
        build=lists(ListStore),
        faults=ROUGH,
        must_reach=("a node crashed", "a crash lost writes", "a write was torn", "a sync was slow"),
    ),
    Scenario(
        name="canary-eager-reader",
        meaning="Canary: transactions read before their appends have their place.",
        build=lists(EagerReader),
        faults=Faults(slow_sync=0.2, slow_sync_s=0.05),
        caught_as="G-single",
    ),
)
