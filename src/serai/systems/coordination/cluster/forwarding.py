"""What members ask each other beside consensus: a follower passes on to the leader what only the leader may do."""

import msgspec

from serai.systems.coordination.errors import BY_CODE, CoordinationError, TimedOut
from serai.systems.coordination.state.words import Outcome, Result, Word


class AskPropose(Word, frozen=True, tag="propose"):
    """A command for the log, as it goes into it."""

    data: bytes


class AskKeepAlive(Word, frozen=True, tag="keep_alive"):
    """Renew a lease."""

    lease: int


class AskLeft(Word, frozen=True, tag="left"):
    """How long has a lease yet?"""

    lease: int


class AskCaughtUp(Word, frozen=True, tag="caught_up"):
    """Does a learner lack little enough to vote? 1 if so."""

    member: int


class AskChange(Word, frozen=True, tag="change"):
    """Who belongs to the group."""

    voters: tuple[str, ...]
    learners: tuple[str, ...]


AskNumber = AskKeepAlive | AskLeft | AskCaughtUp
"""What a leader answers at once, with a number."""
Ask = AskPropose | AskNumber | AskChange


class TellOutcome(Word, frozen=True, tag="outcome"):
    """Of a command."""

    result: Result
    revision: int


class TellNumber(Word, frozen=True, tag="number"):
    """What was asked for: seconds, -1 for a lease that is not there, or 1 for yes."""

    number: int


class TellFailure(Word, frozen=True, tag="failure"):
    """It was not done, or nobody knows: the error says which."""

    code: str
    message: str


Tell = TellOutcome | TellNumber | TellFailure

encode = msgspec.msgpack.Encoder().encode
_read_ask: msgspec.msgpack.Decoder[Ask] = msgspec.msgpack.Decoder(Ask)
_read_tell: msgspec.msgpack.Decoder[Tell] = msgspec.msgpack.Decoder(Tell)


def read_ask(body: bytes) -> Ask:
    """What a peer asks. CoordinationError for what is no question of ours."""
    try:
        return _read_ask.decode(body)
    except msgspec.DecodeError as error:
        raise TimedOut(f"a peer asks what is not known here ({error}): members run different versions") from error


def outcome_of(body: bytes) -> Outcome:
    """What a peer told of a command. CoordinationError."""
    tell = _told(body)
    assert isinstance(tell, TellOutcome), "a command has an outcome"
    return Outcome(tell.result, tell.revision)


def number_of(body: bytes) -> int:
    """The number that a peer told. CoordinationError."""
    tell = _told(body)
    assert isinstance(tell, TellNumber), "of a lease a number is told"
    return tell.number


def _told(body: bytes) -> Tell:
    tell = _read_tell.decode(body)
    if isinstance(tell, TellFailure):
        raise BY_CODE.get(tell.code, TimedOut)(tell.message)
    return tell


def failure(error: CoordinationError) -> bytes:
    """An error, for a peer."""
    return encode(TellFailure(error.code, error.message))
