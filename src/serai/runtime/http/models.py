"""The one kind of request and response type: strict, closed to unknown fields, snake_case."""

from datetime import datetime
from typing import Annotated, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict

from serai.kernel.money import Money

T = TypeVar("T")


class Model(BaseModel):
    """Base of all requests and responses. A field that we do not know is refused, not ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


Instant = Annotated[datetime, Strict(False)]
"""RFC 3339 text in JSON; must carry a zone where it is read."""


class Amount(Model):
    """Money on the wire: minor units and an ISO 4217 code."""

    amount: Annotated[int, Field(ge=0, le=10**12)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    @classmethod
    def of(cls, money: Money) -> Self:
        """As JSON shows it."""
        return cls(amount=money.minor, currency=money.currency)

    def money(self) -> Money:
        """As code counts it."""
        return Money(self.amount, self.currency)


class Page(Model, Generic[T]):
    """A list's page; `next_cursor` fetches the next one, null at the end."""

    items: list[T]
    next_cursor: str | None


LINE = r"^[^\x00-\x1f\x7f]*$"
"""Pattern of one line of text: without control characters, of which PostgreSQL cannot store the first."""

PAGE_MAX = 100
"""Most items on one page of any list."""
