"""What clients ask for: calls that leave traces, since every value is written once and so names its writer."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass

from serai.simulation.chance import Seeded
from serai.simulation.checkers.anomalies import AppendTo, ReadList, Transaction
from serai.simulation.checkers.convergence import Add, Increment, Remove
from serai.simulation.checkers.models import Cas, Read, Write

RECENT_MAX = 3
"""Of how many last values a CAS may expect one: most must have a chance, and some must fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How often each call comes, relative to the others."""

    read: int = 2
    write: int = 1
    cas: int = 0


class RegisterCalls:
    """`Read`, `Write` and `Cas` on a few keys. One object serves all clients of a run."""

    def __init__(self, keys: int, shares: Shares = Shares()) -> None:
        self._keys = [f"k{number}" for number in range(keys)]
        self._kinds = ["read"] * shares.read + ["write"] * shares.write + ["cas"] * shares.cas
        self._recent: dict[str, deque[int | None]] = defaultdict(lambda: deque([None], RECENT_MAX))
        self._last = 0

    def __call__(self, chance: Seeded) -> Read | Write | Cas:
        """The next call."""
        key, kind = chance.pick(self._keys), chance.pick(self._kinds)
        if kind == "read":
            return Read(key)
        expected = chance.pick(self._recent[key])
        self._last += 1
        self._recent[key].append(self._last)
        return Write(key, self._last) if kind == "write" else Cas(key, expected, self._last)


LIST_MAX = 40
"""Values after which a list is retired and another takes its place: histories stay short enough to be read."""


class AppendCalls:
    """Transactions that append to lists and read them."""

    def __init__(self, keys: int, steps_max: int = 4) -> None:
        self._keys = [f"k{number}" for number in range(keys)]
        self._made = keys
        self._sizes: Counter[str] = Counter()
        self._steps_max = steps_max
        self._last = 0

    def __call__(self, chance: Seeded) -> Transaction:
        """The next transaction."""
        return Transaction(tuple(self._step(chance) for _ in range(1 + chance.below(self._steps_max))))

    def _step(self, chance: Seeded) -> AppendTo | ReadList:
        key = chance.pick(self._keys)
        if chance.happens(0.5):
            return ReadList(key)
        self._last += 1
        self._sizes[key] += 1
        if self._sizes[key] == LIST_MAX:
            self._keys[self._keys.index(key)] = f"k{self._made}"
            self._made += 1
        return AppendTo(key, self._last)


class SetCalls:
    """Adds of new elements, and removals of those added before."""

    def __init__(self, removals: float = 0.2) -> None:
        self._removals = removals
        self._last = 0

    def __call__(self, chance: Seeded) -> Add | Remove:
        """The next call."""
        if self._last and chance.happens(self._removals):
            return Remove(1 + chance.below(self._last))
        self._last += 1
        return Add(self._last)


class CounterCalls:
    """Increments by 1 to 5, some of them negative."""

    def __call__(self, chance: Seeded) -> Increment:
        """The next call."""
        return Increment((1 + chance.below(5)) * chance.pick((1, 1, -1)))
