"""SQL of sales and porting requests. Changes compare the state or version that was read."""

from uuid import UUID

import orjson
from psycopg.errors import UniqueViolation

from serai.kernel.ids import Capability
from serai.kernel.money import Money
from serai.runtime.postgres.database import Row, Transaction
from serai.systems.simcards.model import Identity, Sale, SaleState
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.porting import Direction, Porting, PortingState

_COLUMNS = """s.sale_id, s.key, s.hold_id, s.claim_id, s.pool_id, s.number, s.number_class, s.state, s.version,
  s.confirmation_code, s.email, s.total_minor, s.currency, s.attempts, s.request_scope, s.refund_minor,
  s.refunded_at is not null, s.reason,
  (select iccid from simcards.cards c where c.tenant_id = s.tenant_id and c.number = s.number and s.state = 'active')"""


def _sale(row: Row) -> Sale:
    (
        sale_id,
        key,
        hold_id,
        claim_id,
        pool_id,
        number,
        number_class,
        state,
        version,
        code,
        email,
        minor,
        currency,
        *rest,
    ) = row
    attempts, scope, refund_minor, refunded, reason, iccid = rest
    return Sale(
        sale_id=sale_id,
        key=bytes(key),
        hold_id=hold_id,
        claim_id=claim_id,
        pool_id=pool_id,
        number=number,
        number_class=NumberClass(number_class),
        state=SaleState(state),
        version=version,
        confirmation_code=code,
        email=email,
        total=Money(minor, currency),
        attempts=attempts,
        request_scope=bytes(scope),
        refund_minor=refund_minor,
        refunded=refunded,
        reason=reason,
        iccid=iccid,
    )


async def insert_sale(
    tx: Transaction,
    sale: Capability,
    *,
    claim_id: UUID,
    pool_id: UUID,
    number: int,
    number_class: NumberClass,
    code: str,
    email: str,
    identity: Identity,
    total: Money,
    request_scope: bytes,
) -> Sale:
    """A pending sale of a claim."""
    row = await tx.fetch_one(
        f"""
        insert into simcards.sales as s (tenant_id, sale_id, key, hold_id, claim_id, pool_id, number, number_class,
                                         confirmation_code, email, identity, total_minor, currency, request_scope)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning {_COLUMNS}
        """,
        (
            tx.owner,
            sale.id,
            sale.key,
            claim_id,
            claim_id,
            pool_id,
            number,
            number_class,
            code,
            email,
            orjson.dumps(identity.stored()).decode(),
            total.minor,
            total.currency,
            request_scope,
        ),
    )
    assert row is not None
    return _sale(row)


async def sale_by_id(tx: Transaction, sale_id: UUID) -> Sale | None:
    """By primary key, without a lock."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from simcards.sales s where s.tenant_id = %s and s.sale_id = %s", (tx.owner, sale_id)
    )
    return _sale(row) if row else None


async def lock_sale(tx: Transaction, sale_id: UUID) -> None:
    """Locks its row by primary key until the transaction ends."""
    await tx.execute(
        "select 1 from simcards.sales where tenant_id = %s and sale_id = %s for update", (tx.owner, sale_id)
    )


async def sale_of_hold(tx: Transaction, hold_id: UUID) -> Sale | None:
    """The sale that pays for this hold; by the unique key."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from simcards.sales s where s.tenant_id = %s and s.hold_id = %s", (tx.owner, hold_id)
    )
    return _sale(row) if row else None


async def next_attempt(tx: Transaction, sale: Sale, email: str, identity: Identity, request_scope: bytes) -> Sale:
    """The sale once more, with another payment; locks its row."""
    row = await tx.fetch_one(
        f"""
        update simcards.sales s set attempts = attempts + 1, email = %s, identity = %s, reason = '', request_scope = %s,
          version = version + 1
        where s.tenant_id = %s and s.sale_id = %s and s.state = 'pending' and s.version = %s returning {_COLUMNS}
        """,
        (
            email,
            orjson.dumps(identity.stored()).decode(),
            request_scope,
            tx.owner,
            sale.sale_id,
            sale.version,
        ),
    )
    assert row is not None, "the claim's version lets one attempt through at a time"
    return _sale(row)


async def identity_of(tx: Transaction, sale_id: UUID) -> Identity:
    """Who a sale's buyer said to be; by primary key."""
    row = await tx.fetch_one(
        "select identity from simcards.sales where tenant_id = %s and sale_id = %s", (tx.owner, sale_id)
    )
    assert row is not None, "the caller has read the sale, and sales are never deleted"
    return Identity(**row[0])


