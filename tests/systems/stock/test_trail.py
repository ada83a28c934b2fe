"""The audit finds every hand in the database: levels, lines, changes, links, heads; and nothing where all is well."""

from typing import Any

import pytest
from tests.systems.stock.chain_store import ChainStore

from serai.systems.stock.chain import GENESIS, Head, HeadKey, Record, chained, hash_after, signed_by


async def lived(shops: ChainStore) -> None:
    """A few days of a shop, chained and signed, with some of it still waiting."""
    await shops.product("TEA")
    await shops.receive("DEPOT", "TEA", 20)
    await shops.move("DEPOT", "NORTH", "TEA", 8)
    await shops.fulfil(await shops.reserve("NORTH", shops.item("TEA", 2)))
    await shops.policy("TEA", "NORTH", 3)
    assert await shops.chaining.sign() == 1
    await shops.sell("NORTH", "TEA", 1)
    await shops.chaining.chain()
    await shops.reserve("NORTH", shops.item("TEA", 1))
    await shops.sell("NORTH", "TEA", 1)


async def test_an_audit_of_a_sound_chain_of_shops_finds_nothing(shops: ChainStore) -> None:
    await lived(shops)
    report = await shops.prove()
    assert (report.waiting, report.heads) == (1, 1)
    assert report.links == await chain_length(shops)
    assert report.levels >= 4
    assert await shops.chaining.sign() == 0  # today's head is there
    assert (await shops.prove()).waiting == 0


async def chain_length(shops: ChainStore) -> int:
    ((count,),) = await shops.rows("select count(*) from stock.chain")
    return int(count)


LAST_SALE = "(select max(movement_no) from stock.movements where kind = 'sell' and movement_no in"
CHAINED = f"{LAST_SALE} (select number from stock.chain where source = 'movement'))"

TAMPERING = {
    "levels": "update allocation.counters set capacity = capacity + 1 where capacity = 12",
    "reserved": "update allocation.claims set state = 'released' where state = 'held'",
    "ledger": "update stock.lines set level = level + 1 where level = 12",
    "ledger ": "update stock.lines set quantity = quantity * 2 where quantity in (20, -20)",
    "conservation": "update stock.lines set quantity = quantity + 1 where level is null and quantity > 0",
    "chain": f"update stock.movements set actor = 'nobody' where movement_no = {CHAINED}",
    "chain ": f"update stock.movements set at = at - interval '1 day' where movement_no = {CHAINED}",
    "chain  ": "update stock.changes set after = '{}' where noun = 'policy'",
    "chain   ": f"delete from stock.movements where movement_no = {CHAINED}",
    "chain    ": "delete from stock.chain where seq = 2",
    "chain     ": "delete from stock.unchained",
    "head": "update stock.heads set seq = seq - 1",
    "head ": "update stock.heads set key_id = 9",
    "head  ": "delete from stock.chain where seq >= (select min(seq) from stock.heads)",
}


@pytest.mark.parametrize("kind", TAMPERING)
async def test_the_audit_names_what_was_tampered_with(shops: ChainStore, kind: str) -> None:
    await lived(shops)
    assert await shops.tamper(TAMPERING[kind]) > 0
    found = (await shops.audit()).findings
    assert kind.strip() in {finding.kind for finding in found}, found
    assert all(finding.what for finding in found)


async def test_who_rewrites_the_whole_chain_cannot_sign_its_head(shops: ChainStore) -> None:
    await lived(shops)
    await shops.tamper("update stock.movements set reason = 'a better one' where kind = 'receive'")
    await shops.tamper(
        "insert into stock.unchained (tenant_id, source, number) select tenant_id, source, number"
        " from stock.chain order by seq"
    )
    await shops.tamper("delete from stock.chain")
    await shops.chaining.chain()
    kinds = {finding.kind for finding in (await shops.audit()).findings}
    assert kinds == {"head"}


async def test_nobody_who_serves_requests_can_rewrite_history(shops: ChainStore) -> None:
    import psycopg

    await lived(shops)
    for table in ("movements", "lines", "changes", "chain", "heads"):
        for statement in (f"delete from stock.{table}", f"update stock.{table} set tenant_id = tenant_id"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                async with shops.database.transaction(shops.tenant) as tx:
                    await tx.execute(statement)  # type: ignore[arg-type]  # names from the list above


async def test_the_trail_says_who_why_before_and_after(shops: ChainStore) -> None:
    await shops.product("TEA")
    found = shops.products["TEA"].product_id
    await shops.run(lambda tx: shops.stock.catalogue.edit_product(tx, found, {"name": "Better tea"}, "user:7"))
    rows = await shops.rows("select actor, what, before, after from stock.changes where noun = 'product' order by 1, 2")
    assert rows[1] == ("user:7", "changed", {"name": "Product TEA"}, {"name": "Better tea"})
    assert rows[0][2:] == ({}, rows[0][3] | {"sku": "TEA"})


def record(number: int, **content: Any) -> Record:
    return Record("movement", number, content)


def test_each_link_covers_its_record_and_all_before_it() -> None:
    records = [record(1, a=1), record(2, a=2), record(5, a=3)]
    links = list(chained(records, GENESIS, 0))
    assert [link.seq for link in links] == [1, 2, 3]
    assert links[2].hash == hash_after(hash_after(hash_after(GENESIS, records[0]), records[1]), records[2])
    changed = list(chained([record(1, a=9), *records[1:]], GENESIS, 0))
    assert all(one.hash != other.hash for one, other in zip(links, changed, strict=True))
    assert record(1, a=1, b=2).text() == Record("movement", 1, {"b": 2, "a": 1}).text()


def test_a_head_is_signed_for_its_tenant_day_and_end() -> None:
    from dataclasses import replace
    from datetime import date
    from uuid import UUID

    key = HeadKey.from_secret(1, b"secret")
    head = Head(UUID(int=1), date(2026, 11, 24), 7, b"h" * 32, 1)
    signed = replace(head, signature=key.sign(head))
    assert signed_by(key.public(), signed)
    assert not signed_by(HeadKey.from_secret(1, b"other").public(), signed)
    for wrong in (
        replace(signed, tenant=UUID(int=2)),
        replace(signed, day=date(2026, 11, 25)),
        replace(signed, seq=8),
        replace(signed, hash=b"x" * 32),
        replace(signed, signature=b""),
    ):
        assert not signed_by(key.public(), wrong)
    assert not signed_by(b"short", signed)
