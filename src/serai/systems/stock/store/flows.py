"""SQL of reservations, transfers and stock-takes. A step compares the version that was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.runtime.postgres.database import Row, Transaction
from serai.systems.stock.flows import CountState, TransferState
from serai.systems.stock.store.alerts import FAR, LAST_ID


@dataclass(frozen=True, slots=True)
class Reservation:
    """Goods that somebody was promised; what of them and until when its claim knows."""

    reservation_id: UUID
    location_no: int
    reference: str
    actor: str
    created_at: datetime
    movement_id: UUID | None


_RESERVATION = "reservation_id, location_no, reference, actor, created_at, movement_id"


async def insert_reservation(
    tx: Transaction, reservation_id: UUID, location_no: int, reference: str, actor: str
) -> Reservation:
    """The row beside a claim."""
    row = await tx.fetch_one(
        f"""
        insert into stock.reservations (tenant_id, reservation_id, location_no, reference, actor)
        values (%s, %s, %s, %s, %s) returning {_RESERVATION}
        """,
        (tx.owner, reservation_id, location_no, reference, actor),
    )
    assert row is not None
    return Reservation(*row)


async def reservation(tx: Transaction, reservation_id: UUID) -> Reservation | None:
    """By primary key."""
    row = await tx.fetch_one(
        f"select {_RESERVATION} from stock.reservations where tenant_id = %s and reservation_id = %s",
        (tx.owner, reservation_id),
    )
    return Reservation(*row) if row else None


async def fulfil_reservation(tx: Transaction, reservation_id: UUID, movement_id: UUID) -> None:
    """The sale that it became."""
    await tx.execute(
        "update stock.reservations set movement_id = %s where tenant_id = %s and reservation_id = %s",
        (movement_id, tx.owner, reservation_id),
    )


async def reservations(
    tx: Transaction, location_no: int | None, after: tuple[datetime, UUID] | None, limit: int
) -> list[Reservation]:
    """The newest first: ids begin with their time, so the primary key has the order."""
    rows = await tx.fetch(
        f"""
        select {_RESERVATION} from stock.reservations
        where tenant_id = %(tenant)s and (%(location)s::int is null or location_no = %(location)s::int)
          and reservation_id < %(id)s::uuid
        order by reservation_id desc limit %(limit)s
        """,
        {"tenant": tx.owner, "location": location_no, "id": after[1] if after else LAST_ID, "limit": limit},
    )
    return [Reservation(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class TransferLine:
    """So much of a product on its way. What is neither received nor lost is in transit."""

    line_no: int
    product_no: int
    batch_no: int
    sent: int
    received: int
    lost: int
    serials: tuple[str, ...]

    @property
    def missing(self) -> int:
        """What has not come yet."""
        return self.sent - self.received - self.lost


@dataclass(frozen=True, slots=True)
class Transfer:
    """Goods that go from one location to another."""

    transfer_id: UUID
    from_no: int
    to_no: int
    state: TransferState
    version: int
    reference: str
    actor: str
    created_at: datetime
    changed_at: datetime
    lines: tuple[TransferLine, ...] = ()


_TRANSFER = "transfer_id, from_no, to_no, state, version, reference, actor, created_at, changed_at"


def _transfer(row: Row, lines: Sequence[TransferLine] = ()) -> Transfer:
    return Transfer(*(*row[:3], TransferState(row[3]), *row[4:], tuple(lines)))


async def insert_transfer(tx: Transaction, transfer: Transfer) -> None:
    """With its lines, in one statement."""
    lines = transfer.lines
    await tx.execute(
        """
        with made as (
          insert into stock.transfers (tenant_id, transfer_id, from_no, to_no, state, reference, actor)
          values (%(tenant)s, %(id)s, %(from)s, %(to)s, %(state)s, %(reference)s, %(actor)s)
          returning tenant_id, transfer_id
        )
        insert into stock.transfer_lines (tenant_id, transfer_id, line_no, product_no, batch_no, sent, serials)
        select made.tenant_id, made.transfer_id, l.line_no, l.product_no, l.batch_no, l.sent,
               string_to_array(l.serials, chr(31))
        from made, unnest(%(line_nos)s::smallint[], %(products)s::int[], %(batches)s::int[], %(sent)s::bigint[],
                          %(serials)s::text[]) as l(line_no, product_no, batch_no, sent, serials)
        """,
        {
            "tenant": tx.owner,
            "id": transfer.transfer_id,
            "from": transfer.from_no,
            "to": transfer.to_no,
            "state": transfer.state,
            "reference": transfer.reference,
            "actor": transfer.actor,
            "line_nos": [line.line_no for line in lines],
            "products": [line.product_no for line in lines],
            "batches": [line.batch_no for line in lines],
            "sent": [line.sent for line in lines],
            "serials": ["\x1f".join(line.serials) for line in lines],
        },
    )


async def transfer(tx: Transaction, transfer_id: UUID, *, lock: bool = False) -> Transfer | None:
    """By primary key, with its lines; with `lock` its steps follow one another."""
    row = await tx.fetch_one(
        f"select {_TRANSFER} from stock.transfers where tenant_id = %s and transfer_id = %s"
        + (" for update" if lock else ""),
        (tx.owner, transfer_id),
    )
    if row is None:
        return None
    lines = await tx.fetch(
        "select line_no, product_no, batch_no, sent, received, lost, serials from stock.transfer_lines"
        " where tenant_id = %s and transfer_id = %s order by line_no",
        (tx.owner, transfer_id),
    )
    return _transfer(row, [TransferLine(*(*line[:6], tuple(line[6]))) for line in lines])


async def step_transfer(
    tx: Transaction, known: Transfer, to: TransferState, received: dict[int, int], lost: dict[int, int]
) -> None:
    """Moves a transfer whose row the caller has locked, and adds to what came and what was lost, by line."""
    await tx.execute(
        """
        with moved as (
          update stock.transfers set state = %(to)s, version = version + 1, changed_at = clock_timestamp()
          where tenant_id = %(tenant)s and transfer_id = %(id)s
        )
        update stock.transfer_lines l set received = l.received + c.received, lost = l.lost + c.lost
        from unnest(%(lines)s::smallint[], %(received)s::bigint[], %(lost)s::bigint[]) as c(line_no, received, lost)
        where l.tenant_id = %(tenant)s and l.transfer_id = %(id)s and l.line_no = c.line_no
        """,
        {
            "tenant": tx.owner,
            "id": known.transfer_id,
            "to": to,
            "lines": [line.line_no for line in known.lines],
            "received": [received.get(line.line_no, 0) for line in known.lines],
            "lost": [lost.get(line.line_no, 0) for line in known.lines],
        },
    )


async def transfers(
    tx: Transaction,
    location_no: int | None,
    states: Sequence[str],
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Transfer]:
    """The newest first, without their lines; by the index transfers_by_time."""
    rows = await tx.fetch(
        f"""
        select {_TRANSFER} from stock.transfers
        where tenant_id = %(tenant)s and state = any(%(states)s::text[])
          and (%(location)s::int is null or %(location)s::int in (from_no, to_no))
          and (created_at, transfer_id) < (%(at)s::timestamptz, %(id)s::uuid)
        order by created_at desc, transfer_id desc limit %(limit)s
        """,
        {
            "tenant": tx.owner,
            "states": list(states),
            "location": location_no,
            "at": after[0] if after else FAR,
            "id": after[1] if after else LAST_ID,
            "limit": limit,
        },
    )
    return [_transfer(row) for row in rows]


@dataclass(frozen=True, slots=True)
class CountLine:
    """One level of a stock-take. `level` is what was on hand when it was counted; sales go on meanwhile."""

    product_no: int
    batch_no: int
    frozen: int
    counted: int | None
    level: int | None
    counted_by: str

    @property
    def variance(self) -> int:
        """What was found beyond what should have been there; 0 until it is counted."""
        if self.counted is None or self.level is None:
            return 0
        return self.counted - self.level


@dataclass(frozen=True, slots=True)
class Count:
    """A stock-take of one location."""

    count_id: UUID
    location_no: int
    state: CountState
    version: int
    blind: bool
    note: str
    actor: str
    created_at: datetime
    changed_at: datetime
    movement_id: UUID | None
    lines: tuple[CountLine, ...] = ()


_COUNT = "count_id, location_no, state, version, blind, note, actor, created_at, changed_at, movement_id"


def _count(row: Row, lines: Sequence[CountLine] = ()) -> Count:
    return Count(*(*row[:2], CountState(row[2]), *row[3:], tuple(lines)))


async def insert_count(tx: Transaction, count: Count) -> None:
    """With its frozen list, in one statement."""
    await tx.execute(
        """
        with made as (
          insert into stock.counts (tenant_id, count_id, location_no, state, blind, note, actor)
          values (%(tenant)s, %(id)s, %(location)s, %(state)s, %(blind)s, %(note)s, %(actor)s)
          returning tenant_id, count_id
        )
        insert into stock.count_lines (tenant_id, count_id, product_no, batch_no, frozen)
        select made.tenant_id, made.count_id, l.*
        from made, unnest(%(products)s::int[], %(batches)s::int[], %(frozen)s::bigint[]) as l
        """,
        {
            "tenant": tx.owner,
            "id": count.count_id,
            "location": count.location_no,
            "state": count.state,
            "blind": count.blind,
            "note": count.note,
            "actor": count.actor,
            "products": [line.product_no for line in count.lines],
            "batches": [line.batch_no for line in count.lines],
            "frozen": [line.frozen for line in count.lines],
        },
    )


async def count(tx: Transaction, count_id: UUID, *, lock: bool = False) -> Count | None:
    """By primary key, with its lines; with `lock` its steps follow one another."""
    row = await tx.fetch_one(
        f"select {_COUNT} from stock.counts where tenant_id = %s and count_id = %s" + (" for update" if lock else ""),
        (tx.owner, count_id),
    )
    if row is None:
        return None
    lines = await tx.fetch(
        "select product_no, batch_no, frozen, counted, level, counted_by from stock.count_lines"
        " where tenant_id = %s and count_id = %s order by product_no, batch_no",
        (tx.owner, count_id),
    )
    return _count(row, [CountLine(*line) for line in lines])


async def enter_counted(
    tx: Transaction, count_id: UUID, numbers: Sequence[tuple[int, int, int, int]], actor: str
) -> None:
    """(product, batch, counted, level) of a count whose row the caller has locked; a line not on the list joins it."""
    await tx.execute(
        """
        insert into stock.count_lines as l (tenant_id, count_id, product_no, batch_no, frozen, counted, level,
                                            counted_by)
        select %(tenant)s::uuid, %(id)s::uuid, n.product_no, n.batch_no, n.level, n.counted, n.level, %(actor)s::text
        from unnest(%(products)s::int[], %(batches)s::int[], %(counted)s::bigint[], %(levels)s::bigint[])
          as n(product_no, batch_no, counted, level)
        on conflict (tenant_id, count_id, product_no, batch_no)
        do update set counted = excluded.counted, level = excluded.level, counted_by = excluded.counted_by
        """,
        {
            "tenant": tx.owner,
            "id": count_id,
            "products": [product_no for product_no, _, _, _ in numbers],
            "batches": [batch_no for _, batch_no, _, _ in numbers],
            "counted": [counted for _, _, counted, _ in numbers],
            "levels": [level for _, _, _, level in numbers],
            "actor": actor,
        },
    )


async def step_count(tx: Transaction, count_id: UUID, to: CountState, movement_id: UUID | None) -> None:
    """Moves a count whose row the caller has locked."""
    await tx.execute(
        """
        update stock.counts set state = %s, version = version + 1, changed_at = clock_timestamp(), movement_id = %s
        where tenant_id = %s and count_id = %s
        """,
        (to, movement_id, tx.owner, count_id),
    )


async def counts(
    tx: Transaction, location_no: int | None, after: tuple[datetime, UUID] | None, limit: int
) -> list[Count]:
    """The newest first, without their lines; by the index counts_by_time."""
    rows = await tx.fetch(
        f"""
        select {_COUNT} from stock.counts
        where tenant_id = %(tenant)s and (%(location)s::int is null or location_no = %(location)s::int)
          and (created_at, count_id) < (%(at)s::timestamptz, %(id)s::uuid)
        order by created_at desc, count_id desc limit %(limit)s
        """,
        {
            "tenant": tx.owner,
            "location": location_no,
            "at": after[0] if after else FAR,
            "id": after[1] if after else LAST_ID,
            "limit": limit,
        },
    )
    return [_count(row) for row in rows]
