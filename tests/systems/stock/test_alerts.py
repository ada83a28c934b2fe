"""Reorder alerts: raised at the edge, once, on the first movement too; cleared at the other edge; told by mail."""

from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.systems.stock.chain_store import ChainStore, together

from serai.kernel.errors import Invalid
from serai.systems.stock.errors import IllegalStep
from serai.systems.stock.flows import AlertState
from serai.systems.stock.model import Tracking
from serai.systems.stock.reorder import Policy, suggested_point, suggested_quantity
from serai.systems.stock.service.alerts import AlertMail, Shown


async def test_an_alert_is_raised_at_the_edge_once_and_cleared_at_the_other(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("NORTH", "TEA", 10)
    await shops.policy("TEA", "NORTH", 4)
    assert await shops.states("TEA") == []
    for left in (5, 4, 3, 2):
        await shops.sell("NORTH", "TEA", await shops.on_hand("TEA", "NORTH") - left)
    (alert,) = await shops.alerts("TEA")
    assert (alert.alert.on_hand, alert.alert.state) == (4, AlertState.RAISED)
    await shops.receive("NORTH", "TEA", 2)
    assert await shops.states("TEA") == ["raised"]
    await shops.receive("NORTH", "TEA", 1)
    assert await shops.states("TEA") == ["cleared"]
    await shops.sell("NORTH", "TEA", 1)
    assert await shops.states("TEA") == ["raised", "cleared"]
    kinds = await shops.rows("select type from runtime.outbox where topic = 'serai.stock.alert' order by event_no")
    assert [kind.split(".")[3] for (kind,) in kinds] == ["raised", "cleared", "raised"]
    await shops.prove()


async def test_a_first_movement_below_the_point_alerts_and_so_does_a_policy_of_nothing(shops: ChainStore) -> None:
    """The design's trigger watches updates only: a first insert below the point stays silent."""
    await shops.product("TEA")
    await shops.product("MUG")
    ruled = await shops.policy("TEA", "NORTH", 5)
    assert (ruled.low, await shops.states("TEA")) == (True, ["raised"])
    await shops.policy("TEA", "NORTH", 6)
    assert await shops.states("TEA") == ["raised"]
    await shops.receive("NORTH", "TEA", 20)
    await shops.policy("TEA", "NORTH", 30)
    assert await shops.states("TEA") == ["raised", "cleared"]
    await shops.policy("TEA", "NORTH", 2)
    assert await shops.states("TEA") == ["cleared", "cleared"]
    await shops.tamper("update stock.policies set low = false")
    await shops.policy("MUG", "SOUTH", 0)
    assert await shops.states("MUG") == ["raised"]


async def test_a_policy_is_of_a_product_at_a_place(shops: ChainStore) -> None:
    await shops.product("TEA")
    for code in ("NORTH", "SOUTH"):
        await shops.receive(code, "TEA", 5)
    await shops.policy("TEA", "NORTH", 3)
    await shops.policy("TEA", "SOUTH", 1)
    await shops.sell("NORTH", "TEA", 3)
    await shops.sell("SOUTH", "TEA", 3)
    assert [each.location.code for each in await shops.alerts("TEA")] == ["NORTH"]


async def test_batches_count_together_for_an_alert(shops: ChainStore) -> None:
    await shops.product("MILK", Tracking.BATCH)
    await shops.receive("NORTH", "MILK", 4, batch="A")
    await shops.receive("NORTH", "MILK", 4, batch="B")
    await shops.policy("MILK", "NORTH", 3)
    sold = await together(*(shops.sell("NORTH", "MILK", 1) for _ in range(5)))
    assert [each for each in sold if isinstance(each, Exception)] == []
    assert await shops.states("MILK") == ["raised"]
    reserved = await shops.reserve("NORTH", shops.item("MILK", 3))
    await shops.fulfil(reserved)
    await shops.receive("NORTH", "MILK", 9, batch="C")
    assert await shops.states("MILK") == ["cleared"]
    await shops.prove()


async def test_many_tills_at_the_edge_raise_one_alert(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("NORTH", "TEA", 30)
    await shops.policy("TEA", "NORTH", 10)
    work = [shops.sell("NORTH", "TEA", 1) for _ in range(25)]
    work += [shops.policy("TEA", "NORTH", 10) for _ in range(5)]
    assert [each for each in await together(*work) if isinstance(each, Exception)] == []
    assert await shops.states("TEA") == ["raised"]


async def step(shops: ChainStore, name: str, alert: Shown, *arguments: Any) -> Shown:
    found = alert.alert.alert_id
    return await shops.run(lambda tx: getattr(shops.stock.alerts, name)(tx, found, *arguments, "test"))


async def test_an_alert_is_acknowledged_ordered_and_says_what_to_buy(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("NORTH", "TEA", 3)
    await shops.policy("TEA", "NORTH", 5, quantity=4, level_max=20)
    (alert,) = await shops.alerts("TEA")
    assert alert.to_buy == 17
    outcomes = await together(*(step(shops, "acknowledge", alert) for _ in range(3)))
    assert sum(isinstance(each, Exception) for each in outcomes) == 2
    ordered = await step(shops, "order", alert, "PO-9", None)
    assert (ordered.alert.state, ordered.alert.order_quantity, ordered.to_buy) == ("ordered", 17, 0)
    with pytest.raises(IllegalStep):
        await step(shops, "order", alert, "PO-9", "5")
    await shops.receive("NORTH", "TEA", 17)
    assert await shops.states("TEA") == ["cleared"]


async def test_a_place_is_told_by_one_mail_of_all_that_became_low(shops: ChainStore) -> None:
    sent: list[EmailMessage] = []
    deferred: list[dict[str, Any]] = []

    class Relay:
        sender = "shop@serai.example"

        async def send(self, message: EmailMessage) -> None:
            sent.append(message)

    class Jobs:
        async def defer(self, tx: object, name: str, **arguments: Any) -> None:
            deferred.append(arguments)

    await shops.place("EAST", mail="east@serai.example")
    for sku in ("TEA", "MUG"):
        await shops.product(sku)
        for code in ("EAST", "NORTH"):
            await shops.policy(sku, code, 3)
    mail = AlertMail(
        shops.database,
        shops.jobs,
        Jobs(),
        Relay(),
        shops.stock.alerts,
        shops.clock,
        "https://serai.example",  # type: ignore[arg-type]
    )
    assert (await mail.hand_over(), await mail.hand_over()) == (1, 0)
    for arguments in deferred:
        await mail.mail(**arguments)
    (message,) = sent
    assert (message["To"], message["Subject"]) == ("east@serai.example", "2 low at East")
    assert "TEA" in message.get_content() and "buy 10" in message.get_content()


async def test_a_reorder_point_is_suggested_from_what_was_sold(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("NORTH", "TEA", 100)
    await shops.sell("NORTH", "TEA", 30)  # today is not over, so it does not count
    found = [shops.products["TEA"].product_id, shops.places["NORTH"].location_id]
    _, suggestion = await shops.run(lambda tx: shops.stock.alerts.suggestion(tx, *found, 30, 7, 95.0))  # type: ignore[call-arg]
    assert (suggestion.reorder_point, suggestion.days) == (0, 30)
    with pytest.raises(Invalid):
        await shops.run(lambda tx: shops.stock.alerts.suggestion(tx, *found, 5, 7, 95.0))  # type: ignore[call-arg]


def test_the_suggested_point_is_the_textbooks() -> None:
    """Mean 10, deviation 2, nine days, 95 %: 90 + 1.645 * 2 * 3, rounded up."""
    suggestion = suggested_point([8, 12] * 20, 9)
    assert (suggestion.mean_per_day, suggestion.deviation_per_day) == (10, 2)
    assert (suggestion.safety_stock, suggestion.reorder_point) == (10, 100)
    assert "10.00 x 9 + 1.64 x 2.00 x 3.00 = 100" in suggestion.formula
    assert suggested_point([5] * 14, 0).reorder_point == 0


@given(
    point=st.integers(0, 50),
    quantity=st.integers(1, 20),
    above=st.none() | st.integers(1, 40),
    on_hand=st.integers(-5, 80),
    reserved=st.integers(0, 20),
    inbound=st.integers(0, 40),
)
def test_what_is_suggested_lifts_the_position_above_the_point(
    point: int, quantity: int, above: int | None, on_hand: int, reserved: int, inbound: int
) -> None:
    policy = Policy(point, quantity, None if above is None else point + above)
    position = on_hand - reserved + inbound
    bought = suggested_quantity(policy, on_hand, reserved, inbound)
    assert bought >= 0
    assert (bought == 0) == (position > point)
    assert position + bought > point
    if bought and policy.level_max is None:
        assert bought % quantity == 0 and position + bought - quantity <= point
