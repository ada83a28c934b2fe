"""The payment saga as a table: which step follows which outcome, and how a failure is undone.

It prevents the two thefts: money without goods (a crash after the charge) and goods without money. Money is authorised
before the claim is confirmed and captured after, so a failure in between is a void, which costs nobody anything.

    authorising ──authorised──▶ capturing ──captured──▶ captured ──refund──▶ refunding ──refunded──▶ refunded
       │  │  │                     ▲   └──refused──▶ failed
       │  │  └──action──▶ awaiting_buyer ──authorised──┘
       │  └──lost──▶ in_doubt ──authorised──▶ capturing, ──declined / not_found──▶ declined
       ├──declined──▶ declined
       └──claim_lost──▶ voiding ──voided──▶ voided

A step is repeated until its outcome is known, always with the same idempotency key; a lost answer is asked for by our
own reference. So the request that started a payment and the recovery after a crash run the same loop: look at the
state, take its step, record what came of it.
"""

from collections.abc import Mapping
from enum import StrEnum


class PaymentState(StrEnum):
    """Where a payment stands."""

    AUTHORISING = "authorising"
    AWAITING_BUYER = "awaiting_buyer"
    IN_DOUBT = "in_doubt"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDING = "voiding"
    VOIDED = "voided"
    FAILED = "failed"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class Outcome(StrEnum):
    """What came of a step."""

    AUTHORISED = "authorised"
    ACTION = "action"
    """The bank wants the buyer to do something first."""
    DECLINED = "declined"
    NOT_FOUND = "not_found"
    """The gateway has never heard of this payment, long enough after we sent it."""
    LOST = "lost"
    """No answer, or none that tells; nothing is known."""
    CLAIM_LOST = "claim_lost"
    """Authorised, but the goods went to somebody else."""
    TIMED_OUT = "timed_out"
    """The buyer did not come back."""
    CAPTURED = "captured"
    REFUSED = "refused"
    """The gateway will not capture: the authorisation is gone."""
    VOIDED = "voided"
    REFUND = "refund"
    REFUNDED = "refunded"


class Step(StrEnum):
    """What to do at the gateway next."""

    AUTHORISE = "authorise"
    ASK = "ask"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


_P, _O = PaymentState, Outcome

TABLE: Mapping[tuple[PaymentState, Outcome], PaymentState] = {
    (_P.AUTHORISING, _O.AUTHORISED): _P.CAPTURING,
    (_P.AUTHORISING, _O.ACTION): _P.AWAITING_BUYER,
    (_P.AUTHORISING, _O.DECLINED): _P.DECLINED,
    (_P.AUTHORISING, _O.NOT_FOUND): _P.DECLINED,
    (_P.AUTHORISING, _O.LOST): _P.IN_DOUBT,
    (_P.AUTHORISING, _O.CLAIM_LOST): _P.VOIDING,
    (_P.AWAITING_BUYER, _O.AUTHORISED): _P.CAPTURING,
    (_P.AWAITING_BUYER, _O.ACTION): _P.AWAITING_BUYER,
    (_P.AWAITING_BUYER, _O.DECLINED): _P.DECLINED,
    (_P.AWAITING_BUYER, _O.NOT_FOUND): _P.DECLINED,
    (_P.AWAITING_BUYER, _O.LOST): _P.AWAITING_BUYER,
    (_P.AWAITING_BUYER, _O.TIMED_OUT): _P.VOIDING,
    (_P.AWAITING_BUYER, _O.CLAIM_LOST): _P.VOIDING,
    (_P.IN_DOUBT, _O.AUTHORISED): _P.CAPTURING,
    (_P.IN_DOUBT, _O.ACTION): _P.VOIDING,
    (_P.IN_DOUBT, _O.DECLINED): _P.DECLINED,
    (_P.IN_DOUBT, _O.NOT_FOUND): _P.DECLINED,
    (_P.IN_DOUBT, _O.LOST): _P.IN_DOUBT,
    (_P.IN_DOUBT, _O.CLAIM_LOST): _P.VOIDING,
    (_P.CAPTURING, _O.CAPTURED): _P.CAPTURED,
    (_P.CAPTURING, _O.LOST): _P.CAPTURING,
    (_P.CAPTURING, _O.REFUSED): _P.FAILED,
    (_P.VOIDING, _O.VOIDED): _P.VOIDED,
    (_P.VOIDING, _O.LOST): _P.VOIDING,
    (_P.CAPTURED, _O.REFUND): _P.REFUNDING,
    (_P.REFUNDING, _O.REFUNDED): _P.REFUNDED,
    (_P.REFUNDING, _O.LOST): _P.REFUNDING,
}
"""Every outcome that a state can have, and where it leads."""

STEPS: Mapping[PaymentState, Step] = {
    _P.AUTHORISING: Step.ASK,
    _P.AWAITING_BUYER: Step.ASK,
    _P.IN_DOUBT: Step.ASK,
    _P.CAPTURING: Step.CAPTURE,
    _P.VOIDING: Step.VOID,
    _P.REFUNDING: Step.REFUND,
}
"""The step that a payment found in this state needs. Only the request that made it sends AUTHORISE, once:
whoever finds it later cannot know whether that was sent, and asks."""

MONEY_MOVED = frozenset({_P.CAPTURED, _P.REFUNDING, _P.REFUNDED})
"""States in which the buyer's money was taken."""

RESTING = frozenset(_P) - frozenset(STEPS)
"""States that nobody has to work on."""


def after(state: PaymentState, outcome: Outcome) -> PaymentState:
    """The state that follows. An outcome that the state cannot have is a mistake of ours."""
    assert (state, outcome) in TABLE, f"a payment that is {state} cannot turn out {outcome}"
    return TABLE[state, outcome]


def pause_s(tries: int) -> float:
    """How long recovery waits before it tries the same step again: 2 s, doubling to 10 minutes."""
    assert tries >= 0, "tries are counted from zero"
    return float(min(2 << min(tries, 16), 600))


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    moves = [f"    {state} --> {to}: {outcome}" for (state, outcome), to in TABLE.items() if to is not state]
    return "\n".join(["stateDiagram-v2", "    [*] --> authorising", *moves])
