"""SQL of reorder policies and alerts. An open alert is one row a product and location, by a unique index."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from serai.runtime.postgres.database import Row, Transaction
from serai.systems.stock.flows import AlertState
from serai.systems.stock.reorder import Policy
from serai.systems.stock.store.ledger import Crossing

FAR = datetime(9999, 1, 1, tzinfo=UTC)
LAST_ID = UUID(int=2**128 - 1)
"""Behind every row of a list that begins with the newest."""

_POLICY = "reorder_point, reorder_quantity, level_max, lead_time_days, safety_stock"


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy of one product at one location."""

    product_no: int
    location_no: int
    policy: Policy
    low: bool


@dataclass(frozen=True, slots=True)
class Alert:
    """A level that is low, and what was done about it. `on_hand` is what there was when it was raised."""

    alert_id: UUID
    product_no: int
    location_no: int
    state: AlertState
    version: int
    on_hand: int
    reorder_point: int
    raised_at: datetime
    changed_at: datetime
    actor: str
    order_reference: str
    order_quantity: int | None


async def policy(tx: Transaction, product_no: int, location_no: int) -> PolicyRow | None:
    """By primary key."""
    rows = await policies(tx, [product_no], location_no)
    return rows[0] if rows else None


async def policies(tx: Transaction, product_nos: Sequence[int], location_no: int | None) -> list[PolicyRow]:
    """Those of some products, everywhere or at one location; by primary key."""
    rows = await tx.fetch(
        f"""
        select product_no, location_no, {_POLICY}, low from stock.policies
        where tenant_id = %(tenant)s and product_no = any(%(products)s::int[])
          and (%(location)s::int is null or location_no = %(location)s::int)
        order by product_no, location_no
        """,
        {"tenant": tx.owner, "products": list(product_nos), "location": location_no},
    )
    return [_policy_row(row) for row in rows]


async def policies_of_location(tx: Transaction, location_no: int, after_no: int, limit: int) -> list[PolicyRow]:
    """Those of a location behind a product's number; by the index policies_of_location."""
    rows = await tx.fetch(
        f"""
        select product_no, location_no, {_POLICY}, low from stock.policies
        where tenant_id = %s and location_no = %s and product_no > %s order by product_no limit %s
        """,
        (tx.owner, location_no, after_no, limit),
    )
    return [_policy_row(row) for row in rows]


def _policy_row(row: Row) -> PolicyRow:
    return PolicyRow(row[0], row[1], Policy(*row[2:7]), row[7])


async def put_policy(tx: Transaction, product_no: int, location_no: int, policy: Policy, low: bool) -> bool:
    """Whether it was low before. The caller has the level's counter locked, so `low` is what it is."""
    row = await tx.fetch_one(
        """
        with before as (
          select low from stock.policies
          where tenant_id = %(tenant)s and product_no = %(product)s and location_no = %(location)s
        ), put as (
          insert into stock.policies as p (tenant_id, product_no, location_no, reorder_point, reorder_quantity,
                                           level_max, lead_time_days, safety_stock, low)
          values (%(tenant)s, %(product)s, %(location)s, %(point)s, %(quantity)s, %(max)s, %(days)s, %(safety)s,
                  %(low)s)
          on conflict (tenant_id, product_no, location_no) do update set
            reorder_point = excluded.reorder_point, reorder_quantity = excluded.reorder_quantity,
            level_max = excluded.level_max, lead_time_days = excluded.lead_time_days,
            safety_stock = excluded.safety_stock, low = excluded.low
        )
        select coalesce((select low from before), false)
        """,
        {
            "tenant": tx.owner,
            "product": product_no,
            "location": location_no,
            "point": policy.reorder_point,
            "quantity": policy.reorder_quantity,
            "max": policy.level_max,
            "days": policy.lead_time_days,
            "safety": policy.safety_stock,
            "low": low,
        },
    )
    assert row is not None
    return bool(row[0])


_ALERT = """alert_id, product_no, location_no, state, version, on_hand, reorder_point, raised_at, changed_at, actor,
  order_reference, order_quantity"""


def _alert(row: Row) -> Alert:
    return Alert(*(*row[:3], AlertState(row[3]), *row[4:]))


