"""Clients: they ask machines, wait so long, try elsewhere, and write down what they were told.

A client is sequential, as a thread of an application is. Concurrency comes from having several.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from serai.simulation.chance import Seeded
from serai.simulation.history import Operation, Outcome
from serai.simulation.world import World


@dataclass(frozen=True, slots=True)
class Done:
    """It was done; this is the result."""

    result: object


@dataclass(frozen=True, slots=True)
class Refused:
    """Certainly not done, now or later, and asking another node would not help."""

    why: object


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Certainly not done by this node; that one may do it, or any other if the name is empty."""

    node: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The node cannot say whether it was or will be done."""


Verdict = Done | Refused | Elsewhere | Unclear


class Dialect(Protocol):
    """How a system is spoken to: between the calls that a checker understands and what its machines are asked."""

    def request(self, call: object) -> object:
        """What the machine is asked."""

    def verdict(self, call: object, reply: object) -> Verdict:
        """What its reply means."""

    def repeatable(self, call: object) -> bool:
        """It may be asked again when no reply came: a read, or a request that the machine knows again."""


Workload = Callable[[Seeded], object]
"""Draws a client's next call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How a client waits."""

    timeout_s: float = 0.5
    """How long for a reply."""

    retry_s: float = 0.05
    """How long before it asks elsewhere, at most."""

    attempts_max: int = 8
    """How often it asks for one call."""

    think_s: float = 0.1
    """How long between two calls, at most."""


class Client:
    """One. Its name appears in the history and, as an end of links, in the network."""

    def __init__(
        self,
        world: World,
        name: str,
        nodes: Sequence[str],
        *,
        workload: Workload,
        dialect: Dialect,
        patience: Patience = Patience(),
    ) -> None:
        assert nodes, f"{name} has nobody to ask"
        self.name = name
        self.idle = True
        """Nothing is asked and unanswered."""
        self._world = world
        self._nodes = list(nodes)
        self._workload = workload
        self._dialect = dialect
        self._patience = patience
        self._chance = world.chance(name)
        self._node = self._chance.pick(self._nodes)
        self._attempts = 0
        """Of all calls: a reply or timeout that belongs to another attempt is too late."""
        self._works = False

    def start(self) -> None:
        """Asks, until `stop`."""
        assert not self._works, f"{self.name} works already"
        self._works = True
        self._think()

    def stop(self) -> None:
        """Finishes what it has asked and begins nothing new."""
        self._works = False

    def _think(self) -> None:
        self.idle = True
        self._world.after(self._chance.between(0.0, self._patience.think_s), self._begin)

    def _begin(self) -> None:
        if self._works:
            self.idle = False
            operation = self._world.history.begin(self.name, self._workload(self._chance), self._world.now_s)
            _Asking(operation, self).ask()

    def ask(self, asking: "_Asking") -> None:
        """One attempt."""
        assert not self.idle, f"{self.name} asks what it did not begin"
        self._attempts += 1
        attempt = self._attempts
        call = asking.operation.call

        def replied(reply: object) -> None:
            if attempt == self._attempts:
                self._attempts += 1
                self._judge(asking, self._dialect.verdict(call, reply))

        def expired() -> None:
            if attempt == self._attempts:
                self._attempts += 1
                self._judge(asking, Unclear())

        self._world.ask(self.name, self._node, self._dialect.request(call), replied)
        self._world.after(self._patience.timeout_s, expired)

    def _judge(self, asking: "_Asking", verdict: Verdict) -> None:
        match verdict:
            case Done(result):
                self._end(asking, Outcome.OK, result)
            case Refused(why):
                # An earlier attempt without a reply may have been done after all.
                self._end(asking, Outcome.UNKNOWN if asking.unclear else Outcome.FAILED, why)
            case Elsewhere(node):
                self._move(node)
                self._again(asking)
            case Unclear():
                asking.unclear = True
                self._move("")
                if self._dialect.repeatable(asking.operation.call):
                    self._again(asking)
                else:
                    self._end(asking, Outcome.UNKNOWN, None)

    def _move(self, node: str) -> None:
        others = [other for other in self._nodes if other != self._node] or self._nodes
        self._node = node if node in self._nodes else self._chance.pick(others)

    def _again(self, asking: "_Asking") -> None:
        asking.attempts += 1
        if asking.attempts >= self._patience.attempts_max:
            self._end(asking, Outcome.UNKNOWN if asking.unclear else Outcome.FAILED, None)
        else:
            self._world.after(self._chance.between(0.0, self._patience.retry_s), asking.ask)

    def _end(self, asking: "_Asking", outcome: Outcome, result: object) -> None:
        self._world.history.end(asking.operation, outcome, result, self._world.now_s)
        self._think()


@dataclass(slots=True)
class _Asking:
    """A call under way."""

    operation: Operation
    client: Client
    attempts: int = 0
    unclear: bool = False
    """An attempt had no reply."""

    def ask(self) -> None:
        self.client.ask(self)
