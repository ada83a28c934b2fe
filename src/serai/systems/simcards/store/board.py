"""SQL of the pages of those who run the shop: lists by keyset, and figures of their dashboard."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from serai.kernel.money import Money
from serai.runtime.postgres.database import Row, Transaction
from serai.runtime.postgres.keyset import Order, Seek, Slice, clauses
from serai.systems.simcards.model import SaleState
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.states import NumberState
from serai.systems.simcards.porting import Porting
from serai.systems.simcards.store.sales import as_porting

NUMBER_DIGITS_MAX = 15
"""Of E.164."""


@dataclass(frozen=True, slots=True)
class ListedNumber:
    """A number that has been somebody's, as a list shows it."""

    number: int
    state: NumberState
    changed_at: datetime
    rests_until: datetime | None


@dataclass(frozen=True, slots=True)
class ListedCard:
    """A card of the stock."""

    iccid: str
    imsi: str
    number: int | None
    batch: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class ListedSale:
    """A sale, with who bought."""

    sale_id: UUID
    number: int
    number_class: NumberClass
    state: SaleState
    confirmation_code: str
    name: str
    email: str
    total: Money
    at: datetime


async def sold_by_day(tx: Transaction, days: int, pool_id: UUID | None = None) -> dict[date, int]:
    """Numbers sold on each of the last days (UTC) that had any; a sale's id begins with its time (UUIDv7)."""
    rows = await tx.fetch(
        """
        select (sold_at at time zone 'UTC')::date, count(*)::int from simcards.sales
        where tenant_id = %(tenant)s and sold_at > clock_timestamp() - make_interval(days => %(days)s)
          and sale_id > (lpad(to_hex((extract(epoch from clock_timestamp()
                - make_interval(days => %(days)s + 1)) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
          and (%(pool)s::uuid is null or pool_id = %(pool)s)
        group by 1
        """,
        {"tenant": tx.owner, "days": days, "pool": pool_id},
    )
    return dict(rows)


NUMBER_ORDERS: Mapping[str, Order] = {
    "number": Order("number", "bigint"),
    "state": Order("state"),
    "changed": Order("changed_at", "timestamptz"),
}


async def numbers(tx: Transaction, pool_id: UUID, text: str, state: str, seek: Seek) -> Slice[ListedNumber]:
    """A page of a pool's numbers that have been somebody's; `text` is digits in them. By numbers_by_state."""
    parts = clauses(seek, NUMBER_ORDERS, "number", "bigint")
    rows = await tx.fetch(
        f"""
        select {parts.columns}, number, state, changed_at, rests_until from simcards.numbers
        where tenant_id = %(tenant)s and pool_id = %(pool)s and (%(state)s = '' or state = %(state)s)
          and (%(text)s = '' or position(%(text)s in number::text) > 0) and {parts.where} {parts.end}
        """,
        {"tenant": tx.owner, "pool": pool_id, "state": state, "text": text, **parts.params},
    )
    return parts.page(rows, lambda row: ListedNumber(row[0], NumberState(row[1]), row[2], row[3]))


CARD_ORDERS: Mapping[str, Order] = {
    "iccid": Order("iccid"),
    "batch": Order("batch"),
    "added": Order("added_at", "timestamptz"),
}


async def cards(tx: Transaction, text: str, paired: bool | None, seek: Seek) -> Slice[ListedCard]:
    """A page of the stock; `text` is digits of ICCID, IMSI or number, or the batch's name."""
    parts = clauses(seek, CARD_ORDERS, "iccid", "text")
    rows = await tx.fetch(
        f"""
        select {parts.columns}, iccid, imsi, number, batch, added_at from simcards.cards
        where tenant_id = %(tenant)s and (%(paired)s::boolean is null or (number is not null) = %(paired)s)
          and (%(text)s = '' or position(%(text)s in iccid) > 0 or position(%(text)s in imsi) > 0
               or position(%(text)s in coalesce(number, 0)::text) > 0 or lower(batch) = lower(%(text)s))
          and {parts.where} {parts.end}
        """,
        {"tenant": tx.owner, "paired": paired, "text": text, **parts.params},
    )
    return parts.page(rows, lambda row: ListedCard(*row))


async def card_counts(tx: Transaction) -> tuple[int, int]:
    """Cards in all, and those that have a number."""
    row = await tx.fetch_one(
        "select count(*)::int, count(number)::int from simcards.cards where tenant_id = %s", (tx.owner,)
    )
    assert row is not None
    return row[0], row[1]


SALE_ORDERS: Mapping[str, Order] = {"at": Order("created_at", "timestamptz"), "price": Order("total_minor", "bigint")}


async def sales(tx: Transaction, text: str, state: str, seek: Seek) -> Slice[ListedSale]:
    """A page of the sales; `text` is the whole of a code, number or e-mail address, each with an index of its own."""
    parts = clauses(seek, SALE_ORDERS, "sale_id")
    digits = "".join(char for char in text if char in "0123456789")
    number = int(digits) if 0 < len(digits) <= NUMBER_DIGITS_MAX else None
    rows = await tx.fetch(
        f"""
        select {parts.columns}, sale_id, number, number_class, state, confirmation_code, identity->>'name', email,
               total_minor, currency, created_at
        from simcards.sales
        where tenant_id = %(tenant)s and (%(state)s = '' or state = %(state)s)
          and (%(text)s = '' or confirmation_code = upper(%(text)s) or number = %(number)s
               or lower(email) = lower(%(text)s))
          and {parts.where} {parts.end}
        """,
        {"tenant": tx.owner, "state": state, "text": text, "number": number, **parts.params},
    )
    return parts.page(rows, _listed_sale)


def _listed_sale(row: Row) -> ListedSale:
    sale_id, number, number_class, state, code, name, email, minor, currency, at = row
    return ListedSale(
        sale_id, number, NumberClass(number_class), SaleState(state), code, name, email, Money(minor, currency), at
    )


PORTING_ORDERS: Mapping[str, Order] = {"asked": Order("created_at", "timestamptz"), "carrier": Order("carrier")}


async def portings(tx: Transaction, direction: str, waiting: bool | None, seek: Seek) -> Slice[Porting]:
    """A page of requests to bring numbers along or take them away."""
    parts = clauses(seek, PORTING_ORDERS, "porting_id")
    rows = await tx.fetch(
        f"""
        select {parts.columns}, porting_id, key, direction, number, state, carrier, name, reason, created_at
        from simcards.portings
        where tenant_id = %(tenant)s and (%(direction)s = '' or direction = %(direction)s)
          and (%(waiting)s::boolean is null or (state in ('requested', 'accepted')) = %(waiting)s)
          and {parts.where} {parts.end}
        """,
        {"tenant": tx.owner, "direction": direction, "waiting": waiting, **parts.params},
    )
    return parts.page(rows, as_porting)


async def portings_waiting(tx: Transaction) -> int:
    """Requests that wait for somebody; by the index portings_one_open."""
    row = await tx.fetch_one(
        "select count(*)::int from simcards.portings where tenant_id = %s and state in ('requested', 'accepted')",
        (tx.owner,),
    )
    assert row is not None
    return int(row[0])
