"""The words of a checkout: what a shop calls its goods and orders, and the answers that are sent and replayed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

from serai.kernel.errors import Conflict, SeraiError
from serai.runtime.http.problems import problem
from serai.systems.payments.api import Payment

OrderT = TypeVar("OrderT")


@dataclass(frozen=True, slots=True)
class Words:
    """What a shop says. Sentences that stand alone, so that each can be said well."""

    id_field: str
    """The order's id in a refusal that asks the buyer to go on: 'booking_id'."""
    held: str
    """Of the goods while nothing is paid, on a page of their own: 'Your seats are still held.'"""
    still_held: str
    not_held: str
    being_paid: str
    ended: str
    """Of a payment that the bank withdrew: what became of the order."""
    gone: str
    """Somebody else has the goods."""
    given_back: str
    """The order was paid and has been given back since."""
    lost: type[Conflict]
    """Raised with `gone`."""
    expired: type[Conflict]
    """Raised when a hold cannot be paid any more."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a JSON body, as the bytes that are sent, stored under the idempotency key and replayed."""

    status: int
    body: bytes

    @classmethod
    def of(cls, status: int, document: Mapping[str, object]) -> "Reply":
        """A document."""
        return cls(status, orjson.dumps(document))

    @classmethod
    def refused(cls, error: SeraiError) -> "Reply":
        """A refusal that is part of the order's story; the same for every replay, so it carries no request id."""
        return cls(error.status, orjson.dumps(problem(error, "")))


@dataclass(frozen=True, slots=True)
class Started(Generic[OrderT]):
    """An order with its payment, about to be driven."""

    order: OrderT
    payment: Payment
    fresh: bool
    """Just made by this request: nothing has been sent to the gateway yet."""