async def confirm_sale(tx: Transaction, sale_id: UUID, claim_id: UUID) -> bool:
    """The number is sold; false if the sale is not pending any more."""
    changed = await tx.execute(
        "update simcards.sales set state = 'sold', claim_id = %s, sold_at = clock_timestamp(), version = version + 1,"
        " reason = '' where tenant_id = %s and sale_id = %s and state = 'pending'",
        (claim_id, tx.owner, sale_id),
    )
    return changed == 1


async def note_reason(tx: Transaction, sale_id: UUID, reason: str) -> None:
    """Why the latest payment of a pending sale did not work."""
    await tx.execute(
        "update simcards.sales set reason = %s, version = version + 1"
        " where tenant_id = %s and sale_id = %s and state = 'pending'",
        (reason, tx.owner, sale_id),
    )


async def move_sale(
    tx: Transaction, sale_id: UUID, of: tuple[SaleState, ...], to: SaleState, *, reason: str = "", refund_minor: int = 0
) -> bool:
    """Moves a sale that is in one of these states; false if it is not."""
    changed = await tx.execute(
        "update simcards.sales set state = %s, reason = %s, refund_minor = %s, version = version + 1"
        " where tenant_id = %s and sale_id = %s and state = any(%s)",
        (to, reason, refund_minor, tx.owner, sale_id, [str(state) for state in of]),
    )
    return changed == 1


async def mark_refunded(tx: Transaction, sale_id: UUID) -> None:
    """The money is on its way back."""
    await tx.execute(
        "update simcards.sales set refunded_at = clock_timestamp() where tenant_id = %s and sale_id = %s",
        (tx.owner, sale_id),
    )


async def sold_by_hour(tx: Transaction) -> tuple[int, ...]:
    """Numbers sold in each of the last 24 hours, oldest first; a sale's id begins with its time (UUIDv7)."""
    rows = await tx.fetch(
        """
        select floor(extract(epoch from clock_timestamp() - sold_at) / 3600)::int, count(*)::int from simcards.sales
        where tenant_id = %s and sold_at > clock_timestamp() - interval '1 day'
          and sale_id > (lpad(to_hex((extract(epoch from clock_timestamp() - interval '25 hours') * 1000)::bigint),
                              12, '0') || repeat('0', 20))::uuid
        group by 1
        """,
        (tx.owner,),
    )
    sold: dict[int, int] = dict(rows)
    return tuple(sold.get(hours_ago, 0) for hours_ago in range(23, -1, -1))


_PORTING = "porting_id, key, direction, number, state, carrier, name, reason, created_at"


def as_porting(row: Row) -> Porting:
    """A request of a row of its columns, in the order of the table's own reads."""
    porting_id, key, direction, number, state, *rest = row
    return Porting(porting_id, bytes(key), Direction(direction), number, PortingState(state), *rest)


async def insert_porting(
    tx: Transaction, porting: Capability, direction: Direction, number: int, carrier: str, name: str
) -> Porting | None:
    """A request; None if the number has an open one."""
    try:
        async with tx.connection.transaction():
            row = await tx.fetch_one(
                f"insert into simcards.portings (tenant_id, porting_id, key, direction, number, carrier, name)"
                f" values (%s, %s, %s, %s, %s, %s, %s) returning {_PORTING}",
                (tx.owner, porting.id, porting.key, direction, number, carrier, name),
            )
    except UniqueViolation:
        return None
    assert row is not None
    return as_porting(row)


async def porting_by_id(tx: Transaction, porting_id: UUID, *, lock: bool = False) -> Porting | None:
    """By primary key; locked until the transaction ends, if that is asked for."""
    found = await tx.fetch_one(
        f"select {_PORTING} from simcards.portings where tenant_id = %s and porting_id = %s"
        f" {'for update' if lock else ''}",
        (tx.owner, porting_id),
    )
    return as_porting(found) if found else None


async def open_porting_of(tx: Transaction, number: int) -> Porting | None:
    """The one open request of a number; by the index portings_one_open."""
    row = await tx.fetch_one(
        f"select {_PORTING} from simcards.portings where tenant_id = %s and number = %s"
        " and state in ('requested', 'accepted')",
        (tx.owner, number),
    )
    return as_porting(row) if row else None


async def open_portings(tx: Transaction, limit: int) -> list[Porting]:
    """Requests that wait for somebody, oldest first."""
    rows = await tx.fetch(
        f"select {_PORTING} from simcards.portings where tenant_id = %s and state in ('requested', 'accepted')"
        " order by porting_id limit %s",
        (tx.owner, limit),
    )
    return [as_porting(row) for row in rows]


async def move_porting(tx: Transaction, porting_id: UUID, to: PortingState, reason: str) -> None:
    """What a request became; its row is locked."""
    await tx.execute(
        "update simcards.portings set state = %s, reason = %s, changed_at = clock_timestamp()"
        " where tenant_id = %s and porting_id = %s",
        (to, reason, tx.owner, porting_id),
    )
