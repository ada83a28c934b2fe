"""The words of simcards: pools of numbers, what is shown of them, sales, cards, portings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from serai.kernel.ids import Capability
from serai.kernel.money import Money
from serai.systems.simcards.numbering.classes import NumberClass, class_of
from serai.systems.simcards.numbering.plans import Kind, calling_code
from serai.systems.simcards.numbering.ranges import Ranges
from serai.systems.simcards.numbering.shuffle import Shuffle
from serai.systems.simcards.numbering.states import NumberState

OWNER = "simcards"
"""Our name at allocation and payments."""


class SaleState(StrEnum):
    """Where a sale stands. `pending` waits for money, `failed` got none or lost its number."""

    PENDING = "pending"
    SOLD = "sold"
    ACTIVE = "active"
    FAILED = "failed"
    RETURNED = "returned"


@dataclass(frozen=True)
class Pool:
    """A range of a numbering plan, in its shuffled order."""

    pool_id: UUID
    pool_no: int
    name: str
    region: str
    kind: Kind
    prefix: str
    length: int
    numbers: Ranges
    shuffle: Shuffle
    quarantine_days: int
    prices: Mapping[NumberClass, int]
    """Minor units by class."""
    currency: str
    opened_at: datetime | None

    @property
    def lead(self) -> str:
        """What all its numbers begin with, in E.164 without the plus."""
        return f"{calling_code(self.region)}{self.prefix}"

    @cached_property
    def tail_digits(self) -> int:
        """Digits after `lead`."""
        return self.length - len(self.prefix)

    def number(self, unit_key: int) -> int:
        """The number of a unit, in E.164 without the plus."""
        return self.numbers.at(self.shuffle.place_of(unit_key))

    def unit_key(self, number: int) -> int:
        """The unit of one of its numbers."""
        return self.shuffle.key_of(self.numbers.place(number))

    def price(self, number: int) -> Money:
        """What a number costs, by its class."""
        return Money(self.prices[class_of(number)], self.currency)


@dataclass(frozen=True, slots=True)
class Standing:
    """A pool's numbers by state, for its dashboard."""

    pool: Pool
    filled: int
    counts: Mapping[NumberState, int]
    sold_per_day: float
    """Over the last week, or the pool's life if it is younger."""
    days_left: float | None
    """Until nothing is free, at that pace; None if nothing was sold."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number that was found: masked, with what it costs. Its id holds it."""

    capability: Capability
    pool_id: UUID
    masked: str
    number_class: NumberClass
    price: Money


@dataclass(frozen=True, slots=True)
class Identity:
    """Who buys, as the law on prepaid numbers asks in most countries."""

    name: str
    country: str
    document_kind: str
    document_number: str

    def stored(self) -> dict[str, str]:
        """As the row keeps it."""
        return {
            "name": self.name,
            "country": self.country,
            "document_kind": self.document_kind,
            "document_number": self.document_number,
        }


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale as the table has it."""

    sale_id: UUID
    key: bytes
    hold_id: UUID
    claim_id: UUID
    pool_id: UUID
    number: int
    number_class: NumberClass
    state: SaleState
    version: int
    confirmation_code: str
    email: str
    total: Money
    attempts: int
    request_scope: bytes
    refund_minor: int
    refunded: bool
    reason: str
    iccid: str | None
    """Of the card that it is paired with."""

    @property
    def capability(self) -> Capability:
        """Opens, activates and returns it."""
        return Capability(self.sale_id, self.key)


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A number that has been somebody's."""

    number: int
    pool_id: UUID | None
    unit_key: int | None
    state: NumberState
    sale_id: UUID | None
    rests_until: datetime | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One thing that happened to a number."""

    at: datetime
    move: str
    state: str
    actor: str
    note: str

    def json(self) -> dict[str, Any]:
        """As history shows it."""
        return {"at": self.at, "move": self.move, "state": self.state, "actor": self.actor, "note": self.note}
