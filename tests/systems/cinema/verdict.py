"""The verdict on a site at rest: money and tickets agree, at the gateway, in our books and seat by seat.

It reads the tables and the gateway's own file, and trusts no code of the product but the audit that it checks too.
"""

from collections import Counter
from typing import Any

from tests.systems.cinema.conftest import Site

from serai.systems.allocation.api import Allocation

KEPT = ("captured", "refunding", "refunded")


async def verdict(site: Site) -> None:
    """Asserts everything that must hold once recovery has done its rounds."""
    assert site.sql("select payment_id, state from payments.payments where next_try is not null") == []
    assert site.sql("select claim_id, state from allocation.claims where state in ('paying', 'unknown')") == []
    await _money(site)
    _bookings(site)
    seats_have_one_ticket(site)
    await ledger_replays(site)


async def _money(site: Site) -> None:
    """Each payment of ours and each of the gateway's, one to one."""
    there = {}
    for intent in (await site.gateway_state())["payments"]:
        reference = intent["metadata"]["reference"]
        assert reference not in there, f"{reference} was authorised twice"
        there[reference] = intent
    rows = site.sql("select tenant_id || '/' || payment_id, state, amount_minor, refund_minor from payments.payments")
    for reference, state, amount, refund in rows:
        intent = there.pop(reference, None)
        kept = amount if state in KEPT else 0
        back = refund if state == "refunded" else 0
        if intent is None:
            assert kept == 0, f"{reference} is {state}, and the gateway never heard of it"
            continue
        assert intent["status"] != "requires_capture", f"{reference} is {state}, and the buyer's money is still blocked"
        taken = intent["amount_received"] - intent["amount_refunded"]
        assert taken == kept - back, f"{reference} is {state}: {taken} are at the gateway, {kept - back} expected"
    assert not there, f"payments that only the gateway knows: {there}"


def _bookings(site: Site) -> None:
    """A confirmed booking is paid once and has its tickets; any other has neither."""
    rows = site.sql(
        """
        select b.booking_id, b.state, b.total_minor, b.refund_minor, b.seat_keys,
               coalesce((select array_agg(t.seat_key order by t.seat_key) from cinema.tickets t
                         where t.booking_id = b.booking_id and t.revoked_at is null), '{}'),
               coalesce((select array_agg(array[p.state, p.amount_minor::text, p.refund_minor::text])
                         from payments.payments p where p.order_id = b.booking_id
                           and p.state in ('captured', 'refunding', 'refunded')), '{}')
        from cinema.bookings b
        """
    )
    for booking, state, total, refund, seats, tickets, paid in rows:
        expected: dict[str, tuple[list[int], list[list[str]]]] = {
            "confirmed": (sorted(seats), [["captured", str(total), "0"]]),
            "cancelled": ([], [["refunded", str(total), str(refund)]]),
        }
        assert (tickets, paid) == expected.get(state, ([], [])), f"booking {booking} is {state}"


def seats_have_one_ticket(site: Site) -> None:
    """A seat is sold exactly when one valid ticket stands for it, to the claim of the ticket's booking."""
    sold = site.sql("select pool_no, key, claim_id from allocation.units where state = 'sold'")
    tickets = site.sql(
        "select s.pool_no, t.seat_key, b.claim_id from cinema.tickets t join cinema.bookings b using (booking_id)"
        " join cinema.shows s on s.show_id = t.show_id where t.revoked_at is null"
    )
    twice = [seat for seat, count in Counter((pool, key) for pool, key, _ in tickets).items() if count > 1]
    assert not twice, f"sold twice: {twice}"
    assert sorted(sold) == sorted(tickets)


async def ledger_replays(site: Site) -> None:
    allocation = site.world.need(Allocation)
    async with site.world.database.transaction(site.tenant) as tx:
        compared, differences = await allocation.audit(tx, "cinema")
        breaches = await allocation.breaches(tx, "cinema")
    assert compared
    assert [str(difference) for difference in differences] == []
    assert [str(breach) for breach in breaches] == []


def counts(site: Site) -> dict[str, Any]:
    """How many rows each table has: a refused request must leave them as they were."""
    tables = site.sql(
        "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
        " and table_schema in ('cinema', 'allocation', 'payments', 'runtime', 'jobs')"
    )
    found = {}
    for schema, table in sorted(tables):
        name = f"{schema}.{table}"
        found[name] = site.sql(f"select count(*) from {name}")[0][0]
    return found
