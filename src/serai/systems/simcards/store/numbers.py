"""SQL of numbers that have been somebody's, their history, and the cards they are on."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation

from serai.runtime.postgres.database import Row, Transaction
from serai.systems.simcards.model import LogLine, NumberRow
from serai.systems.simcards.numbering.states import NumberMove, NumberState

_COLUMNS = "number, pool_id, unit_key, state, sale_id, rests_until"


def _number(row: Row) -> NumberRow:
    number, pool_id, unit_key, state, *rest = row
    return NumberRow(number, pool_id, unit_key, NumberState(state), *rest)


async def number_row(tx: Transaction, number: int) -> NumberRow | None:
    """By primary key, without a lock."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from simcards.numbers where tenant_id = %s and number = %s", (tx.owner, number)
    )
    return _number(row) if row else None


async def lock_number(tx: Transaction, number: int) -> NumberRow | None:
    """The same, locked until the transaction ends: who moves a number is alone with it."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from simcards.numbers where tenant_id = %s and number = %s for update", (tx.owner, number)
    )
    return _number(row) if row else None


async def put_number(
    tx: Transaction,
    row: NumberRow,
    move: NumberMove | str,
    actor: str,
    *,
    rests_days: int | None = None,
    note: str = "",
) -> datetime | None:
    """Writes what a number became, and the line that says so, in one statement; returns until when it rests."""
    found = await tx.fetch_one(
        """
        with put as (
          insert into simcards.numbers as n (tenant_id, number, pool_id, unit_key, state, sale_id, rests_until)
          values (%(tenant)s::uuid, %(number)s::bigint, %(pool)s::uuid, %(key)s::bigint, %(state)s::text,
                  %(sale)s::uuid, clock_timestamp() + make_interval(days => %(days)s::int))
          on conflict (tenant_id, number) do update
            set pool_id = excluded.pool_id, unit_key = excluded.unit_key, state = excluded.state,
                sale_id = excluded.sale_id, rests_until = excluded.rests_until, changed_at = clock_timestamp()
          returning rests_until
        ), line as (
          insert into simcards.number_log (tenant_id, number, move, state, actor, note)
          select %(tenant)s::uuid, %(number)s::bigint, %(move)s::text, %(state)s::text, %(actor)s::text, %(note)s::text
          from put
        )
        select rests_until from put
        """,
        {
            "tenant": tx.owner,
            "number": row.number,
            "pool": row.pool_id,
            "key": row.unit_key,
            "state": row.state,
            "sale": row.sale_id,
            "days": rests_days,
            "move": move,
            "actor": actor,
            "note": note,
        },
    )
    assert found is not None
    rests: datetime | None = found[0]
    return rests


async def history(tx: Transaction, number: int, limit: int) -> list[LogLine]:
    """The newest lines of a number, oldest first; by the index number_log_of_number."""
    rows = await tx.fetch(
        "select at, move, state, actor, note from simcards.number_log where tenant_id = %s and number = %s"
        " order by entry_no desc limit %s",
        (tx.owner, number, limit),
    )
    return [LogLine(*row) for row in reversed(rows)]


async def due_numbers(tx: Transaction, limit: int) -> list[tuple[UUID, int]]:
    """(tenant, number) of quarantined numbers that have rested enough; by numbers_resting (role serai_jobs)."""
    rows = await tx.fetch(
        "select tenant_id, number from simcards.numbers where state = 'quarantine' and rests_until <= clock_timestamp()"
        " order by rests_until limit %s",
        (limit,),
    )
    return [(tenant, number) for tenant, number in rows]


async def pair_card(tx: Transaction, iccid: str, number: int) -> bool | None:
    """Puts a number on a card of the stock; false if either is paired already, None if there is no such card."""
    try:
        async with tx.connection.transaction():
            changed = await tx.execute(
                "update simcards.cards set number = %s where tenant_id = %s and iccid = %s and number is null",
                (number, tx.owner, iccid),
            )
    except UniqueViolation:
        return False
    if changed:
        return True
    known = await tx.fetch_one("select 1 from simcards.cards where tenant_id = %s and iccid = %s", (tx.owner, iccid))
    return False if known else None


async def card_of(tx: Transaction, number: int) -> str | None:
    """The ICCID of a number's card; by the unique key."""
    row = await tx.fetch_one(
        "select iccid from simcards.cards where tenant_id = %s and number = %s", (tx.owner, number)
    )
    return row[0] if row else None


async def unpair_cards(tx: Transaction, number: int) -> None:
    """The number is on no card any more."""
    await tx.execute("update simcards.cards set number = null where tenant_id = %s and number = %s", (tx.owner, number))


async def known_cards(tx: Transaction, iccids: Sequence[str], imsis: Sequence[str]) -> tuple[set[str], set[str]]:
    """Those of the ICCIDs and IMSIs that are in stock already."""
    rows = await tx.fetch(
        "select iccid, imsi from simcards.cards where tenant_id = %s and (iccid = any(%s) or imsi = any(%s))",
        (tx.owner, list(iccids), list(imsis)),
    )
    return {iccid for iccid, _ in rows}, {imsi for _, imsi in rows}


async def insert_cards(tx: Transaction, cards: Sequence[tuple[str, str, str]]) -> int:
    """Adds (ICCID, IMSI, batch); returns how many: fewer, if somebody added one of them at this moment."""
    return await tx.execute(
        """
        insert into simcards.cards (tenant_id, iccid, imsi, batch)
        select %s::uuid, c.* from unnest(%s::text[], %s::text[], %s::text[]) as c
        on conflict do nothing
        """,
        (tx.owner, [card[0] for card in cards], [card[1] for card in cards], [card[2] for card in cards]),
    )


async def cards(tx: Transaction, after: str, limit: int) -> list[tuple[str, str, int | None, str, datetime]]:
    """(ICCID, IMSI, number, batch, added) in the order of ICCIDs, after one of them."""
    rows = await tx.fetch(
        "select iccid, imsi, number, batch, added_at from simcards.cards where tenant_id = %s and iccid > %s"
        " order by iccid limit %s",
        (tx.owner, after, limit),
    )
    return [(iccid, imsi, number, batch, added) for iccid, imsi, number, batch, added in rows]
