"""The words of payments: what is to be paid, what the gateway said, and who is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from serai.kernel.money import Money
from serai.mechanisms.payments.saga import Outcome, PaymentState
from serai.runtime.postgres.database import Transaction

ACTION_S = 900
"""How long a buyer may take to authenticate at the bank."""

LEASE_S = 30
"""How long a payment belongs to the request or recovery round that works on it."""

DOUBT_S = 60
"""After so long a payment that the gateway does not know was never received by it."""


NOT_RECEIVED = "not_received"
"""Decline code of our own: the gateway never heard of the payment."""

NOT_CONFIRMED = "authentication_expired"
"""Decline code of our own: the buyer did not confirm at the bank in time."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid, for whom. `attempt` counts the payments of one order from 1."""

    owner: str
    order_id: UUID
    attempt: int
    amount: Money
    method: str
    description: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as the table has it."""

    tenant_id: UUID
    payment_id: UUID
    owner: str
    order_id: UUID
    attempt: int
    amount: Money
    method: str
    description: str
    state: PaymentState
    version: int
    intent_id: str | None
    decline_code: str | None
    action_url: str | None
    refund_minor: int
    age_s: float
    overdue: bool
    """Past the buyer's deadline, by the database's clock."""
    tries: int
    created_at: datetime

    @property
    def reference(self) -> str:
        """Our name for it at the gateway: tenant and payment."""
        return f"{self.tenant_id}/{self.payment_id}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway said about one step."""

    outcome: Outcome
    intent_id: str | None = None
    decline_code: str | None = None
    action_url: str | None = None


class Orders(Protocol):
    """The system whose orders are paid: told of each change in the transaction that makes it."""

    async def on_authorised(self, tx: Transaction, payment: Payment) -> None:
        """Confirm the claim; raise `GoodsLost` if somebody else has the goods, and the money is given back."""

    async def on_action(self, tx: Transaction, payment: Payment) -> None:
        """The bank wants the buyer to confirm at `action_url`; the goods stay until the claim's own deadline."""

    async def on_doubt(self, tx: Transaction, payment: Payment) -> None:
        """Nobody knows whether the money is there; keep the goods."""

    async def on_declined(self, tx: Transaction, payment: Payment) -> None:
        """No money, and none will come; whatever the claim still has may be held or given back."""

    async def on_captured(self, tx: Transaction, payment: Payment) -> None:
        """The money is ours."""

    async def on_returned(self, tx: Transaction, payment: Payment) -> None:
        """The money went back, or was never taken although the goods were promised; undo and tell the buyer."""

    async def on_refunded(self, tx: Transaction, payment: Payment) -> None:
        """The refund that the order asked for was made."""


class GoodsLost(Exception):
    """Raised by `Orders.on_authorised`: the goods went to somebody else, so the authorisation must be voided."""