async def raise_alerts(tx: Transaction, crossings: Sequence[Crossing], ids: Sequence[UUID]) -> list[Alert]:
    """An open alert for each, unless there is one already; returns the new ones."""
    rows = await tx.fetch(
        f"""
        insert into stock.alerts (tenant_id, alert_id, product_no, location_no, state, on_hand, reorder_point)
        select %(tenant)s::uuid, a.alert_id, a.product_no, a.location_no, 'raised', a.on_hand, a.point
        from unnest(%(ids)s::uuid[], %(products)s::int[], %(locations)s::int[], %(on_hand)s::bigint[],
                    %(points)s::bigint[]) as a(alert_id, product_no, location_no, on_hand, point)
        on conflict do nothing returning {_ALERT}
        """,
        {
            "tenant": tx.owner,
            "ids": list(ids),
            "products": [each.product_no for each in crossings],
            "locations": [each.location_no for each in crossings],
            "on_hand": [each.on_hand for each in crossings],
            "points": [each.reorder_point for each in crossings],
        },
    )
    return [_alert(row) for row in rows]


async def clear_alerts(tx: Transaction, pairs: Sequence[tuple[int, int]], actor: str) -> list[Alert]:
    """Clears the open alerts of (product, location), whatever was done about them; by alerts_open_once."""
    rows = await tx.fetch(
        f"""
        update stock.alerts a set state = 'cleared', version = version + 1, changed_at = clock_timestamp(),
          actor = %(actor)s
        from unnest(%(products)s::int[], %(locations)s::int[]) as k(for_product, for_location)
        where a.tenant_id = %(tenant)s::uuid and a.product_no = k.for_product and a.location_no = k.for_location
          and a.state <> 'cleared'
        returning {_ALERT}
        """,
        {
            "tenant": tx.owner,
            "actor": actor,
            "products": [product_no for product_no, _ in pairs],
            "locations": [location_no for _, location_no in pairs],
        },
    )
    return [_alert(row) for row in rows]


async def alert(tx: Transaction, alert_id: UUID) -> Alert | None:
    """By primary key."""
    row = await tx.fetch_one(
        f"select {_ALERT} from stock.alerts where tenant_id = %s and alert_id = %s", (tx.owner, alert_id)
    )
    return _alert(row) if row else None


async def alerts_by_id(tx: Transaction, alert_ids: Sequence[UUID]) -> list[Alert]:
    """Those of the ids that exist; by primary key."""
    rows = await tx.fetch(
        f"select {_ALERT} from stock.alerts where tenant_id = %s and alert_id = any(%s)", (tx.owner, list(alert_ids))
    )
    return [_alert(row) for row in rows]


async def step_alert(
    tx: Transaction, known: Alert, to: AlertState, actor: str, reference: str, quantity: int | None
) -> Alert | None:
    """Moves the alert if it is still as it was read; None if somebody was quicker."""
    row = await tx.fetch_one(
        f"""
        update stock.alerts set state = %s, version = version + 1, changed_at = clock_timestamp(), actor = %s,
          order_reference = %s, order_quantity = %s
        where tenant_id = %s and alert_id = %s and version = %s returning {_ALERT}
        """,
        (to, actor, reference, quantity, tx.owner, known.alert_id, known.version),
    )
    return _alert(row) if row else None


async def open_alerts(
    tx: Transaction, location_no: int | None, states: Sequence[str], after: tuple[datetime, UUID] | None, limit: int
) -> list[Alert]:
    """What is low now, the newest first; by the index alerts_open, or alerts_open_of_location."""
    at, last = after or (FAR, LAST_ID)
    rows = await tx.fetch(
        _OPEN if location_no is None else _OPEN_OF_LOCATION,
        {
            "tenant": tx.owner,
            "location": location_no,
            "states": list(states),
            "at": at,
            "id": last,
            "limit": limit,
        },
    )
    return [_alert(row) for row in rows]


# Two statements, so that a plan that is made once goes along the right index.
_OPEN = f"""
select {_ALERT} from stock.alerts
where tenant_id = %(tenant)s and state <> 'cleared' and state = any(%(states)s::text[])
  and (raised_at, alert_id) < (%(at)s::timestamptz, %(id)s::uuid)
order by raised_at desc, alert_id desc limit %(limit)s
"""
_OPEN_OF_LOCATION = _OPEN.replace("where tenant_id =", "where location_no = %(location)s and tenant_id =")


