"""`serai cinema`, run in the test's own world: the audit names what somebody's hand has changed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
import pytest
from click.testing import CliRunner, Result
from tests.systems.cinema.conftest import Site
from tests.systems.cinema.staff import V1, bearer, built_house, other_house, plan_document, seat_count
from tests.systems.cinema.test_swap import booked, swap

from serai.runtime.system import World
from serai.systems.cinema.cli import cinema, commands

T = TypeVar("T")


async def command(site: Site, *arguments: str) -> Result:
    """Runs a command beside the test's event loop, and what it wants done inside it."""
    loop = asyncio.get_running_loop()

    def run(work: Callable[[World], Awaitable[T]]) -> T:
        async def done() -> T:
            return await work(site.world)

        return asyncio.run_coroutine_threadsafe(done(), loop).result(30)

    return await asyncio.to_thread(CliRunner().invoke, commands, ["cinema", *arguments], obj=run)


async def sold(site: Site) -> list[dict[str, Any]]:
    """A show with a booking, a swapped one, a cancelled one, a declined one and a hold."""
    show_id = await site.make_show()
    seats = list(await site.seats(show_id))
    bookings = [await booked(site, show_id, seats[2 * n : 2 * n + 2]) for n in range(3)]
    assert (await swap(site, bookings[1], seats[20:22])).status_code == 200
    assert (await site.client.post(f"{V1}/bookings/{bookings[2]['id']}/cancel")).status_code == 200
    declined = (await site.hold(show_id, seats[30:31])).json()
    assert (await site.book(declined["id"], method="pm_card_chargeDeclined", key="no")).status_code == 402
    await site.hold(show_id, seats[40:42])
    return bookings


async def test_an_audit_of_a_sound_house_finds_nothing(site: Site) -> None:
    await sold(site)
    result = await command(site, "audit")
    assert (result.exit_code, "Nothing differs." in result.output) == (0, True), result.output
    report = orjson.loads((await command(site, "audit", "--json")).output)
    assert (report["bookings"], report["tickets"], report["payments"], report["findings"]) == (4, 4, 3, [])
    assert report["units"] > 100


TAMPERING = {
    "ledger": "update allocation.units set state = 'blocked', claim_id = null where state = 'sold' and key = 1",
    "claim": "update allocation.claims set state = 'released' where state = 'confirmed'",
    "seats": "update cinema.bookings set seat_keys = '{77,78}' where state = 'confirmed'",
    "tickets": "update cinema.tickets set revoked_at = now() where revoked_at is null and seat_key < 3",
    "money": "update payments.payments set amount_minor = amount_minor + 1 where state = 'captured'",
    "money ": "update payments.payments set state = 'declined' where state = 'refunded'",
    "money  ": "update payments.payments set order_id = gen_random_uuid() where state = 'captured'",
    "tickets ": "update cinema.bookings set state = 'failed' where state = 'confirmed'",
}


@pytest.mark.parametrize("kind", TAMPERING)
async def test_the_audit_names_what_was_tampered_with(site: Site, kind: str) -> None:
    await sold(site)
    site.sql(TAMPERING[kind])
    result = await command(site, "audit", "--json")
    assert result.exit_code == 1, result.output
    findings = orjson.loads(result.output)["findings"]
    assert kind.strip() in {finding["kind"] for finding in findings}
    assert "differ" in (await command(site, "audit")).output


async def test_reconcile_compares_with_the_gateway(site: Site) -> None:
    await sold(site)
    site.sql("update payments.payments set created_at = created_at - interval '1 hour'")
    result = await command(site, "reconcile")
    assert (result.exit_code, "Nothing differs." in result.output) == (0, True), result.output
    site.sql("update payments.payments set amount_minor = amount_minor + 1 where state = 'captured'")
    result = await command(site, "reconcile", "--json")
    assert result.exit_code == 1
    assert {each["kind"] for each in orjson.loads(result.output)["differences"]} == {"captured_amount"}


async def test_occupancy_for_people_and_programs(site: Site) -> None:
    await sold(site)
    start = datetime.now(UTC) + timedelta(hours=30)
    days = ("--from", f"{start - timedelta(days=1):%Y-%m-%d}", "--to", f"{start + timedelta(days=1):%Y-%m-%d}")
    shown = await command(site, "occupancy", *days)
    assert (shown.exit_code, "1 shows, 4 of" in shown.output) == (0, True), shown.output
    report = orjson.loads((await command(site, "occupancy", *days, "--json")).output)
    assert report["totals"]["sold"] == 4
    table = (await command(site, "occupancy", *days, "--csv")).output.splitlines()
    assert table[0].startswith("show_id,movie") and len(table) == 2


async def test_a_plan_goes_out_and_comes_in_again(site: Site, tmp_path: Path) -> None:
    manager = await bearer(site, "cinema:manage")
    small, large = plan_document(3, 6), plan_document(4, 8)
    ids = await built_house(site, manager, small)
    screen = ids["screen_id"]
    out = tmp_path / "hall.json"
    assert (await command(site, "export-plan", "--screen", screen, "--output", str(out))).exit_code == 0
    assert orjson.loads(out.read_bytes()) == small
    out.write_bytes(orjson.dumps(large))
    imported = await command(site, "import-plan", str(out), "--screen", screen, "--json")
    assert imported.exit_code == 0, imported.output
    assert orjson.loads(imported.output)["seats"] == seat_count(large)
    assert orjson.loads((await command(site, "export-plan", "--screen", screen)).output) == large
    out.write_bytes(b"{")
    assert "is not JSON" in str((await command(site, "import-plan", str(out), "--screen", screen)).exception)
    await other_house(site)
    stranger = await command(site, "export-plan", "--screen", screen, "--organisation", "other-house")
    assert "There is no screen" in str(stranger.exception)
    unknown = await command(site, "audit", "--organisation", "nobody")
    assert "No organisation" in str(unknown.exception)


def test_every_verb_shows_an_example_and_has_json() -> None:
    for name, verb in cinema.commands.items():
        assert isinstance(verb, click.Command)
        assert f"Example: serai cinema {name}" in (verb.help or "")
        assert "--json" in [option for param in verb.params for option in param.opts]
