"""SQL of payments. Every change compares the version that was read, so two workers cannot both take a step."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from serai.kernel.money import Money
from serai.mechanisms.payments.saga import PaymentState
from serai.runtime.postgres.database import Row, Transaction
from serai.systems.payments.model import ACTION_S, LEASE_S, Answer, Order, Payment

TOPIC = "serai.payments.payment"

_COLUMNS = """tenant_id, payment_id, owner, order_id, attempt, amount_minor, currency, method, description, state,
  version, intent_id, decline_code, action_url, refund_minor,
  extract(epoch from clock_timestamp() - created_at)::float8, deadline <= clock_timestamp(), tries, created_at"""


def _payment(row: Row) -> Payment:
    (tenant, payment_id, owner, order, attempt, minor, currency, method, description, state, *rest) = row
    amount = Money(minor, currency)
    return Payment(tenant, payment_id, owner, order, attempt, amount, method, description, PaymentState(state), *rest)


async def insert_payment(tx: Transaction, payment_id: UUID, order: Order, event_id: UUID) -> Payment:
    """A new payment, leased to the request that makes it, and its event."""
    row = await tx.fetch_one(
        f"""
        with payment as (
          insert into payments.payments (tenant_id, payment_id, owner, order_id, attempt, amount_minor, currency,
                                         method, description, state, deadline, next_try)
          values (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'authorising', clock_timestamp() + make_interval(secs => %s),
                  clock_timestamp() + make_interval(secs => %s))
          returning {_COLUMNS}
        ), event as (
          insert into runtime.outbox (tenant_id, id, topic, key, type, data)
          select tenant_id, %s, %s, payment_id::text, %s, %s from payment
        )
        select * from payment
        """,
        (
            tx.owner,
            payment_id,
            order.owner,
            order.order_id,
            order.attempt,
            order.amount.minor,
            order.amount.currency,
            order.method,
            order.description,
            ACTION_S,
            LEASE_S,
            event_id,
            TOPIC,
            f"{TOPIC}.authorising.v1",
            orjson.dumps({"order_id": str(order.order_id), "amount": order.amount.json()}).decode(),
        ),
    )
    assert row is not None
    return _payment(row)


async def move_payment(
    tx: Transaction, payment: Payment, to: PaymentState, answer: Answer, next_try_s: float | None, event_id: UUID
) -> Payment | None:
    """Records what came of a step, if nobody else has since; None if somebody has. Locks by primary key.

    `next_try_s`: when recovery looks at it next; None rests it.
    """
    row = await tx.fetch_one(
        f"""
        with payment as (
          update payments.payments set state = %s, version = version + 1,
            intent_id = coalesce(%s, intent_id), decline_code = coalesce(%s, decline_code),
            action_url = case when %s = 'awaiting_buyer' then coalesce(%s, action_url) end,
            tries = case when state = %s then tries + 1 else 0 end,
            next_try = clock_timestamp() + make_interval(secs => %s::float8)
          where tenant_id = %s and payment_id = %s and version = %s
          returning {_COLUMNS}
        ), event as (
          insert into runtime.outbox (tenant_id, id, topic, key, type, data)
          select tenant_id, %s, %s, payment_id::text, %s, %s from payment
        )
        select * from payment
        """,
        (
            to,
            answer.intent_id,
            answer.decline_code,
            to,
            answer.action_url,
            to,
            next_try_s,
            tx.owner,
            payment.payment_id,
            payment.version,
            event_id,
            TOPIC,
            f"{TOPIC}.{to}.v1",
            orjson.dumps({"order_id": str(payment.order_id), "amount": payment.amount.json()}).decode(),
        ),
    )
    return _payment(row) if row else None


async def ask_refund(tx: Transaction, payment: Payment, minor: int) -> Payment | None:
    """Notes how much is to be returned and leaves it to the caller or recovery; None if the payment changed."""
    row = await tx.fetch_one(
        f"""
        update payments.payments set state = 'refunding', version = version + 1, refund_minor = %s, tries = 0,
          next_try = clock_timestamp() + make_interval(secs => %s)
        where tenant_id = %s and payment_id = %s and version = %s and state = 'captured' returning {_COLUMNS}
        """,
        (minor, LEASE_S, tx.owner, payment.payment_id, payment.version),
    )
    return _payment(row) if row else None


async def payment_by_id(tx: Transaction, tenant: UUID, payment_id: UUID) -> Payment | None:
    """By primary key, without a lock."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from payments.payments where tenant_id = %s and payment_id = %s",
        (tenant, payment_id),
    )
    return _payment(row) if row else None


