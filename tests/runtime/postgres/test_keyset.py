"""Paging by keyset against a real table and a naive model of it: nothing twice, nothing skipped, both ways."""

from typing import Any
from uuid import UUID

import pytest
from tests.conftest import TENANT
from tests.doubles import ManualClock, SeededRandom

from serai.kernel.errors import Invalid
from serai.kernel.ids import uuid7
from serai.runtime.postgres.database import Database
from serai.runtime.postgres.keyset import Order, Seek, Slice, clauses

ORDERS = {"name": Order("name"), "size": Order("size", "int"), "at": Order("at", "timestamptz")}
COUNT = 23


def thing(place: int, row_id: UUID) -> tuple[UUID, str, int, str]:
    """Many share a name, a size or a moment, so that the id must tell them apart."""
    return row_id, "abc"[place % 3], place % 5, f"2026-11-24T{place % 4:02}:00:00.000001Z"


async def made(tx: Any) -> list[tuple[UUID, str, int, str]]:
    clock, random = ManualClock(), SeededRandom(1)
    things = [thing(place, uuid7(clock, random)) for place in range(COUNT)]
    await tx.execute("create temp table things (id uuid, name text, size int, at timestamptz) on commit drop")
    for each in things:
        await tx.execute("insert into things values (%s, %s, %s, %s)", each)
    return things


async def page(tx: Any, seek: Seek) -> Slice[UUID]:
    part = clauses(seek, ORDERS, "id")
    rows = await tx.fetch(f"select {part.columns}, id from things where {part.where} {part.end}", part.params)
    return part.page(rows, lambda row: row[0])


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("order", "place"), [("name", 1), ("size", 2), ("at", 3)])
@pytest.mark.parametrize("limit", [1, 4, 23, 50])
async def test_pages_follow_each_other_forwards_and_back(
    database: Database, order: str, place: int, descending: bool, limit: int
) -> None:
    async with database.transaction(TENANT) as tx:
        things = await made(tx)
        wanted = [each[0] for each in sorted(things, key=lambda one: (one[place], one[0]), reverse=descending)]
        pages = [await page(tx, Seek(order, limit, descending))]
        while pages[-1].next:
            pages.append(await page(tx, Seek(order, limit, descending, pages[-1].next)))
        assert [one for each in pages for one in each.items] == wanted
        assert pages[0].previous is None
        back = [pages[-1]]
        while back[-1].previous:
            back.append(await page(tx, Seek(order, limit, descending, back[-1].previous, back=True)))
        assert [one for each in reversed(back) for one in each.items] == wanted
        assert all(each.next for each in back[1:])


async def test_a_row_that_comes_before_the_page_moves_nothing(database: Database) -> None:
    async with database.transaction(TENANT) as tx:
        await made(tx)
        first = await page(tx, Seek("name", 5))
        assert first.next is not None
        second = await page(tx, Seek("name", 5, beside=first.next))
        await tx.execute("insert into things values (%s, '!', 0, now())", (UUID(int=1),))
        assert await page(tx, Seek("name", 5, beside=first.next)) == second


@pytest.mark.parametrize(
    ("order", "beside"),
    [
        ("size", ("x", str(UUID(int=1)))),
        ("at", ("yesterday", str(UUID(int=1)))),
        ("name", ("a", "x")),
        ("name", ("\0", str(UUID(int=1)))),
    ],
)
def test_a_place_that_was_changed_on_the_way_is_refused(order: str, beside: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as refusal:
        clauses(Seek(order, 5, beside=beside), ORDERS, "id")
    assert refusal.value.errors[0].field == "cursor"
