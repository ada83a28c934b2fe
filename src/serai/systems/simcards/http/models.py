"""What callers of the shop of numbers send and get."""

from typing import Annotated, Literal

from pydantic import EmailStr, Field

from serai.runtime.http.models import LINE, Amount, Instant, Model
from serai.systems.simcards.numbering.classes import NumberClass

Digits = Annotated[str, Field(max_length=15, pattern=r"^[0-9]*$")]
ClassName = Literal["gold", "premium", "plain"]


class PoolOut(Model):
    """A pool as buyers see it; `lead` is what all its numbers begin with."""

    id: str
    name: str
    region: str
    kind: str
    prefix: str
    lead: str
    length: int
    prices: dict[NumberClass, Amount]
    open: bool


class PoolsOut(Model):
    """All open pools."""

    items: list[PoolOut]
    next_cursor: None


class StandingOut(PoolOut):
    """A pool as its dashboard shows it; `days_left` until nothing is free at last week's pace."""

    size: int
    filled: int
    quarantine_days: int
    states: dict[str, int]
    sold_per_day: float
    days_left: float | None


class PoolIn(Model):
    """A pool to be made: the numbers of a country and kind that begin with `prefix`."""

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=LINE)]
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    kind: Literal["mobile", "fixed"] = "mobile"
    prefix: Digits
    length: Annotated[int | None, Field(ge=2, le=15)] = None
    prices: dict[ClassName, Annotated[int, Field(ge=0, le=10**9)]]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    quarantine_days: Annotated[int | None, Field(ge=0, le=3650)] = None


class PlanOut(Model):
    """A range of a plan, before anybody makes a pool of it."""

    region: str
    calling_code: int
    kind: str
    prefix: str
    length: int
    numbers: int


class SearchIn(Model):
    """What a number shall look like, after its pool's lead. Without a pool: any open one of the country and area."""

    pool_id: Annotated[str | None, Field(max_length=64)] = None
    region: Annotated[str | None, Field(pattern=r"^[A-Z]{2}$")] = None
    area: Digits | None = None
    prefix: Digits = ""
    contains: Digits = ""
    ends: Digits = ""
    repeated: Annotated[int, Field(ge=0, le=15)] = 0
    number_class: Annotated[ClassName | None, Field(alias="class")] = None
    count: Annotated[int, Field(ge=1, le=50)] = 5


class CandidateOut(Model):
    """A number that was found. Its id holds it, for some minutes."""

    id: str
    pool_id: str
    masked: str
    number_class: Annotated[str, Field(alias="class")]
    price: Amount


class SearchOut(Model):
    """What was found: few, and nothing of what was not."""

    items: list[CandidateOut]
    next_cursor: None


class HoldIn(Model):
    """A number by chance from a pool (of a class, if one is named), or one that a search has shown."""

    pool_id: Annotated[str | None, Field(max_length=64)] = None
    number_class: Annotated[ClassName | None, Field(alias="class")] = None
    candidate_id: Annotated[str | None, Field(max_length=64)] = None


class HoldOut(Model):
    """A hold. Its id is a secret: whoever has it may pay, extend or release the hold."""

    id: str
    state: str
    pool_id: str
    number: str
    shown: str
    number_class: Annotated[str, Field(alias="class")]
    price: Amount
    expires_at: Instant


class IdentityIn(Model):
    """Who buys, by a document."""

    name: Annotated[str, Field(min_length=2, max_length=120, pattern=LINE)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    document_kind: Literal["passport", "identity_card", "driving_licence"]
    document_number: Annotated[str, Field(min_length=3, max_length=40, pattern=r"^[A-Za-z0-9 -]+$")]


class SaleIn(Model):
    """Who pays what with which payment method (a token of the gateway, never a card number)."""

    hold_id: Annotated[str, Field(max_length=64)]
    payment_method: Annotated[str, Field(min_length=3, max_length=120, pattern=r"^[A-Za-z0-9_]+$")]
    email: Annotated[EmailStr, Field(max_length=254)]
    identity: IdentityIn


class SaleOut(Model):
    """A sale. Its id is a secret: it opens, activates and returns the number."""

    id: str
    state: str
    number: str
    shown: str
    number_class: Annotated[str, Field(alias="class")]
    confirmation_code: str
    total: Amount
    iccid: str | None
    refund: Amount
    refunded: bool
    reason: str


class ActivateIn(Model):
    """The card that the number is put on."""

    iccid: Annotated[str, Field(max_length=30)]


class PortInIn(Model):
    """A number that its owner brings from another carrier."""

    number: Annotated[str, Field(max_length=30)]
    carrier: Annotated[str, Field(min_length=2, max_length=80, pattern=LINE)]
    name: Annotated[str, Field(min_length=2, max_length=120, pattern=LINE)]


class PortOutIn(Model):
    """Where the buyer takes the number."""

    carrier: Annotated[str, Field(min_length=2, max_length=80, pattern=LINE)]
    name: Annotated[str, Field(min_length=2, max_length=120, pattern=LINE)]


class PortingOut(Model):
    """A porting request; for who asked, its id is a secret."""

    id: str
    direction: str
    number: str
    state: str
    carrier: str
    name: str
    reason: str
    created_at: Instant


class PortingsOut(Model):
    """Requests that wait for somebody, oldest first."""

    items: list[PortingOut]
    next_cursor: None


class ReasonIn(Model):
    """Why."""

    reason: Annotated[str, Field(max_length=200, pattern=LINE)] = ""


class SaleLineOut(Model):
    """A sale, as those who work in the shop see it. Its id opens nothing: the buyer's secret is not in it."""

    id: str
    number: str
    number_class: Annotated[str, Field(alias="class")]
    state: str
    confirmation_code: str
    name: str
    email: str
    total: Amount
    at: Instant


class CardOut(Model):
    """A SIM card; `number` once it is paired."""

    iccid: str
    imsi: str
    number: str | None
    batch: str
    added_at: Instant


class TestOut(Model):
    """One test of chance. `p`: how likely numbers as odd as these are from a fair source."""

    name: str
    statistic: float
    p: float
    passed: bool
    said: str


class EvidenceOut(Model):
    """What the tests say of a pool's draws, and of a shop that sells in order, which must lose."""

    pool: str
    numbers: int
    draws: int
    holds: bool
    tests: list[TestOut]
    baseline: list[TestOut]


class LogLineOut(Model):
    """One thing that happened to a number."""

    at: Instant
    move: str
    state: str
    actor: str
    note: str


class NumberOut(Model):
    """A number and what happened to it."""

    number: str
    shown: str
    state: str
    pool_id: str | None
    number_class: Annotated[str, Field(alias="class")]
    rests_until: Instant | None
    history: list[LogLineOut]


class LineErrorOut(Model):
    """What is wrong with a cell of a sheet."""

    line: int
    column: str
    code: str
    message: str


class ImportOut(Model):
    """What an import did, or would do."""

    dry_run: bool
    lines: int
    imported: int
    error_count: int
    errors: list[LineErrorOut]
