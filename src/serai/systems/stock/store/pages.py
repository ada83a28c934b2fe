"""SQL of the console's lists: pages in both directions by keyset, and the figures of the overview."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from serai.runtime.postgres.database import Transaction
from serai.runtime.postgres.keyset import Order, Seek, Slice, clauses
from serai.systems.stock.flows import AlertState
from serai.systems.stock.store.catalogue import like_part

PRODUCT_ORDERS = {"name": Order("p.name"), "sku": Order("p.sku")}
LOW = "exists (select from stock.policies o where o.tenant_id = p.tenant_id and o.product_no = p.product_no and o.low)"


async def products(tx: Transaction, text: str, categories: Sequence[UUID] | None, state: str, seek: Seek) -> Slice[int]:
    """Numbers of products with a text in name, SKU or GTIN. `state`: kept, low, retired, or "" for all.

    By products_by_name or the unique SKU; `low` looks into the policies of each row.
    """
    page = clauses(seek, PRODUCT_ORDERS, "p.product_id")
    rows = await tx.fetch(
        f"""
        select {page.columns}, p.product_no from stock.products p
        where p.tenant_id = %(tenant)s
          and (%(text)s::text is null or p.name ilike %(text)s::text or p.sku ilike %(text)s::text
               or p.gtin like %(text)s::text)
          and (%(categories)s::uuid[] is null or p.category_id = any(%(categories)s::uuid[]))
          and case %(state)s::text when 'kept' then p.retired_at is null when 'retired' then p.retired_at is not null
                when 'low' then {LOW} else true end
          and {page.where} {page.end}
        """,
        {
            "tenant": tx.owner,
            "text": like_part(text or None),
            "categories": list(categories) if categories is not None else None,
            "state": state,
            **page.params,
        },
    )
    return page.page(rows, lambda row: int(row[0]))


MOVEMENT_ORDERS = {"at": Order("m.at", "timestamptz")}


async def movements(tx: Transaction, text: str, kind: str, location_no: int | None, seek: Seek) -> Slice[UUID]:
    """Ids of movements by when they happened; by movements_by_time. A text is looked for in reference and reason."""
    page = clauses(seek, MOVEMENT_ORDERS, "m.movement_id")
    rows = await tx.fetch(
        f"""
        select {page.columns}, m.movement_id from stock.movements m
        where m.tenant_id = %(tenant)s and (%(kind)s::text = '' or m.kind = %(kind)s::text)
          and (%(text)s::text is null or m.reference ilike %(text)s::text or m.reason ilike %(text)s::text)
          and (%(location)s::int is null or exists (
                select from stock.lines l where l.tenant_id = m.tenant_id and l.movement_no = m.movement_no
                  and l.location_no = %(location)s::int))
          and {page.where} {page.end}
        """,
        {
            "tenant": tx.owner,
            "kind": kind,
            "text": like_part(text or None),
            "location": location_no,
            **page.params,
        },
    )
    return page.page(rows, lambda row: UUID(str(row[0])))


FLOW_ORDERS = {"at": Order("created_at", "timestamptz")}


async def transfers(
    tx: Transaction, text: str, states: Sequence[str], location_no: int | None, seek: Seek
) -> Slice[UUID]:
    """Ids of transfers by when they were drafted; by transfers_by_time."""
    page = clauses(seek, FLOW_ORDERS, "transfer_id")
    rows = await tx.fetch(
        f"""
        select {page.columns}, transfer_id from stock.transfers
        where tenant_id = %(tenant)s and state = any(%(states)s::text[])
          and (%(text)s::text is null or reference ilike %(text)s::text)
          and (%(location)s::int is null or %(location)s::int in (from_no, to_no))
          and {page.where} {page.end}
        """,
        {
            "tenant": tx.owner,
            "text": like_part(text or None),
            "states": list(states),
            "location": location_no,
            **page.params,
        },
    )
    return page.page(rows, lambda row: UUID(str(row[0])))


@dataclass(frozen=True, slots=True)
class CountRow:
    """A stock-take with how much of it is counted, and how many lines differ."""

    count_id: UUID
    location_no: int
    state: str
    note: str
    created_at: datetime
    lines: int
    counted: int
    differing: int


async def counts(tx: Transaction, state: str, location_no: int | None, seek: Seek) -> Slice[CountRow]:
    """Stock-takes by when they began; by counts_by_time, their lines by primary key."""
    page = clauses(seek, FLOW_ORDERS, "count_id")
    rows = await tx.fetch(
        f"""
        with page as (
          select {page.columns}, count_id, location_no, state, note, created_at from stock.counts
          where tenant_id = %(tenant)s and (%(state)s::text = '' or state = %(state)s::text)
            and (%(location)s::int is null or location_no = %(location)s::int)
            and {page.where} {page.end}
        )
        select page.*, n.* from page, lateral (
          select count(*), count(l.counted), count(*) filter (where l.counted <> l.level)
          from stock.count_lines l where l.tenant_id = %(tenant)s and l.count_id = page.count_id) n
        order by page.created_at {"desc" if seek.descending != seek.back else "asc"},
                 page.count_id {"desc" if seek.descending != seek.back else "asc"}
        """,
        {"tenant": tx.owner, "state": state, "location": location_no, **page.params},
    )
    return page.page(rows, lambda row: CountRow(*row))


ALERT_ORDERS = {"at": Order("a.raised_at", "timestamptz")}


async def alerts(tx: Transaction, state: str, location_no: int | None, seek: Seek) -> Slice[UUID]:
    """Ids of open alerts, of one state or all, by when they were raised; by alerts_open."""
    page = clauses(seek, ALERT_ORDERS, "a.alert_id")
    rows = await tx.fetch(
        f"""
        select {page.columns}, a.alert_id from stock.alerts a
        where a.tenant_id = %(tenant)s and a.state <> %(cleared)s
          and (%(state)s::text = '' or a.state = %(state)s::text)
          and (%(location)s::int is null or a.location_no = %(location)s::int)
          and {page.where} {page.end}
        """,
        {
            "tenant": tx.owner,
            "cleared": AlertState.CLEARED.value,
            "state": state,
            "location": location_no,
            **page.params,
        },
    )
    return page.page(rows, lambda row: UUID(str(row[0])))


async def moved_by_day(tx: Transaction, first: date) -> dict[tuple[date, str], int]:
    """Movements of each day (UTC) and kind from `first` on; by movements_by_time."""
    rows = await tx.fetch(
        """
        select (at at time zone 'UTC')::date, kind, count(*) from stock.movements
        where tenant_id = %(tenant)s and at >= %(first)s::date::timestamp at time zone 'UTC' group by 1, 2
        """,
        {"tenant": tx.owner, "first": first},
    )
    return {(day, kind): int(count) for day, kind, count in rows}


async def flows_open(tx: Transaction) -> tuple[int, int]:
    """Transfers that are under way, and stock-takes that are not finished."""
    row = await tx.fetch_one(
        """
        select (select count(*) from stock.transfers where tenant_id = %(tenant)s
                  and state in ('dispatched', 'partly_received')),
               (select count(*) from stock.counts where tenant_id = %(tenant)s and state in ('counting', 'submitted'))
        """,
        {"tenant": tx.owner},
    )
    assert row is not None
    return int(row[0]), int(row[1])
