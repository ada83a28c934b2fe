"""Compares the gateway's list with ours, and names what differs. It trusts neither side.

A stray authorisation (the gateway has it, nobody here waits for it) is voided at once: it blocks a buyer's money and
can never be captured by us. Everything else is written down for a person: any automatic answer could be the wrong one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from serai.kernel.ids import uuid7
from serai.kernel.ports import Clock, Random
from serai.mechanisms.payments.saga import MONEY_MOVED, RESTING, PaymentState
from serai.runtime.postgres.database import Database
from serai.systems.payments import store
from serai.systems.payments.cashier import Cashier, Intent
from serai.systems.payments.model import Payment

WINDOW_S = 3 * 24 * 3600
"""How far back a daily run looks: three days, so that a missed run loses nothing."""

MARGIN_S = 3600
"""Our own list reaches further back: a payment is always older than what the gateway has of it."""

SETTLE_S = 120
"""Younger payments are still moving; they are compared in the next run."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement: what kind, about which payment or intent, and a sentence with both sides."""

    kind: str
    detail: str
    payment_id: UUID | None = None
    intent_id: str | None = None
    tenant_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared and what differs."""

    payments: int
    intents: int
    differences: tuple[Difference, ...]


def compare(payments: list[Payment], intents: list[Intent], window_s: float = WINDOW_S) -> list[Difference]:
    """Every disagreement between our payments and the gateway's, pairwise by our reference and by what only one has.

    `window_s`: the age up to which `intents` is complete; a payment beyond it is not missed there.
    """
    ours = {payment.reference: payment for payment in payments}
    theirs: dict[str, Intent] = {}
    for intent in intents:
        kept = theirs.setdefault(intent.reference, intent)
        if _known_as(ours.get(intent.reference)) == intent.intent_id != kept.intent_id:
            theirs[intent.reference] = intent
    judged = [payment for payment in payments if payment.reference in theirs or payment.age_s < window_s]
    found = [difference for payment in judged if (difference := _of_payment(payment, theirs.get(payment.reference)))]
    return found + [
        _surplus(intent, ours.get(intent.reference))
        for intent in intents
        if intent.status in ("requires_capture", "succeeded")
        and (intent.reference not in ours or theirs[intent.reference] is not intent)
    ]


def _known_as(payment: Payment | None) -> str | None:
    return payment.intent_id if payment else None


def _surplus(intent: Intent, payment: Payment | None) -> Difference:
    """Money at the gateway that no payment of ours stands for: of an unknown one, or a second one of a known one."""
    detail = f"the gateway has {intent.intent_id} ({intent.status}, {intent.amount_minor} {intent.currency})"
    if payment is None:
        tenant = _tenant_of(intent.reference)
        return Difference("unknown_here", f"{detail}, of which we know nothing", None, intent.intent_id, tenant)
    detail = f"{detail} beside {payment.intent_id}, both for payment {payment.payment_id}"
    return Difference("second_payment", detail, payment.payment_id, intent.intent_id, payment.tenant_id)


def _tenant_of(reference: str) -> UUID | None:
    try:
        return UUID(reference.partition("/")[0])
    except ValueError:
        return None  # somebody else uses the same account


def _of_payment(payment: Payment, intent: Intent | None) -> Difference | None:
    if payment.state not in RESTING or payment.age_s < SETTLE_S:
        return None
    for kind, differs, said in _checks(payment, intent):
        if differs:
            detail = f"payment {payment.payment_id} is {payment.state} here; {said}"
            intent_id = intent.intent_id if intent else None
            return Difference(kind, detail, payment.payment_id, intent_id, payment.tenant_id)
    return None


def _checks(payment: Payment, intent: Intent | None) -> Iterator[tuple[str, bool, str]]:
    """(kind, whether it differs, what the gateway says), the gravest first."""
    money = payment.state in MONEY_MOVED
    if intent is None:
        yield "unknown_there", money, "the gateway has never heard of it"
        return
    expected = payment.amount.minor if money else 0
    yield (
        "captured_amount",
        intent.captured_minor != expected,
        f"{intent.captured_minor} were captured there, {expected} expected",
    )
    yield "currency", intent.currency != payment.amount.currency, f"it is in {intent.currency} there"
    returned = payment.refund_minor if payment.state is PaymentState.REFUNDED else 0
    yield (
        "refunded_amount",
        intent.refunded_minor != returned,
        f"{intent.refunded_minor} were refunded there, {returned} expected",
    )
    stray = not money and intent.status == "requires_capture"
    yield "stray_authorisation", stray, f"{intent.intent_id} still blocks the buyer's money there"


class Reconciler:
    """The daily comparison, and the same on demand."""

    def __init__(self, jobs: Database, cashier: Cashier, clock: Clock, random: Random) -> None:
        self._jobs = jobs
        self._cashier = cashier
        self._clock = clock
        self._random = random

    async def run(self, window_s: int = WINDOW_S) -> Report:
        """Compares, voids stray authorisations, notes the rest."""
        since_s = int(self._clock.now().timestamp()) - window_s
        intents = [intent async for intent in self._cashier.list_since(since_s)]
        async with self._jobs.transaction(None) as tx:
            payments = await store.payments_since(tx, window_s + MARGIN_S)
        found = compare(payments, intents, window_s)
        for difference in found:
            await self._settle(difference)
        return Report(len(payments), len(intents), tuple(found))

    async def _settle(self, difference: Difference) -> None:
        stray = difference.intent_id if difference.kind == "stray_authorisation" else None
        if stray and await self._cashier.cancel_stray(stray):
            return
        if difference.tenant_id is not None:
            async with self._jobs.transaction(None) as tx:
                await store.note_difference(
                    tx,
                    difference.tenant_id,
                    uuid7(self._clock, self._random),
                    difference.kind,
                    difference.payment_id,
                    difference.intent_id,
                    difference.detail,
                )
