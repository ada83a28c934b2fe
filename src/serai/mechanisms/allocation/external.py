"""A line of a claim that somebody else keeps: a flight, a room of another chain. Its truth is at the provider.

It prevents three failures: a thing promised that the provider never gave, a thing kept there that nobody here wants,
and one asked for twice because an answer was lost. A line is written before its provider hears of it, each call carries
the line's own reference, and whoever finds a line whose call may have been made asks before doing anything.

    asked ──held──▶ held ──confirm──▶ confirming ──confirmed──▶ confirmed
      │              │                 │      │                    │
      │              │                 │      └──refused──▶ refused│
      ├──refused──▶ refused            │                           │
      └──drop──┬─────┴──drop───────────┴──drop─────────────────────┴──▶ returning ──returned──▶ returned
                                                                            └──refused──▶ kept

The claim moves its lines (`BY_CLAIM`), the provider's answers do the rest (`BY_ANSWER`). A claim is paid for only while
all its lines are held, and confirmed only when all are confirmed; one that is refused ends the claim. What a provider
will not take back is `kept`: a person has to speak with it.
"""

from collections.abc import Mapping
from enum import StrEnum

from serai.mechanisms.allocation.claims import Move


class LineState(StrEnum):
    """Where an external line stands."""

    ASKED = "asked"
    HELD = "held"
    CONFIRMING = "confirming"
    CONFIRMED = "confirmed"
    RETURNING = "returning"
    RETURNED = "returned"
    REFUSED = "refused"
    KEPT = "kept"


class Answer(StrEnum):
    """What a provider says of a line, to a call or when it is asked."""

    HELD = "held"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    REFUSED = "refused"
    """It will not do that: sold out, the hold has ended, the ticket cannot be given back."""
    NOT_FOUND = "not_found"
    """It has never heard of the line's reference, long enough after we may have sent it."""
    LOST = "lost"
    """No answer, or none that tells; nothing is known."""


class Call(StrEnum):
    """What is asked of a provider."""

    HOLD = "hold"
    CONFIRM = "confirm"
    RETURN = "return"


_S, _A = LineState, Answer

BY_ANSWER: Mapping[tuple[LineState, Answer], LineState] = {
    (_S.ASKED, _A.HELD): _S.HELD,
    (_S.ASKED, _A.REFUSED): _S.REFUSED,
    (_S.ASKED, _A.RETURNED): _S.REFUSED,
    (_S.ASKED, _A.NOT_FOUND): _S.REFUSED,
    (_S.ASKED, _A.LOST): _S.ASKED,
    (_S.CONFIRMING, _A.HELD): _S.CONFIRMING,
    (_S.CONFIRMING, _A.CONFIRMED): _S.CONFIRMED,
    (_S.CONFIRMING, _A.REFUSED): _S.REFUSED,
    (_S.CONFIRMING, _A.RETURNED): _S.REFUSED,
    (_S.CONFIRMING, _A.NOT_FOUND): _S.REFUSED,
    (_S.CONFIRMING, _A.LOST): _S.CONFIRMING,
    (_S.RETURNING, _A.HELD): _S.RETURNING,
    (_S.RETURNING, _A.CONFIRMED): _S.RETURNING,
    (_S.RETURNING, _A.RETURNED): _S.RETURNED,
    (_S.RETURNING, _A.NOT_FOUND): _S.RETURNED,
    (_S.RETURNING, _A.REFUSED): _S.KEPT,
    (_S.RETURNING, _A.LOST): _S.RETURNING,
}
"""Every answer that a line with a call under way can get, and where it leads."""

CALLS: Mapping[LineState, Call] = {_S.ASKED: Call.HOLD, _S.CONFIRMING: Call.CONFIRM, _S.RETURNING: Call.RETURN}
"""The call that a line in this state needs. Only who has just brought it there may make it unasked."""

RESTING = frozenset(_S) - frozenset(CALLS)
"""States in which the provider has nothing to do."""

LIVE = frozenset({_S.ASKED, _S.HELD, _S.CONFIRMING, _S.CONFIRMED})
"""States in which the provider has, or may have, something for us."""

NEEDS: Mapping[Move, LineState] = {
    Move.EXTEND: _S.HELD,
    Move.PAY: _S.HELD,
    Move.DECLINE: _S.HELD,
    Move.CONFIRM: _S.CONFIRMED,
}
"""What all external lines of a claim must be for this move. The others have no condition."""

DROPS = frozenset({Move.RELEASE, Move.EXPIRE, Move.CANCEL})
"""Moves after which the claim wants nothing any more: its live lines go back."""


def after(state: LineState, answer: Answer) -> LineState:
    """The state that follows an answer. One that the state cannot have is a mistake of ours."""
    assert (state, answer) in BY_ANSWER, f"a line that is {state} cannot be told {answer}"
    return BY_ANSWER[state, answer]


def as_asked(state: LineState, answer: Answer) -> Answer:
    """What an answer means that was given to a question and not to a call: what stands there as refused was never
    given, so there is nothing to return; only who is asked to take something back can refuse that."""
    return Answer.RETURNED if (state, answer) == (LineState.RETURNING, Answer.REFUSED) else answer


def call_after_asking(state: LineState, answer: Answer) -> Call | None:
    """The call to make when a line's call may have been made before, and the provider was asked: None if none.

    A definite answer that leaves the line where it is says that the call did not arrive, so it is safe to make.
    """
    unmoved = answer is not Answer.LOST and after(state, answer) is state
    return CALLS[state] if unmoved else None


def pause_s(tries: int) -> float:
    """How long recovery waits before it asks about the same line again: 2 s, doubling to 10 minutes."""
    assert tries >= 0, "tries are counted from zero"
    return float(min(2 << min(tries, 16), 600))


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    moves = [f"    {state} --> {to}: {answer}" for (state, answer), to in BY_ANSWER.items() if to is not state]
    dropped = [f"    {state} --> returning: the claim ends" for state in LineState if state in LIVE]
    begun = ["    held --> confirming: confirm"]
    final = [f"    {state} --> [*]" for state in (_S.RETURNED, _S.REFUSED, _S.KEPT)]
    return "\n".join(["stateDiagram-v2", "    [*] --> asked", *moves, *begun, *dropped, *final])