async def latest_of_order(tx: Transaction, owner: str, order_id: UUID) -> Payment | None:
    """An order's newest attempt, by the unique key."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from payments.payments"
        " where tenant_id = %s and owner = %s and order_id = %s order by attempt desc limit 1",
        (tx.owner, owner, order_id),
    )
    return _payment(row) if row else None


async def lease_due(tx: Transaction, limit: int) -> list[Payment]:
    """Payments that recovery must look at, leased so that no other round takes them (role serai_jobs)."""
    rows = await tx.fetch(
        f"""
        update payments.payments set next_try = clock_timestamp() + make_interval(secs => %s)
        where (tenant_id, payment_id) in (
          select tenant_id, payment_id from payments.payments where next_try <= clock_timestamp()
          order by next_try limit %s for update skip locked)
        returning {_COLUMNS}
        """,
        (LEASE_S, limit),
    )
    return [_payment(row) for row in rows]


async def hurry(tx: Transaction, payments: Sequence[tuple[UUID, UUID]]) -> None:
    """Recovery shall look at these (tenant, payment) now: webhooks said that something changed (role serai_jobs).

    Only for payments that wait for news: in any other state somebody is at work, and a second one would be in the way.
    """
    await tx.execute(
        "update payments.payments p set next_try = clock_timestamp()"
        " from unnest(%s::uuid[], %s::uuid[]) as hint(tenant_id, payment_id)"
        " where p.tenant_id = hint.tenant_id and p.payment_id = hint.payment_id"
        " and p.next_try is not null and p.state in ('awaiting_buyer', 'in_doubt')",
        ([tenant for tenant, _ in payments], [payment_id for _, payment_id in payments]),
    )


async def payments_since(tx: Transaction, since_s: float) -> list[Payment]:
    """All payments of that age or younger, across tenants (role serai_jobs)."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from payments.payments where created_at >= clock_timestamp() - make_interval(secs => %s)",
        (since_s,),
    )
    return [_payment(row) for row in rows]


async def note_difference(
    tx: Transaction,
    tenant: UUID,
    difference_id: UUID,
    kind: str,
    payment_id: UUID | None,
    intent_id: str | None,
    detail: str,
) -> None:
    """Keeps a difference for a person to see; the same one is noted once (role serai_jobs)."""
    await tx.execute(
        "insert into payments.differences (tenant_id, difference_id, kind, payment_id, intent_id, detail)"
        " values (%s, %s, %s, %s, %s, %s) on conflict (tenant_id, kind, payment_id, intent_id) do nothing",
        (tenant, difference_id, kind, payment_id, intent_id, detail),
    )


async def unsettled(tx: Transaction, owner: str) -> Sequence[tuple[UUID, str]]:
    """Payments that somebody still has to work on, for audits."""
    rows = await tx.fetch(
        "select payment_id, state from payments.payments where tenant_id = %s and owner = %s and next_try is not null",
        (tx.owner, owner),
    )
    return [(payment_id, state) for payment_id, state in rows]


async def captured_total(tx: Transaction, owner: str) -> dict[str, int]:
    """Money taken and not returned, by currency, in minor units."""
    rows = await tx.fetch(
        "select currency, sum(amount_minor - case when state = 'refunded' then refund_minor else 0 end)::bigint"
        " from payments.payments where tenant_id = %s and owner = %s and state in ('captured', 'refunding', 'refunded')"
        " group by currency",
        (tx.owner, owner),
    )
    return {str(currency): int(total) for currency, total in rows}


async def captured_by_hour(tx: Transaction) -> tuple[int, ...]:
    """Payments of every tenant whose money was taken, by the hour of their start, oldest of the last 24 first.

    For the role serai_jobs; by the index payments_age.
    """
    rows = await tx.fetch(
        """
        select floor(extract(epoch from clock_timestamp() - created_at) / 3600)::int, count(*)::int
        from payments.payments
        where created_at > clock_timestamp() - interval '1 day' and state in ('captured', 'refunding', 'refunded')
        group by 1
        """
    )
    captured: dict[int, int] = dict(rows)
    return tuple(captured.get(hours_ago, 0) for hours_ago in range(23, -1, -1))


@dataclass(frozen=True, slots=True)
class Taken:
    """Money that was taken for an order. `settled`: nobody has to work on it any more."""

    order_id: UUID
    state: PaymentState
    amount: Money
    refund_minor: int
    settled: bool


async def taken_of(tx: Transaction, owner: str) -> list[Taken]:
    """Every payment of a system whose money was taken or is being taken, for audits."""
    rows = await tx.fetch(
        "select order_id, state, amount_minor, currency, refund_minor, next_try is null from payments.payments"
        " where tenant_id = %s and owner = %s and state in ('capturing', 'captured', 'refunding', 'refunded')"
        " order by order_id, attempt",
        (tx.owner, owner),
    )
    return [
        Taken(order_id, PaymentState(state), Money(minor, currency), refund, settled)
        for order_id, state, minor, currency, refund, settled in rows
    ]
