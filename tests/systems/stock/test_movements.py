"""Goods move: every kind, all or nothing, in batches and with numbers, dated back, taken back."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from tests.systems.stock.chain_store import ChainStore, together

from serai.kernel.errors import Invalid
from serai.systems.stock.errors import (
    AlreadyCorrected,
    NotOnHand,
    NotThatMuchThen,
    SerialElsewhere,
)
from serai.systems.stock.model import Tracking
from serai.systems.stock.posting import Kind

TODAY = datetime.now(UTC).date()


async def test_every_kind_moves_goods_and_the_ledger_says_so(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("DEPOT", "TEA", 100, cost=20_000)
    await shops.move("DEPOT", "NORTH", "TEA", 30)
    await shops.sell("NORTH", "TEA", 4)
    await shops.post(shops.draft(Kind.RETURN, "NORTH", shops.item("TEA", 1)))
    await shops.adjust("NORTH", "TEA", -2)
    await shops.adjust("DEPOT", "TEA", 5)
    await shops.post(shops.draft(Kind.SCRAP, "DEPOT", shops.item("TEA", 3)))
    assert await shops.levels("TEA") == {"DEPOT": (72, 0), "NORTH": (25, 0)}
    kinds = await shops.rows("select kind, actor, reason from stock.movements order by movement_no")
    assert [kind for kind, _, _ in kinds] == ["receive", "transfer", "sell", "return", "adjust", "adjust", "scrap"]
    assert {row[1:] for row in kinds} == {("test", "because")}
    await shops.prove()


async def test_a_quantity_has_the_decimals_of_its_product(shops: ChainStore) -> None:
    await shops.product("FLOUR", decimals=3)
    await shops.receive("DEPOT", "FLOUR", "25.5")
    await shops.sell("DEPOT", "FLOUR", "0.125")
    product = shops.products["FLOUR"]
    assert product.written(await shops.on_hand("FLOUR", "DEPOT")) == "25.375"
    for wrong in ("0.0001", "1e3000", "NaN", "-1", "0", "ten", "9999999999999"):
        with pytest.raises(Invalid) as refused:
            await shops.sell("DEPOT", "FLOUR", wrong)
        assert refused.value.errors[0].field == "items.0.quantity"
    await shops.prove()


async def test_nothing_goes_below_nothing_and_the_refusal_names_what_is_there(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("NORTH", "TEA", 3)
    with pytest.raises(NotOnHand) as refused:
        await shops.sell("NORTH", "TEA", 4)
    (short,) = refused.value.short
    assert (short.sku, short.location, short.asked, short.available) == ("TEA", "NORTH", "4", "3")
    with pytest.raises(NotOnHand):
        await shops.sell("SOUTH", "TEA", 1)  # a level that nothing was ever received into
    assert await shops.levels("TEA") == {"NORTH": (3, 0)}
    await shops.prove()


async def test_two_lines_of_one_sku_are_summed_before_they_are_judged(shops: ChainStore) -> None:
    """Medusa 16502, InvenTree 7285: each line alone would pass."""
    await shops.product("TEA")
    await shops.receive("NORTH", "TEA", 5)
    with pytest.raises(NotOnHand) as refused:
        await shops.post(shops.draft(Kind.SELL, "NORTH", shops.item("TEA", 3), shops.item("TEA", 3)))
    assert refused.value.short[0].asked == "6"
    with pytest.raises(NotOnHand):
        await shops.reserve("NORTH", shops.item("TEA", 3), shops.item("TEA", 3))
    posted = (await shops.post(shops.draft(Kind.SELL, "NORTH", shops.item("TEA", 3), shops.item("TEA", 2))))[0]
    assert len(posted.lines) == 2
    assert await shops.on_hand("TEA", "NORTH") == 0
    await shops.prove()


async def test_a_batch_of_movements_is_all_or_nothing(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.product("MUG")
    await shops.receive("NORTH", "TEA", 5)
    drafts = [
        shops.draft(Kind.RECEIVE, "NORTH", shops.item("MUG", 9)),
        shops.draft(Kind.SELL, "NORTH", shops.item("MUG", 4), shops.item("TEA", 2)),
    ]
    with pytest.raises(NotOnHand):
        await shops.post(*drafts, shops.draft(Kind.SELL, "NORTH", shops.item("TEA", 4)))
    assert (await shops.levels("MUG"), await shops.levels("TEA")) == ({}, {"NORTH": (5, 0)})
    posted = await shops.post(*drafts)
    told = [[line.level for line in each.lines if line.level is not None] for each in posted]
    assert told == [[9], [5, 3]]
    await shops.prove()


async def test_fifty_opposite_transfers_meet_no_deadlock(shops: ChainStore) -> None:
    for sku in ("TEA", "MUG"):
        await shops.product(sku)
        for code in ("NORTH", "SOUTH"):
            await shops.receive(code, sku, 500)

    async def there(number: int) -> None:
        ends = ("NORTH", "SOUTH") if number % 2 else ("SOUTH", "NORTH")
        skus = ("TEA", "MUG") if number % 3 else ("MUG", "TEA")
        items = [shops.item(sku, 1 + number % 4) for sku in skus]
        await shops.post(shops.draft(Kind.TRANSFER, ends[0], *items, to=ends[1]))

    assert [each for each in await together(*(there(number) for number in range(50))) if each] == []
    for sku in ("TEA", "MUG"):
        assert sum(on_hand for on_hand, _ in (await shops.levels(sku)).values()) == 1000
    await shops.prove()


async def test_the_control_of_opposite_transfers_deadlocks(shops: ChainStore) -> None:
    """The design's transfer on the design's table: one location, then the other, each in a statement of its own."""
    await shops.tamper("create table stock.design_inventory (location int primary key, quantity int);")
    await shops.tamper("insert into stock.design_inventory values (1, 100), (2, 100)")
    await shops.tamper("grant select, update on stock.design_inventory to serai_app")
    met = asyncio.Barrier(2)

    async def transfer(source: int, target: int) -> None:
        async with shops.database.transaction(shops.tenant) as tx:
            adjust = "update stock.design_inventory set quantity = quantity + %s where location = %s"
            await tx.execute(adjust, (-1, source))
            await met.wait()
            await tx.execute(adjust, (1, target))

    outcomes = await together(transfer(1, 2), transfer(2, 1))
    assert [type(each) for each in outcomes if each] == [psycopg.errors.DeadlockDetected]


async def test_a_sale_takes_what_expires_first_and_never_what_has_expired(shops: ChainStore) -> None:
    await shops.product("MILK", Tracking.BATCH)
    await shops.receive("NORTH", "MILK", 5, batch="OLD", expires_on=TODAY - timedelta(days=1))
    await shops.receive("NORTH", "MILK", 4, batch="LATE", expires_on=TODAY + timedelta(days=9))
    await shops.receive("NORTH", "MILK", 3, batch="SOON", expires_on=TODAY)
    await shops.receive("NORTH", "MILK", 2, batch="EVER")
    await shops.sell("NORTH", "MILK", 5)
    assert await shops.batches("MILK", "NORTH") == {"OLD": 5, "LATE": 2, "EVER": 2}
    with pytest.raises(NotOnHand) as refused:
        await shops.sell("NORTH", "MILK", 5)
    assert refused.value.short[0].available == "4"
    await shops.sell("NORTH", "MILK", 1, batch="LATE")
    await shops.post(shops.draft(Kind.SCRAP, "NORTH", shops.item("MILK", 5, batch="OLD")))
    assert await shops.batches("MILK", "NORTH") == {"LATE": 1, "EVER": 2}
    with pytest.raises(Invalid, match="say which"):
        await shops.move("NORTH", "SOUTH", "MILK", 1)
    with pytest.raises(Invalid, match="no batch"):
        await shops.sell("NORTH", "MILK", 1, batch="NONE")
    await shops.prove()


async def test_sellers_of_one_product_in_batches_sell_each_part_once(shops: ChainStore) -> None:
    await shops.product("MILK", Tracking.BATCH)
    for number in range(4):
        await shops.receive("NORTH", "MILK", 5, batch=f"B{number}", expires_on=TODAY + timedelta(days=number))
    outcomes = await together(*(shops.sell("NORTH", "MILK", 3) for _ in range(10)))
    assert sum(isinstance(each, NotOnHand) for each in outcomes) == 4
    assert await shops.on_hand("MILK", "NORTH") == 2
    await shops.prove()


async def test_a_serial_number_is_in_one_place_at_a_time(shops: ChainStore) -> None:
    await shops.product("DRILL", Tracking.SERIAL)
    await shops.receive("DEPOT", "DRILL", 3, serials=["S1", "S2", "S3"])
    with pytest.raises(SerialElsewhere):
        await shops.receive("NORTH", "DRILL", 1, serials=["S1"])
    await shops.move("DEPOT", "NORTH", "DRILL", 2, serials=["S1", "S2"])
    with pytest.raises(SerialElsewhere):
        await shops.sell("DEPOT", "DRILL", 1, serials=["S1"])
    for wrong in ([], ["S3", "S3"], ["S3", "S9"]):
        with pytest.raises(Invalid):
            await shops.sell("DEPOT", "DRILL", 1, serials=wrong)
    await shops.sell("NORTH", "DRILL", 1, serials=["S1"])
    sold = await together(*(shops.sell("NORTH", "DRILL", 1, serials=["S2"]) for _ in range(4)))
    assert sum(isinstance(each, Exception) for each in sold) == 3
    await shops.post(shops.draft(Kind.RETURN, "SOUTH", shops.item("DRILL", 1, serials=["S1"])))
    assert await shops.levels("DRILL") == {"DEPOT": (1, 0), "SOUTH": (1, 0)}
    await shops.prove()


async def test_a_movement_is_taken_back_once_by_its_mirror_image(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.product("DRILL", Tracking.SERIAL)
    received = await shops.receive("DEPOT", "DRILL", 2, serials=["S1", "S2"])
    tea = await shops.receive("DEPOT", "TEA", 10, cost=500)
    await shops.sell("DEPOT", "TEA", 4)

    async def back(movement_id: UUID, at: datetime | None = None) -> object:
        return await shops.run(lambda tx: shops.stock.movements.correct(tx, movement_id, "test", "typo", at))

    with pytest.raises(NotOnHand):
        await back(tea.posting.movement_id)
    await shops.receive("DEPOT", "TEA", 20)
    with pytest.raises(NotThatMuchThen):
        await back(tea.posting.movement_id)  # what it brought was sold before the second delivery came
    outcomes = await together(*(back(tea.posting.movement_id, datetime.now(UTC)) for _ in range(3)))
    assert sorted(type(each).__name__ for each in outcomes) == ["AlreadyCorrected", "AlreadyCorrected", "Posted"]
    with pytest.raises(AlreadyCorrected):
        await back(tea.posting.movement_id, datetime.now(UTC))
    await back(received.posting.movement_id)
    assert await shops.levels("TEA") == {"DEPOT": (16, 0)}
    assert await shops.levels("DRILL") == {}
    await shops.prove()


async def test_a_movement_of_the_past_is_appended_and_cannot_rewrite_what_was_possible(shops: ChainStore) -> None:
    await shops.product("TEA")
    now = datetime.now(UTC)
    day = timedelta(days=1)

    async def dated(kind: Kind, quantity: int, days_ago: int) -> None:
        await shops.post(shops.draft(kind, "NORTH", shops.item("TEA", quantity), at=now - days_ago * day))

    await dated(Kind.RECEIVE, 10, 20)
    await dated(Kind.SELL, 8, 15)
    await dated(Kind.RECEIVE, 50, 10)
    with pytest.raises(NotThatMuchThen):
        await dated(Kind.SELL, 3, 12)  # there were 2 from day 15 to day 10, though 52 are there now
    await dated(Kind.SELL, 2, 12)
    await dated(Kind.SELL, 3, 5)
    expected = {21: 0, 20: 10, 14: 2, 11: 0, 9: 50, 1: 47}
    for days_ago, on_hand in expected.items():
        moment = now - days_ago * day + timedelta(hours=1)
        found = await shops.stock.read(
            shops.tenant,
            lambda tx, moment=moment: shops.stock.levels.at(
                tx, [shops.products["TEA"]], [shops.places["NORTH"]], moment
            ),
        )
        assert [each.level.on_hand for each in found if each.level.on_hand] == ([on_hand] if on_hand else [])
    series = await shops.stock.read(
        shops.tenant, lambda tx: shops.stock.levels.series(tx, shops.products["TEA"], shops.places["NORTH"], 30)
    )
    assert (series[-1].on_hand, series[0].on_hand, sum(point.came for point in series)) == (47, 0, 60)
    for wrong in (now + day, now - 400 * day):
        with pytest.raises(Invalid):
            await shops.post(shops.draft(Kind.RECEIVE, "NORTH", shops.item("TEA", 1), at=wrong))
    await shops.prove()


async def test_the_database_refuses_lines_that_make_goods(shops: ChainStore) -> None:
    await shops.product("TEA")
    await shops.receive("NORTH", "TEA", 3)
    with pytest.raises(psycopg.errors.CheckViolation, match="sum to zero"):
        await shops.tamper(
            "insert into stock.lines (tenant_id, movement_no, line_no, product_no, batch_no, location_no, quantity, at)"
            " select tenant_id, movement_no, 9, product_no, 0, location_no, 5, at from stock.lines where line_no = 1"
        )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with shops.database.transaction(shops.tenant) as tx:
            await tx.execute("update stock.lines set quantity = 9")


async def test_a_place_that_may_owe_sells_beyond_what_is_there_as_far_as_it_may(shops: ChainStore) -> None:
    await shops.place("WEB", backorders_max=3)
    await shops.product("TEA")
    reserved = await shops.reserve("WEB", shops.item("TEA", 2))
    with pytest.raises(NotOnHand):
        await shops.reserve("WEB", shops.item("TEA", 2))
    await shops.fulfil(reserved)
    await shops.sell("WEB", "TEA", 1)
    with pytest.raises(NotOnHand):
        await shops.sell("WEB", "TEA", 1)
    assert await shops.levels("TEA") == {"WEB": (-3, 0)}
    await shops.receive("WEB", "TEA", 10)
    assert await shops.levels("TEA") == {"WEB": (7, 0)}
    await shops.prove()
