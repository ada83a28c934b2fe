"""`serai stock`: audit, sign, levels, alerts, import, export; for the one who runs the machine.

The context's object is what runs a function in a World (the composition in app/ opens one), so a test runs the same
commands in its own world. `audit` ends with exit code 1 when something differs.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click
import orjson
from rich.console import Console
from rich.table import Table

from serai.runtime.postgres.database import Transaction
from serai.runtime.sheets import ImportReport, write_sheet
from serai.runtime.system import World
from serai.systems.allocation.api import Allocation
from serai.systems.identity.api import tenant_of
from serai.systems.stock.flows import AlertState
from serai.systems.stock.service.alerts import Shown
from serai.systems.stock.service.chaining import AuditReport, Chaining, audit
from serai.systems.stock.service.sheets import LEVEL_HEADING, PRODUCT_HEADING
from serai.systems.stock.system import head_key
from serai.systems.stock.whole import Stock, whole_stock

T = TypeVar("T")

ACTOR = "command line"
DIFFERS = 1
ALERTS_MAX = 100


class RunInWorld(Protocol):
    """Runs a function in a World and returns its result; SeraiErrors are shown by the caller."""

    def __call__(self, work: Callable[[World], Awaitable[T]], /) -> T:
        """Opens the world, runs, closes."""


in_organisation = click.option("--organisation", metavar="SLUG", help="Which organisation; default: the site's.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group()
def stock() -> None:
    """Stock: audit, sign, alerts, import, export."""


@stock.command("audit")
@in_organisation
@as_json_option
@click.pass_obj
def audit_command(run: RunInWorld, *, organisation: str | None, as_json: bool) -> None:
    """Compare levels with both ledgers, reservations with levels, and the chain with what it covers.

    Names what differs, and ends with exit code 1 if anything does. Sales may go on.

    Example: serai stock audit
    """

    async def work(world: World) -> AuditReport:
        tenant, key = await tenant_of(world, organisation), head_key(world)
        return await audit(world.database, tenant, Allocation(world.clock, world.random), {key.id: key.public()})

    report = run(work)
    if as_json:
        _print_json(report)
    else:
        click.echo(
            f"Compared {report.levels} counters with their ledger, {report.links} links and {report.heads} heads of "
            f"the chain; {report.waiting} records wait to be chained."
        )
        for finding in report.findings:
            click.echo(f"{finding.kind}: {finding.what}")
        click.echo(f"{len(report.findings)} differ." if report.findings else "Nothing differs.")
    if report.findings:
        raise SystemExit(DIFFERS)


@stock.command("sign")
@as_json_option
@click.pass_obj
def sign(run: RunInWorld, *, as_json: bool) -> None:
    """Chain what waits and sign today's head of every organisation's chain.

    Example: serai stock sign
    """

    async def work(world: World) -> int:
        return await Chaining(world.jobs_database, head_key(world), world.clock).sign()

    made = run(work)
    if as_json:
        _print_json({"heads": made})
    else:
        click.echo(f"{made} heads are new today.")


@stock.command("alerts")
@in_organisation
@as_json_option
@click.pass_obj
def alerts(run: RunInWorld, *, organisation: str | None, as_json: bool) -> None:
    """Show what is low, and what to buy.

    Example: serai stock alerts
    """
    states = [state for state in AlertState if state is not AlertState.CLEARED]

    async def work(world: World) -> list[Shown]:
        whole = _stock(world)
        return await whole.read(
            await tenant_of(world, organisation), lambda tx: whole.alerts.inbox(tx, None, states, None, ALERTS_MAX)
        )

    rows = [_alert_row(shown) for shown in run(work)]
    if as_json:
        _print_json(rows)
        return
    table = Table(*(rows[0] if rows else ("nothing is low",)), box=None)
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)


@stock.command("import")
@click.argument("what", type=click.Choice(["products", "deliveries"]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reference", default="", help="Of the deliveries, such as an order's number.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@in_organisation
@as_json_option
@click.pass_obj
def import_command(
    run: RunInWorld,
    *,
    what: str,
    file: Path,
    reference: str,
    dry_run: bool,
    organisation: str | None,
    as_json: bool,
) -> None:
    """Read products or deliveries from a CSV file; nothing is kept if a line is wrong.

    Example: serai stock import deliveries opening.csv --dry-run
    """
    raw = file.read_bytes()

    async def work(world: World) -> ImportReport:
        whole = _stock(world)

        async def read(tx: Transaction) -> ImportReport:
            if what == "products":
                return await whole.sheets.import_products(tx, raw, ACTOR, dry_run=dry_run)
            return await whole.sheets.import_deliveries(tx, raw, reference, ACTOR, dry_run=dry_run)

        return await whole.imported(await tenant_of(world, organisation), read)

    report = run(work)
    if as_json:
        _print_json(report.json())
    else:
        for error in report.errors:
            click.echo(f"line {error.line}, {error.column or 'all of it'}: {error.message}")
        said = "would be imported" if dry_run else "are imported"
        click.echo(f"{report.imported} of {report.lines} lines {said}; {len(report.errors)} errors.")
    if report.errors:
        raise SystemExit(DIFFERS)


@stock.command("export")
@click.argument("what", type=click.Choice(["products", "levels"]))
@in_organisation
@as_json_option
@click.pass_obj
def export(run: RunInWorld, *, what: str, organisation: str | None, as_json: bool) -> None:
    """Write products, or what there is of them, as CSV.

    Example: serai stock export levels
    """

    async def work(world: World) -> list[Any]:
        whole = _stock(world)

        async def rows(tx: Transaction) -> list[Any]:
            found = whole.sheets.products(tx) if what == "products" else whole.sheets.levels(tx)
            return [row async for row in found]

        return await whole.read(await tenant_of(world, organisation), rows)

    heading = PRODUCT_HEADING if what == "products" else LEVEL_HEADING
    rows = run(work)
    if as_json:
        _print_json([dict(zip(heading, row, strict=True)) for row in rows])
    else:
        click.echo(write_sheet(heading, rows), nl=False)


commands = click.Group("stock", commands={"stock": stock}, context_settings={"help_option_names": ["-h", "--help"]})
"""What the command line takes up."""


def _stock(world: World) -> Stock:
    allocation = Allocation(world.clock, world.random)
    return whole_stock(world.database, allocation, world.outbox, world.clock, world.random)


def _alert_row(shown: Shown) -> dict[str, str]:
    product = shown.product
    return {
        "location": shown.location.code,
        "sku": product.sku,
        "name": product.name,
        "state": shown.alert.state.value,
        "on hand": product.written(shown.level.on_hand),
        "reorder point": product.written(shown.alert.reorder_point),
        "buy": product.written(shown.to_buy),
    }


def _print_json(document: object) -> None:
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z))
