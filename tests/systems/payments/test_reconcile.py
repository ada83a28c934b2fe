"""The comparison of the gateway's list with ours: every kind of difference is found, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from tests.systems.cinema.conftest import Site, open_site, site  # noqa: F401  # fixtures
from tests.systems.cinema.seams import cashier_of

from serai.kernel.money import Money
from serai.mechanisms.payments.saga import RESTING, PaymentState
from serai.systems.payments.cashier import Intent
from serai.systems.payments.model import Payment
from serai.systems.payments.reconcile import SETTLE_S, WINDOW_S, Reconciler, compare

TENANT, NUMBER = UUID(int=1), UUID(int=2)


def payment(state: PaymentState = PaymentState.CAPTURED, **change: object) -> Payment:
    made = Payment(
        tenant_id=TENANT,
        payment_id=NUMBER,
        owner="cinema",
        order_id=UUID(int=3),
        attempt=1,
        amount=Money(1200, "EUR"),
        method="pm_card_visa",
        description="",
        state=state,
        version=1,
        intent_id="pi_1",
        decline_code=None,
        action_url=None,
        refund_minor=0,
        age_s=3600.0,
        overdue=False,
        tries=0,
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    return replace(made, **change)  # type: ignore[arg-type]


def intent(status: str = "succeeded", captured: int = 1200, refunded: int = 0, **change: object) -> Intent:
    made = Intent("pi_1", payment().reference, status, 1200, captured, refunded, "EUR")
    return replace(made, **change)  # type: ignore[arg-type]


AGREE = [
    (PaymentState.CAPTURED, intent()),
    (PaymentState.REFUNDED, intent()),
    (PaymentState.VOIDED, intent("canceled", 0)),
    (PaymentState.FAILED, intent("canceled", 0)),
    (PaymentState.DECLINED, intent("requires_payment_method", 0)),
    (PaymentState.DECLINED, None),
    (PaymentState.VOIDED, None),
]


@pytest.mark.parametrize(("state", "there"), AGREE)
def test_what_agrees_is_no_difference(state: PaymentState, there: Intent | None) -> None:
    assert compare([payment(state)], [there] if there else []) == []


DIFFER = [
    ("captured_amount", PaymentState.CAPTURED, intent(captured=1100)),
    ("captured_amount", PaymentState.CAPTURED, intent("canceled", 0)),
    ("captured_amount", PaymentState.CAPTURED, intent("requires_capture", 0)),
    ("captured_amount", PaymentState.DECLINED, intent()),
    ("captured_amount", PaymentState.VOIDED, intent()),
    ("captured_amount", PaymentState.FAILED, intent()),
    ("currency", PaymentState.CAPTURED, intent(currency="USD")),
    ("refunded_amount", PaymentState.CAPTURED, intent(refunded=1)),
    ("stray_authorisation", PaymentState.DECLINED, intent("requires_capture", 0)),
    ("stray_authorisation", PaymentState.VOIDED, intent("requires_capture", 0)),
    ("stray_authorisation", PaymentState.FAILED, intent("requires_capture", 0)),
]


@pytest.mark.parametrize(("kind", "state", "there"), DIFFER)
def test_each_kind_of_difference_is_found(kind: str, state: PaymentState, there: Intent) -> None:
    [found] = compare([payment(state)], [there])
    assert (found.kind, found.payment_id, found.intent_id, found.tenant_id) == (kind, NUMBER, "pi_1", TENANT)
    assert str(NUMBER) in found.detail


def test_a_refund_must_have_been_made_in_full() -> None:
    refunded = payment(PaymentState.REFUNDED, refund_minor=700)
    assert compare([refunded], [intent(refunded=700)]) == []
    assert [d.kind for d in compare([refunded], [intent(refunded=0)])] == ["refunded_amount"]
    assert [d.kind for d in compare([refunded], [intent(refunded=1200)])] == ["refunded_amount"]


@pytest.mark.parametrize("state", [PaymentState.CAPTURED, PaymentState.REFUNDED])
def test_money_that_the_gateway_does_not_know(state: PaymentState) -> None:
    assert [d.kind for d in compare([payment(state)], [])] == ["unknown_there"]


def test_a_payment_older_than_the_gateways_list_is_not_missed_there() -> None:
    older = payment(age_s=WINDOW_S + 60.0)
    assert compare([older], []) == []
    assert [d.kind for d in compare([older], [intent(captured=1)])] == ["captured_amount"]


@pytest.mark.parametrize("status", ["succeeded", "requires_capture"])
def test_money_that_we_do_not_know(status: str) -> None:
    ours = compare([], [intent(status)])
    assert [(d.kind, d.tenant_id, d.intent_id) for d in ours] == [("unknown_here", TENANT, "pi_1")]
    shared = compare([], [intent(status, reference="another shop's order 7")])
    assert [(d.kind, d.tenant_id) for d in shared] == [("unknown_here", None)]
    for harmless in ("canceled", "requires_action", "requires_payment_method"):
        assert compare([], [intent(harmless, 0)]) == []


@pytest.mark.parametrize("order", [1, -1])
def test_a_second_payment_under_one_reference(order: int) -> None:
    second = intent(intent_id="pi_2")
    found = compare([payment()], [intent(), second][::order])
    assert [(d.kind, d.payment_id, d.intent_id) for d in found] == [("second_payment", NUMBER, "pi_2")]
    assert compare([payment()], [intent(), replace(second, status="canceled")][::order]) == []


def test_what_still_moves_is_left_alone() -> None:
    young = payment(age_s=SETTLE_S - 1.0)
    assert compare([young], [intent(captured=5)]) == []
    for state in set(PaymentState) - RESTING:
        assert compare([payment(state)], [intent("requires_capture", 0)]) == []


async def test_the_real_gateway_is_compared_and_a_stray_authorisation_voided(site: Site) -> None:  # noqa: F811
    show_id = await site.make_show()
    seats = list(await site.seats(show_id))
    for seat in seats[:4]:
        assert (await site.buy(show_id, [seat])).status_code == 201
    reconciler = site.world.need(Reconciler)
    site.sql("update payments.payments set created_at = created_at - interval '10 min'")
    assert (await reconciler.run()).differences == ()

    lost, forgotten, stray, _ = [row[0] for row in site.sql("select payment_id from payments.payments order by 1")]
    site.sql("update payments.payments set amount_minor = 1300 where payment_id = %s", lost)
    site.sql("delete from payments.payments where payment_id = %s", forgotten)
    cashier = cashier_of(site.world)
    [order] = site.sql("select order_id from payments.payments where payment_id = %s", stray)
    change = {"tenant_id": site.tenant, "payment_id": UUID(int=9), "order_id": order[0], "description": "-"}
    given_up = payment(PaymentState.AUTHORISING, **change)
    answer = await cashier.authorise(given_up, "http://127.0.0.1/back")
    await cashier.close()
    site.sql(
        "insert into payments.payments (tenant_id, payment_id, owner, order_id, attempt, amount_minor, currency,"
        " method, description, state, intent_id, created_at, deadline) values (%s, %s, 'cinema', %s, 2, 1200, 'EUR',"
        " '', '', 'declined', %s, clock_timestamp() - interval '10 min', clock_timestamp())",
        site.tenant,
        UUID(int=9),
        order[0],
        answer.intent_id,
    )
    await site.fault("cancel", "status_500", times=2)
    for _ in range(2):  # the first run cannot void the stray, and notes it; the second can
        report = await reconciler.run()
        assert sorted(d.kind for d in report.differences) == ["captured_amount", "stray_authorisation", "unknown_here"]
        assert (report.payments, report.intents) == (4, 5)
        kept = site.sql("select kind, payment_id from payments.differences order by kind")
        assert kept == [("captured_amount", lost), ("stray_authorisation", UUID(int=9)), ("unknown_here", None)]
    [voided] = [i for i in (await site.gateway_state())["payments"] if i["id"] == answer.intent_id]
    assert voided["status"] == "canceled"

    again = await reconciler.run()
    assert sorted(found.kind for found in again.differences) == ["captured_amount", "unknown_here"]
    assert len(site.sql("select 1 from payments.differences")) == 3, "the same difference is noted once"
