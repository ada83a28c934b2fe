"""The page of all error codes, made from the error classes, so that it can neither lag behind nor invent one.

Every problem document's `type` leads here, to the anchor of its code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from serai.kernel.errors import Misconfigured, SeraiError

GENERAL = "Everywhere"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code: when it is answered, and what a program may do about it."""

    code: str
    title: str
    status: int
    retryable: bool
    meaning: str
    system: str


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The codes of one system."""

    title: str
    codes: tuple[ErrorCode, ...]


def error_groups() -> Sequence[ErrorGroup]:
    """Every code of the modules that are loaded: those of no system first, then system by system."""
    found = {error.code: error for error in sorted(map(_described, _classes(SeraiError)), key=_first_general)}
    ordered = sorted(
        found.values(), key=lambda error: (error.system != GENERAL, error.system, error.status, error.code)
    )
    return [ErrorGroup(system, tuple(codes)) for system, codes in groupby(ordered, key=lambda error: error.system)]


def _classes(base: type[SeraiError]) -> Iterator[type[SeraiError]]:
    yield base
    for derived in base.__subclasses__():
        if derived is not Misconfigured:  # it ends a start, and never travels over HTTP
            yield from _classes(derived)


def _described(error: type[SeraiError]) -> ErrorCode:
    words = error.__module__.split(".")
    system = words[2].capitalize() if words[1:2] == ["systems"] else GENERAL
    meaning = " ".join((error.__doc__ or "").split("\n\n")[0].split()).partition("`message`")[0]
    if error is SeraiError:
        meaning = "A failure of ours; it has been logged under the reference of the answer."
    return ErrorCode(error.code, error.title, error.status, error.retryable, meaning, system)


def _first_general(error: ErrorCode) -> bool:
    """A code that a class inherits is described where it is decided: general classes overwrite, so they come last."""
    return error.system == GENERAL
