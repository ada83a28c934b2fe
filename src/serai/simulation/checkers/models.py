"""What a register and a map do when one client at a time uses them: the specification that linearizability is about."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol


class Model(Protocol):
    """A sequential object. States are hashable values; each call has one result in each state."""

    def initial(self) -> Hashable:
        """The state at first, of one part."""

    def part(self, call: object) -> Hashable:
        """Which part a call concerns: parts are judged apart. None: the whole, so nothing can be judged apart."""

    def after(self, state: Hashable, call: object) -> tuple[object, Hashable]:
        """The result of a call, and the state that it leaves."""

    def reads_only(self, call: object, result: object) -> bool:
        """A call with this result leaves every state as it was in which it can have it."""


@dataclass(frozen=True, slots=True)
class Read:
    """Gives the value, or None."""

    key: str

    def __str__(self) -> str:
        return f"read {self.key}"


@dataclass(frozen=True, slots=True)
class Write:
    """Sets the value; None deletes. Its result is None."""

    key: str
    value: Hashable

    def __str__(self) -> str:
        return f"write {self.key} = {self.value}"


@dataclass(frozen=True, slots=True)
class Cas:
    """Compare and set: True and the new value, if the value was the expected one, else False."""

    key: str
    expected: Hashable
    value: Hashable

    def __str__(self) -> str:
        return f"cas {self.key}: {self.expected} -> {self.value}"


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Every key with its value, sorted, as a tuple of pairs."""

    def __str__(self) -> str:
        return "read all"


class Registers:
    """Independent registers, one a key, with `Read`, `Write` and `Cas`."""

    def initial(self) -> Hashable:
        """No value."""
        return None

    def part(self, call: object) -> Hashable:
        """The key."""
        assert isinstance(call, Read | Write | Cas), f"a register does not know {call}"
        return call.key

    def after(self, state: Hashable, call: object) -> tuple[object, Hashable]:
        """As the calls say."""
        match call:
            case Read():
                return state, state
            case Write(_, value):
                return None, value
            case Cas(_, expected, value):
                return (True, value) if state == expected else (False, state)
        raise AssertionError(f"a register does not know {call}")

    def reads_only(self, call: object, result: object) -> bool:
        """A read, or a CAS that did not find what it expected."""
        return isinstance(call, Read) or (isinstance(call, Cas) and result is False)


class Map:
    """A map that can also be read as a whole by `ReadAll`; then no key can be judged apart."""

    def __init__(self) -> None:
        self._registers = Registers()

    def initial(self) -> Hashable:
        """Empty."""
        return ()

    def part(self, call: object) -> Hashable:
        """The whole."""
        return None

    def after(self, state: Hashable, call: object) -> tuple[object, Hashable]:
        """As the calls say; absent keys have no value."""
        assert isinstance(state, tuple)
        if isinstance(call, ReadAll):
            return state, state
        assert isinstance(call, Read | Write | Cas), f"a map does not know {call}"
        held = dict(state)
        result, value = self._registers.after(held.pop(call.key, None), call)
        if value is not None:
            held[call.key] = value
        return result, tuple(sorted(held.items()))

    def reads_only(self, call: object, result: object) -> bool:
        """A read, or a CAS that did not find what it expected."""
        return isinstance(call, ReadAll) or self._registers.reads_only(call, result)