async def alerts_of(tx: Transaction, product_no: int, location_no: int | None, limit: int) -> list[Alert]:
    """A product's alerts, cleared ones too, the newest first."""
    rows = await tx.fetch(
        f"""
        select {_ALERT} from stock.alerts
        where tenant_id = %(tenant)s and product_no = %(product)s
          and (%(location)s::int is null or location_no = %(location)s::int)
        order by raised_at desc, alert_id desc limit %(limit)s
        """,
        {"tenant": tx.owner, "product": product_no, "location": location_no, "limit": limit},
    )
    return [_alert(row) for row in rows]


async def alert_counts(tx: Transaction) -> dict[str, int]:
    """How many are open, by state."""
    rows = await tx.fetch(
        "select state, count(*) from stock.alerts where tenant_id = %s and state <> 'cleared' group by state",
        (tx.owner,),
    )
    return dict(rows)


async def inbound(tx: Transaction, product_nos: Sequence[int]) -> dict[tuple[int, int], int]:
    """What is on its way or ordered, by (product, location): transfers that are under way and orders of open alerts."""
    rows = await tx.fetch(
        """
        select product_no, location_no, sum(quantity)::bigint from (
          select l.product_no, t.to_no as location_no, l.sent - l.received - l.lost as quantity
          from stock.transfers t join stock.transfer_lines l using (tenant_id, transfer_id)
          where t.tenant_id = %(tenant)s and t.state in ('dispatched', 'partly_received')
            and l.product_no = any(%(products)s::int[])
          union all
          select product_no, location_no, order_quantity from stock.alerts
          where tenant_id = %(tenant)s and state = 'ordered' and product_no = any(%(products)s::int[])
        ) coming where quantity is not null group by product_no, location_no
        """,
        {"tenant": tx.owner, "products": list(product_nos)},
    )
    return {(product_no, location_no): quantity for product_no, location_no, quantity in rows}


async def sold_by_day(tx: Transaction, product_no: int, location_no: int, days: int) -> list[int]:
    """What was sold on each of the last full days (UTC), oldest first, returns taken off; by lines_of_level."""
    rows = await tx.fetch(
        """
        select d.day, greatest(coalesce(-sum(l.quantity), 0), 0)::bigint
        from generate_series(date_trunc('day', clock_timestamp() at time zone 'UTC') - make_interval(days => %(days)s),
                             date_trunc('day', clock_timestamp() at time zone 'UTC') - interval '1 day',
                             interval '1 day') as d(day)
        left join (
          select l.quantity, date_trunc('day', l.at at time zone 'UTC') as day from stock.lines l
          join stock.movements m on m.tenant_id = l.tenant_id and m.movement_no = l.movement_no
          where l.tenant_id = %(tenant)s and l.location_no = %(location)s and l.product_no = %(product)s
            and l.at >= clock_timestamp() - make_interval(days => %(days)s + 1) and m.kind in ('sell', 'return')
        ) l using (day)
        group by d.day order by d.day
        """,
        {"tenant": tx.owner, "product": product_no, "location": location_no, "days": days},
    )
    return [int(sold) for _, sold in rows]


@dataclass(frozen=True, slots=True)
class Unmailed:
    """New alerts of one location that nobody was told of by mail."""

    tenant_id: UUID
    location_no: int
    alert_ids: list[UUID]


async def take_unmailed(tx: Transaction, limit: int) -> list[Unmailed]:
    """Marks raised alerts as mailed and returns them by location, across tenants (role serai_jobs).

    Skips what another worker is marking. Locations without an address are marked and not returned.
    """
    rows = await tx.fetch(
        """
        with due as (
          select tenant_id, alert_id from stock.alerts where mailed_at is null and state = 'raised'
          order by raised_at limit %s for update skip locked
        ), marked as (
          update stock.alerts a set mailed_at = clock_timestamp() from due
          where a.tenant_id = due.tenant_id and a.alert_id = due.alert_id
          returning a.tenant_id, a.location_no, a.alert_id
        )
        select m.tenant_id, m.location_no, array_agg(m.alert_id order by m.alert_id)
        from marked m join stock.locations l on l.tenant_id = m.tenant_id and l.location_no = m.location_no
        where l.alert_email <> '' group by 1, 2 order by 1, 2
        """,
        (limit,),
    )
    return [Unmailed(*row) for row in rows]
