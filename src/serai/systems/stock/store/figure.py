"""SQL of the live figure, and of what the demo has played already."""

from datetime import date

from serai.runtime.postgres.database import Transaction


async def moved_by_hour(tx: Transaction) -> tuple[float, ...]:
    """Movements of each of the last 24 hours, oldest first; by the index movements_by_time."""
    rows = await tx.fetch(
        """
        select count(m.movement_no)
        from generate_series(23, 0, -1) as h(back)
        left join stock.movements m on m.tenant_id = %(tenant)s
          and m.at > clock_timestamp() - make_interval(hours => h.back + 1)
          and m.at <= clock_timestamp() - make_interval(hours => h.back)
        group by h.back order by h.back desc
        """,
        {"tenant": tx.owner},
    )
    return tuple(float(count) for (count,) in rows)


async def last_reference_day(tx: Transaction, actor: str) -> date | None:
    """The last day (UTC) on which somebody's movements happened; reads all of them, so only for the demo's."""
    row = await tx.fetch_one(
        "select (max(at) at time zone 'UTC')::date from stock.movements where tenant_id = %s and actor = %s"
        " and kind in ('receive', 'sell', 'transfer', 'scrap')",
        (tx.owner, actor),
    )
    return row[0] if row else None
