"""`serai simcards`: load-pool, pools, randomness, audit; for the one who runs the machine.

The context's object is what runs a function in a World. `randomness` and `audit` end with exit code 1 when the numbers
can be told, or something differs.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar
from uuid import UUID

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from serai.runtime.system import World
from serai.systems.allocation.api import Allocation, Filling
from serai.systems.identity.api import tenant_of
from serai.systems.simcards.errors import NoSuchPool
from serai.systems.simcards.model import Pool, Standing
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.plans import Kind, Wanted
from serai.systems.simcards.numbering.states import NumberState
from serai.systems.simcards.service.audit import AuditReport, audit
from serai.systems.simcards.service.evidence import DRAWS, Evidence, Witness
from serai.systems.simcards.service.pools import NewPool, Pools
from serai.systems.simcards.system import make_pools

T = TypeVar("T")

DIFFERS = 1


class RunInWorld(Protocol):
    """Runs a function in a World and returns its result; SeraiErrors are shown by the caller."""

    def __call__(self, work: Callable[[World], Awaitable[T]], /) -> T:
        """Opens the world, runs, closes."""


in_organisation = click.option("--organisation", metavar="SLUG", help="Which organisation; default: the site's.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group()
def simcards() -> None:
    """Phone numbers: load-pool, pools, randomness, audit."""


@simcards.command("load-pool")
@click.argument("name")
@click.option("--region", required=True, help="ISO 3166 code of the country: US.")
@click.option("--prefix", required=True, help="What the national numbers begin with: 212.")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), default="mobile", show_default=True)
@click.option("--length", type=int, help="Digits of the national number, where the plan knows several.")
@click.option("--price", type=int, default=900, show_default=True, help="Of a plain number, in minor units.")
@click.option("--premium", type=int, default=4_900, show_default=True, help="Of a premium number, in minor units.")
@click.option("--gold", type=int, default=24_900, show_default=True, help="Of a gold number, in minor units.")
@click.option("--currency", default="EUR", show_default=True)
@click.option("--quarantine-days", type=int, help="How long returned numbers rest; default: the setting.")
@in_organisation
@click.pass_obj
def load_pool(
    run: RunInWorld,
    *,
    name: str,
    region: str,
    prefix: str,
    kind: str,
    length: int | None,
    price: int,
    premium: int,
    gold: int,
    currency: str,
    quarantine_days: int | None,
    organisation: str | None,
) -> None:
    """Make the pool NAME from a numbering plan and fill it; again after an interruption: go on where it was.

    Example: serai simcards load-pool "Manhattan" --region US --prefix 212
    """
    prices = {NumberClass.PLAIN: price, NumberClass.PREMIUM: premium, NumberClass.GOLD: gold}
    new = NewPool(name, Wanted(region, Kind(kind), prefix, length), prices, currency, quarantine_days)

    async def work(world: World) -> Pool:
        tenant = await tenant_of(world, organisation)
        pools = make_pools(world, Allocation(world.clock, world.random))
        known = {pool.name: pool for pool in await pools.all(tenant)}
        pool = known.get(name) or await pools.plan(tenant, new, later=False)
        with _bar() as bar:
            task = bar.add_task(pool.name, total=pool.numbers.size)

            def told(filling: Filling) -> None:
                bar.update(task, completed=filling.filled)

            await pools.fill(tenant, pool.pool_id, told, "command line")
        return pool

    pool = run(work)
    click.echo(f"{pool.name} is open with {pool.numbers.size:,} numbers: {pool.pool_id}")


@simcards.command("pools")
@in_organisation
@as_json_option
@click.pass_obj
def show_pools(run: RunInWorld, *, organisation: str | None, as_json: bool) -> None:
    """Show every pool: free, held, sold and resting numbers, and when it will be empty.

    Example: serai simcards pools
    """

    async def work(world: World) -> list[Standing]:
        tenant = await tenant_of(world, organisation)
        pools = make_pools(world, Allocation(world.clock, world.random))
        return [await pools.standing(tenant, pool.pool_id) for pool in await pools.all(tenant)]

    standings = run(work)
    if as_json:
        _print_json([_described(each) for each in standings])
        return
    table = Table("pool", "numbers", "free", "held", "sold", "resting", "days left", box=None)
    for each in standings:
        counts = each.counts
        sold = counts[NumberState.SOLD] + counts[NumberState.ACTIVE]
        shown = (counts[NumberState.AVAILABLE], counts[NumberState.HELD], sold, counts[NumberState.QUARANTINE])
        left = "-" if each.days_left is None else f"{each.days_left:,.0f}"
        table.add_row(each.pool.name, f"{each.pool.numbers.size:,}", *(f"{count:,}" for count in shown), left)
    Console().print(table)


@simcards.command("randomness")
@click.argument("pool")
@click.option("--draws", type=int, default=DRAWS, show_default=True, help="Numbers that are drawn and given back.")
@in_organisation
@as_json_option
@click.pass_obj
def randomness(run: RunInWorld, *, pool: str, draws: int, organisation: str | None, as_json: bool) -> None:
    """Draw numbers from POOL (a name or id) as buyers do, and test whether anybody could tell the next one.

    Beside them a shop that sells in order, which must fail. Nothing that is drawn stays drawn.

    Example: serai simcards randomness "Manhattan"
    """

    async def work(world: World) -> Evidence:
        tenant = await tenant_of(world, organisation)
        allocation = Allocation(world.clock, world.random)
        pools = make_pools(world, allocation)
        found = await _found(pools, tenant, pool)
        witness = Witness(world.database, allocation, pools, world.clock, world.random)
        return await witness.gather(tenant, found, draws)

    evidence = run(work)
    if as_json:
        _print_json(evidence.json())
    else:
        _show(evidence)
    _end(not evidence.holds)


@simcards.command("audit")
@in_organisation
@as_json_option
@click.pass_obj
def audit_command(run: RunInWorld, *, organisation: str | None, as_json: bool) -> None:
    """Compare numbers with their ledger, sales with numbers, and numbers with money.

    Names what differs and ends with exit code 1 if anything does. Buyers may go on.

    Example: serai simcards audit
    """

    async def work(world: World) -> AuditReport:
        tenant = await tenant_of(world, organisation)
        return await audit(world.database, tenant, Allocation(world.clock, world.random))

    report = run(work)
    if as_json:
        _print_json(report)
    else:
        click.echo(
            f"Compared {report.units:,} numbers with their ledger, {report.sales:,} sales "
            f"and {report.payments:,} payments."
        )
        for finding in report.findings:
            click.echo(f"{finding.kind}: {finding.what}")
        click.echo(f"{len(report.findings)} differ." if report.findings else "Nothing differs.")
    _end(bool(report.findings))


commands = click.Group(
    "simcards",
    commands={"simcards": simcards},
    context_settings={"help_option_names": ["-h", "--help"]},
)
"""What the command line takes up."""


async def _found(pools: Pools, tenant: UUID, text: str) -> UUID:
    for pool in await pools.all(tenant):
        if text in (pool.name, str(pool.pool_id)):
            return pool.pool_id
    raise NoSuchPool(f"There is no pool {text!r}.")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console()
    )


def _show(evidence: Evidence) -> None:
    click.echo(f"{evidence.draws:,} numbers drawn from {evidence.pool.numbers.size:,} of {evidence.pool.name!r}.")
    table = Table("test", "p", "verdict", "a shop that sells in order, p", "verdict", "said", box=None)
    for ours, theirs in zip(evidence.tests, evidence.baseline, strict=True):
        table.add_row(
            ours.name,
            f"{ours.p:.3g}",
            "passed" if ours.passed else "FAILED",
            f"{theirs.p:.3g}",
            "passed" if theirs.passed else "failed",
            ours.said,
        )
    Console().print(table)
    click.echo(
        "Nobody could tell the next number." if evidence.holds else "The numbers can be told, or the tests cannot."
    )


def _described(each: Standing) -> dict[str, Any]:
    return {
        "id": str(each.pool.pool_id),
        "name": each.pool.name,
        "size": each.pool.numbers.size,
        "filled": each.filled,
        "states": {state.value: count for state, count in each.counts.items()},
        "sold_per_day": each.sold_per_day,
        "days_left": each.days_left,
    }


def _print_json(document: object) -> None:
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z))


def _end(differs: bool) -> None:
    if differs:
        raise SystemExit(DIFFERS)
