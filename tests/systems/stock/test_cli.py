"""`serai stock` and the demo, in the test's own world: what was played adds up, and the audit names a hand in it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import orjson
import pytest
from click.testing import CliRunner, Result
from tests.systems.cinema.conftest import Site
from tests.systems.stock.conftest import OpenStock

from serai.runtime.system import World
from serai.systems.stock.cli import commands

T = TypeVar("T")


@pytest.fixture
async def site(open_stock: OpenStock) -> Site:
    return await open_stock()


async def command(site: Site, *arguments: str) -> Result:
    """Runs a command beside the test's event loop, and what it wants done inside it."""
    loop = asyncio.get_running_loop()

    def run(work: Callable[[World], Awaitable[T]]) -> T:
        async def done() -> T:
            return await work(site.world)

        return asyncio.run_coroutine_threadsafe(done(), loop).result(60)

    return await asyncio.to_thread(CliRunner().invoke, commands, ["stock", *arguments], obj=run)


async def demo(site: Site) -> None:
    (stock,) = [each for each in site.built if each.system.name == "stock"]
    assert stock.parts.demo is not None
    await stock.parts.demo(lambda what, done, total: None)


async def test_the_demo_is_a_believable_chain_that_adds_up(site: Site) -> None:
    await demo(site)
    ((lines, days, least),) = site.sql("select count(*), count(distinct at::date), min(level) from stock.lines")
    assert lines > 10_000 and days >= 90 and least >= 0
    assert site.sql("select count(*) > 10 from stock.alerts where state = 'raised'") == [(True,)]
    result = await command(site, "audit")
    assert (result.exit_code, "Nothing differs." in result.output) == (0, True), result.output
    await demo(site)  # once more changes nothing
    after = site.sql("select count(*) from stock.lines")
    assert after == [(lines,)]
    shown = orjson.loads((await command(site, "alerts", "--json")).output)
    assert len(shown) > 10 and {"location", "sku", "buy"} <= shown[0].keys()
    assert "location" in (await command(site, "alerts")).output


async def test_the_audit_ends_with_one_when_somebody_has_tampered(site: Site) -> None:
    await demo(site)
    site.sql("update stock.lines set quantity = quantity + 10000 where movement_no = 7 and line_no = 0")
    result = await command(site, "audit", "--json")
    assert result.exit_code == 1
    kinds = {finding["kind"] for finding in orjson.loads(result.output)["findings"]}
    assert {"chain", "conservation", "ledger"} <= kinds
    assert "differ." in (await command(site, "audit")).output
    assert orjson.loads((await command(site, "sign", "--json")).output) == {"heads": 0}


async def test_sheets_go_in_and_out_at_the_command_line(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("sku,name\nTEA,Tea\nMUG,Mug\n")
    dry = await command(site, "import", "products", str(file), "--dry-run")
    assert "2 of 2 lines would be imported" in dry.output
    assert "2 of 2 lines are imported" in (await command(site, "import", "products", str(file))).output
    file.write_text("location,sku,quantity\nNOWHERE,TEA,1\n")
    wrong = await command(site, "import", "deliveries", str(file))
    assert wrong.exit_code == 1 and "line 2, location" in wrong.output
    assert "TEA,Tea" in (await command(site, "export", "products")).output
    assert orjson.loads((await command(site, "export", "levels", "--json")).output) == []
