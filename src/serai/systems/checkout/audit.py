"""Holds a shop's orders against the money that was taken for them: each is paid once, or not at all."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from serai.kernel.money import Money
from serai.systems.payments.api import PaymentState, Taken


class Expects(Enum):
    """What an order's money should be, by its state."""

    NOTHING = "nothing"
    KEPT = "kept"
    RETURNED = "returned"
    """In the part that the order says."""


@dataclass(frozen=True, slots=True)
class Billed:
    """An order as an auditor sees it: 'booking 018f… is confirmed' is `noun` and `state`."""

    order_id: UUID
    noun: str
    state: str
    expects: Expects
    total: Money
    refund_minor: int = 0


def money_findings(orders: Sequence[Billed], taken: Sequence[Taken]) -> Iterator[str]:
    """What does not fit, in a sentence each; nothing, it is to be hoped."""
    of_order: dict[UUID, list[Taken]] = defaultdict(list)
    for payment in taken:
        of_order[payment.order_id].append(payment)
    for order in orders:
        payments = of_order.pop(order.order_id, [])
        if not _paid_as_it_should(order, payments):
            said = ", ".join(_described(each) for each in payments) or "nothing"
            back = f", {order.refund_minor} of it to be returned" if order.expects is Expects.RETURNED else ""
            total = f"{order.total.minor} {order.total.currency}"
            yield f"{order.noun} {order.order_id} is {order.state} for {total}{back}; paid: {said}"
    for order_id, payments in of_order.items():
        said = ", ".join(_described(each) for each in payments)
        yield f"there is no order {order_id}, and yet it was paid: {said}"


def _paid_as_it_should(order: Billed, payments: Sequence[Taken]) -> bool:
    if order.expects is Expects.NOTHING:
        return not payments
    if len(payments) != 1 or payments[0].amount != order.total:
        return False
    if order.expects is Expects.KEPT:
        return payments[0].state in (PaymentState.CAPTURING, PaymentState.CAPTURED)
    returned = payments[0].state in (PaymentState.REFUNDING, PaymentState.REFUNDED)
    return returned and payments[0].refund_minor == order.refund_minor


def _described(payment: Taken) -> str:
    paid: Money = payment.amount
    return f"{paid.minor} {paid.currency} ({payment.state}, {payment.refund_minor} to return)"
