"""`serai cinema`: audit, reconcile, occupancy, import-plan, export-plan; for the one who runs the machine.

The context's object is what runs a function in a World (the composition in app/ opens one), so a test runs the same
commands in its own world. `audit` and `reconcile` end with exit code 1 when something differs.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

import click
import orjson
from rich.console import Console
from rich.table import Table

from serai.kernel.errors import Invalid
from serai.runtime.system import World
from serai.systems.allocation.api import Allocation
from serai.systems.cinema.model import Screen
from serai.systems.cinema.service.audit import AuditReport, audit
from serai.systems.cinema.service.house import Audit, House
from serai.systems.cinema.service.reports import Report, Reports
from serai.systems.identity.api import tenant_of
from serai.systems.payments.api import Report as Reconciliation
from serai.systems.payments.api import open_reconciler

T = TypeVar("T")

ACTOR = "command line"
DIFFERS = 1
PLAN_BYTES_MAX = 8 * 1024 * 1024


class RunInWorld(Protocol):
    """Runs a function in a World and returns its result; SeraiErrors are shown by the caller."""

    def __call__(self, work: Callable[[World], Awaitable[T]], /) -> T:
        """Opens the world, runs, closes."""


in_organisation = click.option("--organisation", metavar="SLUG", help="Which organisation; default: the site's.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
of_screen = click.option("--screen", "screen_id", type=click.UUID, required=True, help="The screen's id.")
a_day = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def cinema() -> None:
    """Cinema: audit, reconcile, occupancy, import-plan, export-plan."""


@cinema.command("audit")
@in_organisation
@as_json_option
@click.pass_obj
def audit_command(run: RunInWorld, *, organisation: str | None, as_json: bool) -> None:
    """Compare seats with their ledger, bookings with seats and tickets, and tickets with money.

    Names what differs, the first difference first, and ends with exit code 1 if anything does. Buyers may go on.

    Example: serai cinema audit
    """

    async def work(world: World) -> AuditReport:
        tenant = await tenant_of(world, organisation)
        return await audit(world.database, tenant, Allocation(world.clock, world.random))

    report = run(work)
    if as_json:
        _print_json(report)
    else:
        click.echo(
            f"Compared {report.units} seats with their ledger, {report.bookings} bookings, {report.tickets} tickets "
            f"and {report.payments} payments."
        )
        for finding in report.findings:
            click.echo(f"{finding.kind}: {finding.what}")
        click.echo(f"{len(report.findings)} differ." if report.findings else "Nothing differs.")
    _end(bool(report.findings))


@cinema.command("reconcile")
@as_json_option
@click.pass_obj
def reconcile(run: RunInWorld, *, as_json: bool) -> None:
    """Compare our payments of three days with the gateway's; strays are voided, the rest is noted and told.

    Example: serai cinema reconcile --json
    """

    async def work(world: World) -> Reconciliation:
        async with open_reconciler(world) as reconciler:
            return await reconciler.run()

    report = run(work)
    if as_json:
        _print_json(report)
    else:
        click.echo(f"Compared {report.payments} payments of ours with {report.intents} of the gateway.")
        for difference in report.differences:
            click.echo(f"{difference.kind}: {difference.detail}")
        click.echo(f"{len(report.differences)} differ." if report.differences else "Nothing differs.")
    _end(bool(report.differences))


@cinema.command("occupancy")
@click.option("--from", "first", type=a_day, help="First day, YYYY-MM-DD; default: today.")
@click.option("--to", "last", type=a_day, help="Last day; default: the first.")
@in_organisation
@click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet.")
@as_json_option
@click.pass_obj
def occupancy(run: RunInWorld, *, first: Any, last: Any, organisation: str | None, as_csv: bool, as_json: bool) -> None:
    """Show how full the shows of some days are, and what they take.

    Example: serai cinema occupancy --from 2026-11-24 --to 2026-11-30 --csv
    """

    async def work(world: World) -> Report:
        begin: date = first.date() if first else world.clock.now().date()
        end: date = last.date() if last else begin
        return await Reports(world.database).occupancy(await tenant_of(world, organisation), begin, end)

    report = run(work)
    if as_csv:
        click.echo(report.csv(), nl=False)
    elif as_json:
        _print_json(report.json())
    else:
        _show(report)


@cinema.command("import-plan")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@of_screen
@in_organisation
@as_json_option
@click.pass_obj
def import_plan(run: RunInWorld, *, file: Path, screen_id: UUID, organisation: str | None, as_json: bool) -> None:
    """Give a screen the seating plan in FILE, in pretix's public JSON; shows made before keep theirs.

    Example: serai cinema import-plan hall.json --screen 019a2f4e-7c11-7d3a-9b1e-2f6d3c4b5a69
    """
    document = _document(file)

    async def work(world: World) -> Screen:
        return await _house(world).put_plan(await tenant_of(world, organisation), screen_id, document, ACTOR)

    screen = run(work)
    if as_json:
        _print_json(screen)
    else:
        click.echo(f"{screen.name} has the plan {screen.plan_name!r} with {screen.seats} seats.")


@cinema.command("export-plan")
@of_screen
@click.option("--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="A file; default: here.")
@in_organisation
@click.option("--json", "as_json", is_flag=True, help="The plan on one line.")
@click.pass_obj
def export_plan(
    run: RunInWorld, *, screen_id: UUID, output: Path | None, organisation: str | None, as_json: bool
) -> None:
    """Write a screen's seating plan, in pretix's public JSON.

    Example: serai cinema export-plan --screen 019a2f4e-7c11-7d3a-9b1e-2f6d3c4b5a69 --output hall.json
    """

    async def work(world: World) -> dict[str, Any]:
        return await _house(world).plan_of(await tenant_of(world, organisation), screen_id)

    document = run(work)
    text = orjson.dumps(document) if as_json else orjson.dumps(document, option=orjson.OPT_INDENT_2)
    if output is None:
        click.echo(text)
    else:
        output.write_bytes(text + b"\n")
        click.echo(f"Written to {output}.")


commands = click.Group(
    "cinema",
    commands={"cinema": cinema},
    context_settings={"help_option_names": ["-h", "--help"]},
)
"""What the command line takes up."""


def _house(world: World) -> House:
    return House(world.database, Audit(world.outbox), world.clock, world.random)


def _document(file: Path) -> object:
    """The file's JSON; Invalid says where it is none."""
    if file.stat().st_size > PLAN_BYTES_MAX:
        raise Invalid.of("file", "too_large", f"{file} is larger than {PLAN_BYTES_MAX} bytes.")
    try:
        document: object = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Invalid.of("file", "not_json", f"{file} is not JSON: {error}.") from error
    return document


def _show(report: Report) -> None:
    table = Table("show", "theater", "screen", "movie", "sold", "held", "blocked", "seats", "full", "revenue", box=None)
    for show, seats in report.shows:
        cells = (seats.sold, seats.held, seats.blocked, seats.seats)
        said = "called off" if show.cancelled else f"{seats.percent} %"
        table.add_row(
            f"{show.starts_at:%Y-%m-%d %H:%M} UTC",
            show.theater,
            show.screen,
            show.movie,
            *map(str, cells),
            said,
            show.revenue.format(),
        )
    Console().print(table)
    total = report.total
    revenue = ", ".join(money.format() for money in report.revenue) or "nothing"
    click.echo(f"{len(report.shows)} shows, {total.sold} of {total.seats} seats sold ({total.percent} %); {revenue}.")


def _print_json(document: object) -> None:
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z))


def _end(differs: bool) -> None:
    if differs:
        raise SystemExit(DIFFERS)
