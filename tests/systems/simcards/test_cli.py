"""`serai simcards`, run in the test's own world: a pool is loaded, judged and audited."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import orjson
import pytest
from click.testing import CliRunner, Result
from tests.systems.simcards.conftest import Shop

from serai.runtime.system import World
from serai.systems.simcards.cli import commands
from serai.systems.simcards.service import evidence

T = TypeVar("T")


async def command(shop: Shop, *arguments: str) -> Result:
    """Runs a command beside the test's event loop, and what it wants done inside it."""
    loop = asyncio.get_running_loop()

    def run(work: Callable[[World], Awaitable[T]]) -> T:
        async def done() -> T:
            return await work(shop.site.world)

        return asyncio.run_coroutine_threadsafe(done(), loop).result(90)

    return await asyncio.to_thread(CliRunner().invoke, commands, ["simcards", *arguments], obj=run)


async def test_a_pool_is_loaded_from_the_command_line_and_again_is_no_harm(shop: Shop) -> None:
    for _ in range(2):
        result = await command(shop, "load-pool", "Manhattan", "--region", "US", "--prefix", "212234")
        assert result.exit_code == 0, result.output
        assert "Manhattan is open with 10,000 numbers" in result.output
    shown = await command(shop, "pools", "--json")
    (pool,) = orjson.loads(shown.output)
    assert (pool["size"], pool["filled"], pool["states"]["available"]) == (10_000, 10_000, 10_000)
    assert "10,000" in (await command(shop, "pools")).output


async def test_nobody_can_tell_the_next_number_and_the_baseline_loses(shop: Shop) -> None:
    await shop.pool("212555", "Large")
    result = await command(shop, "randomness", "Large", "--draws", "700", "--json")
    report = orjson.loads(result.output)
    assert (result.exit_code, report["holds"], report["draws"]) == (0, True, 700), result.output
    assert all(0 <= test["p"] <= 1 and test["passed"] for test in report["tests"])
    game = report["baseline"][-1]
    assert (game["name"], game["passed"]) == ("next-number game", False)
    assert game["p"] < 1e-12
    assert shop.sql("select count(*) from allocation.claims") == [(0,)], "what was drawn was given back"
    assert shop.sql("select count(*) from allocation.units where state <> 'free'") == [(0,)]


async def test_a_shop_that_sells_in_order_is_found_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.pool("212555", "Large")
    in_order = iter(range(9_900))
    (pool,) = await shop.inside.pools.all(shop.tenant)

    async def next_one(*_: object) -> int:
        return pool.shuffle.key_of(next(in_order))

    monkeypatch.setattr(evidence.Witness, "_draw", next_one)
    result = await command(shop, "randomness", "Large")
    assert result.exit_code == 1
    assert "FAILED" in result.output


async def test_an_unknown_pool_is_named(shop: Shop) -> None:
    result = await command(shop, "randomness", "Nowhere")
    assert "Nowhere" in str(result.exception)


TAMPERING = {
    "ledger": "update allocation.units set state = 'blocked', claim_id = null where state = 'sold'",
    "claim": "update allocation.claims set state = 'released' where state = 'confirmed'",
    "number": "update simcards.numbers set sale_id = null",
    "number ": "update simcards.sales set state = 'failed'",
    "money": "update payments.payments set amount_minor = amount_minor + 1 where state = 'captured'",
    "money ": "update payments.payments set order_id = gen_random_uuid()",
}


@pytest.mark.parametrize("kind", TAMPERING)
async def test_the_audit_names_what_was_tampered_with(shop: Shop, kind: str) -> None:
    await shop.sold(await shop.pool())
    sound = await command(shop, "audit")
    assert (sound.exit_code, "Nothing differs." in sound.output) == (0, True), sound.output
    shop.sql(TAMPERING[kind])
    result = await command(shop, "audit", "--json")
    assert result.exit_code == 1, result.output
    assert kind.strip() in {finding["kind"] for finding in orjson.loads(result.output)["findings"]}
