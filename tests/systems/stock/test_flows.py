"""Reservations, transfers, stock-takes: their tables, their races, and that nothing is lost on the way."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import product as pairs
from typing import Any
from uuid import UUID

import pytest
from tests.systems.stock.chain_store import ChainStore, together

from serai.kernel.errors import Invalid
from serai.systems.stock.errors import (
    IllegalStep,
    MoreThanSent,
    NoSuchCount,
    NoSuchReservation,
    NoSuchTransfer,
    NotCounted,
    NotOnHand,
    ReservationOver,
)
from serai.systems.stock.flows import ALERTS, COUNTS, TRANSFERS, Flow
from serai.systems.stock.model import Tracking
from serai.systems.stock.service.counts import Counted, Number, Plan
from serai.systems.stock.service.transfers import Arrival, Shipped, Wanted

TODAY = datetime.now(UTC).date()


def cases(flow: Flow[Any, Any]) -> list[tuple[Flow[Any, Any], StrEnum, StrEnum]]:
    steps = {step for _, step in flow.steps}
    return [(flow, state, step) for state, step in pairs(type(flow.first), sorted(steps))]


@pytest.mark.parametrize(("flow", "state", "step"), [*cases(ALERTS), *cases(TRANSFERS), *cases(COUNTS)])
def test_every_pair_of_state_and_step_is_legal_or_refused(flow: Flow[Any, Any], state: Any, step: Any) -> None:
    if (state, step) in flow.steps:
        assert flow.after(state, step) is flow.steps[state, step]
        assert f"{state.value} --> {flow.after(state, step).value}" in flow.diagram()
    else:
        with pytest.raises(IllegalStep, match=state.value):
            flow.after(state, step)


async def test_a_reservation_holds_goods_until_it_is_sold_released_or_over(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("NORTH", "TEA", 10)
    sold, released, late = [await shops.reserve("NORTH", shops.item("TEA", 3)) for _ in range(3)]
    assert await shops.levels("TEA") == {"NORTH": (10, 9)}
    with pytest.raises(NotOnHand):
        await shops.sell("NORTH", "TEA", 2)
    await shops.fulfil(sold)
    await shops.release(released)
    assert await shops.levels("TEA") == {"NORTH": (7, 3)}
    for wrong in (shops.fulfil(sold), shops.release(sold), shops.fulfil(released)):
        with pytest.raises(ReservationOver):
            await wrong
    await shops.age(late)
    with pytest.raises(ReservationOver):
        await shops.fulfil(late)
    await shops.prove()
    # Whoever needs what an expired one held gets it at once, without waiting for the sweep.
    await shops.sell("NORTH", "TEA", 7)
    assert await shops.levels("TEA") == {}
    await shops.prove()


async def test_a_reservation_of_batches_and_serial_numbers(shops: ChainStore) -> None:
    await shops.product("MILK", Tracking.BATCH)
    await shops.product("DRILL", Tracking.SERIAL)
    for batch, days in (("LATE", 9), ("SOON", 1)):
        await shops.receive("NORTH", "MILK", 4, batch=batch, expires_on=TODAY + timedelta(days=days))
    await shops.receive("NORTH", "DRILL", 2, serials=["S1", "S2"])
    reserved = await shops.reserve("NORTH", shops.item("MILK", 5), shops.item("DRILL", 1))
    assert sorted(quantity for _, quantity in reserved.lines) == [1, 1, 4]
    with pytest.raises(Invalid):
        await shops.fulfil(reserved)
    await shops.fulfil(reserved, DRILL=["S2"])
    assert await shops.batches("MILK", "NORTH") == {"LATE": 3}
    with pytest.raises(NotOnHand):
        await shops.reserve("NORTH", shops.item("MILK", 4))
    await shops.prove()


async def test_baskets_and_tills_race_for_the_last_goods_and_each_is_sold_once(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("NORTH", "TEA", 12)
    sold = 0

    async def basket() -> None:
        nonlocal sold
        await shops.fulfil(await shops.reserve("NORTH", shops.item("TEA", 2)))
        sold += 2

    async def till() -> None:
        nonlocal sold
        await shops.sell("NORTH", "TEA", 1)
        sold += 1

    outcomes = await together(*(basket() if number % 2 else till() for number in range(20)))
    assert {type(each) for each in outcomes if each} <= {NotOnHand}
    assert sold == 12 - (await shops.levels("TEA")).get("NORTH", (0, 0))[0]
    assert sold >= 11
    await shops.prove()


async def draft(shops: ChainStore, **quantities: int) -> Shipped:
    items = tuple(shops.item(sku, quantity) for sku, quantity in quantities.items())
    wanted = Wanted(shops.places["DEPOT"].location_id, shops.places["NORTH"].location_id, items, "van 7")
    return await shops.run(lambda tx: shops.stock.transfers.draft(tx, wanted, "test"))


async def step(shops: ChainStore, name: str, shipped: Shipped, *arguments: Any) -> Shipped:
    found = shipped.transfer.transfer_id
    return await shops.run(lambda tx: getattr(shops.stock.transfers, name)(tx, found, *arguments, "test"))


async def test_a_transfer_is_on_its_way_arrives_in_parts_and_the_rest_is_written_off(shops: ChainStore) -> None:
    for sku in ("TEA", "MUG"):
        await shops.product(sku)
        await shops.receive("DEPOT", sku, 10)
    shipped = await draft(shops, TEA=6, MUG=4)
    assert await shops.levels("TEA") == {"DEPOT": (10, 0)}
    shipped = await step(shops, "dispatch", shipped)
    assert await shops.levels("TEA") == {"DEPOT": (4, 0), "@in_transit": (6, 0)}
    with pytest.raises(MoreThanSent):
        await step(shops, "receive", shipped, [Arrival(0, "7")])
    shipped = await step(shops, "receive", shipped, [Arrival(0, "2"), Arrival(0, "3"), Arrival(1, "4")])
    assert shipped.transfer.state == "partly_received"
    assert [(line.received, line.missing) for line in shipped.transfer.lines] == [(5, 1), (4, 0)]
    for name in ("dispatch", "cancel"):
        with pytest.raises(IllegalStep):
            await step(shops, name, shipped)
    shipped = await step(shops, "write_off", shipped, "fell off")
    assert (shipped.transfer.state, shipped.transfer.lines[0].lost) == ("discrepant", 1)
    assert await shops.levels("TEA") == {"DEPOT": (4, 0), "NORTH": (5, 0)}
    kinds = await shops.rows("select kind from stock.movements order by movement_no desc limit 3")
    assert [kind for (kind,) in kinds] == ["lose", "arrive", "dispatch"]
    await shops.prove()


async def test_a_transfer_is_dispatched_and_received_once_however_many_press_the_button(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("DEPOT", "TEA", 10)
    shipped = await draft(shops, TEA=6)
    outcomes = await together(*(step(shops, "dispatch", shipped) for _ in range(5)))
    assert sum(isinstance(each, IllegalStep) for each in outcomes) == 4
    outcomes = await together(*(step(shops, "receive", shipped, None) for _ in range(5)))
    assert sum(isinstance(each, IllegalStep) for each in outcomes) == 4
    assert await shops.levels("TEA") == {"DEPOT": (4, 0), "NORTH": (6, 0)}
    too_much = await draft(shops, TEA=5)
    with pytest.raises(NotOnHand):
        await step(shops, "dispatch", too_much)
    assert (await step(shops, "cancel", too_much)).transfer.state == "cancelled"
    await shops.prove()


async def begin(shops: ChainStore, code: str, *skus: str) -> Counted:
    plan = Plan(shops.places[code].location_id, tuple(shops.products[sku].product_id for sku in skus))
    return await shops.run(lambda tx: shops.stock.counts.begin(tx, plan, "test"))


async def counting(shops: ChainStore, name: str, counted: Counted, *arguments: Any) -> Counted:
    found = counted.count.count_id
    return await shops.run(lambda tx: getattr(shops.stock.counts, name)(tx, found, *arguments, "test"))


async def test_a_stock_take_books_what_differs_from_the_moment_it_was_counted(shops: ChainStore) -> None:
    for sku in ("TEA", "MUG", "PEN"):
        await shops.product(sku)
    await shops.receive("NORTH", "TEA", 10)
    await shops.receive("NORTH", "MUG", 5)
    counted = await begin(shops, "NORTH", "TEA", "MUG", "PEN")
    assert [line.frozen for line in counted.count.lines] == [10, 5, 0]
    await shops.sell("NORTH", "TEA", 2)  # the shop stays open
    numbers = [Number(shops.products[sku].product_id, text) for sku, text in (("TEA", "7"), ("MUG", "5"))]
    counted = await counting(shops, "enter", counted, numbers)
    with pytest.raises(NotCounted):
        await counting(shops, "submit", counted)
    counted = await counting(shops, "enter", counted, [Number(shops.products["PEN"].product_id, "1")])
    counted = await counting(shops, "submit", counted)
    with pytest.raises(IllegalStep):
        await counting(shops, "enter", counted, numbers)
    await shops.sell("NORTH", "TEA", 1)
    outcomes = await together(*(counting(shops, "approve", counted, "found") for _ in range(3)))
    assert sum(isinstance(each, IllegalStep) for each in outcomes) == 2
    # 8 should have been there and 7 were; one was sold since.
    assert [await shops.on_hand(sku, "NORTH") for sku in ("TEA", "MUG", "PEN")] == [6, 5, 1]
    await shops.prove()


async def test_a_stock_take_cannot_take_away_what_is_promised(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("NORTH", "TEA", 10)
    reserved = await shops.reserve("NORTH", shops.item("TEA", 8))
    counted = await counting(
        shops, "enter", await begin(shops, "NORTH"), [Number(shops.products["TEA"].product_id, "5")]
    )
    counted = await counting(shops, "submit", counted)
    with pytest.raises(NotOnHand):
        await counting(shops, "approve", counted, "found")
    await shops.release(reserved)
    await counting(shops, "approve", counted, "found")
    assert await shops.levels("TEA") == {"NORTH": (5, 0)}
    recounted = await begin(shops, "NORTH")
    assert (await counting(shops, "cancel", recounted)).count.state == "cancelled"
    await shops.prove()


async def test_what_does_not_exist_is_not_found(shops: ChainStore) -> None:
    nobody = UUID(int=7)
    services = shops.stock
    for work, error in (
        (lambda tx: services.reservations.get(tx, nobody), NoSuchReservation),
        (lambda tx: services.transfers.dispatch(tx, nobody, "x"), NoSuchTransfer),
        (lambda tx: services.counts.submit(tx, nobody, "x"), NoSuchCount),
    ):
        with pytest.raises(error):
            await shops.run(work)
