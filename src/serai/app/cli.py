"""The command line. It shows results and errors; what it does is elsewhere.

A mistake that the operator can mend is one sentence and exit code 2; what fails later is exit code 1. The verbs of a
system stand beside ours, and its module is imported only when one of them is used.
"""

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

import serai
from serai.app.display import Display, SignIn, children_table
from serai.app.plan import open_configuration
from serai.app.simulations import simulate
from serai.app.status import Status, running_status
from serai.app.up import up as run_site
from serai.app.upkeep.verbs import VERBS
from serai.kernel.errors import Misconfigured, SeraiError
from serai.runtime.settings import Configuration, RuntimeSettings

FAILED = 1
MISCONFIGURED = 2

_WELL, _NOT_WELL = "[green]ok[/green]", "[bold red]no[/bold red]"


BY_THEMSELVES = {"coordination": "serai.systems.coordination.cli:coordination"}
"""Verbs of systems that need no world. They are found without the others' modules: a member that serves stays small."""


class Verbs(click.Group):
    """Our verbs, and every verb that a system declares in `System.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, for the help."""
        return [*super().list_commands(ctx), *sorted(self._of_systems())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Ours first, so that no system can take one away."""
        if cmd_name in BY_THEMSELVES:
            module, _, name = BY_THEMSELVES[cmd_name].partition(":")
            found: click.Command = getattr(import_module(module), name)
            return found
        return super().get_command(ctx, cmd_name) or self._of_systems().get(cmd_name)

    def _of_systems(self) -> dict[str, click.Command]:
        found: dict[str, click.Command] = {}
        for system in _registry().all_systems():
            if system.commands:
                module, _, name = system.commands.partition(":")
                group = getattr(import_module(module), name)
                assert isinstance(group, click.Group), f"{system.commands} is not a click group"
                found |= group.commands
        return found


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(serai.__version__, prog_name="serai", message="%(prog)s %(version)s")
def cli() -> None:
    """The backend systems that every product needs.

    Example: serai up
    """


def _with_settings(command: Any) -> Any:
    """The options that say which site is meant."""
    for option in (
        click.option("--data", metavar="DIR", help="Data directory; default ~/.serai, as root /var/lib/serai."),
        click.option("--port", metavar="N", type=int, help="Port of the web server; default 8420."),
        click.option("--host", metavar="H", help="Address that the web server listens on; default 127.0.0.1."),
    ):
        command = option(command)
    return command


@cli.command()
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...")
@_with_settings
@click.option("--workers", metavar="N", type=int, help="Web processes; default one a core.")
@click.option("--no-demo", is_flag=True, help="Load no demo data.")
def up(*, systems: tuple[str, ...], no_demo: bool, **command_line: Any) -> None:
    """Start the site, with all that it needs, and keep it running until Ctrl-C.

    SYSTEM... names what to start; those that it needs come along. Without names everything starts.

    Example: serai up cinema --port 9000 --data ./data
    """
    configuration = open_configuration({**command_line, "systems": systems or None, "demo": False if no_demo else None})
    settings = configuration.get(RuntimeSettings)
    names = [system.name for system in _registry().chosen_systems(settings.systems)]
    display = Display(Console(), _sign_ins(settings))
    run_site(settings, names, display)


def _registry() -> Any:
    """Imported when asked for: it brings in every system and the web framework, a second that `status` can spare."""
    return import_module("serai.app.registry")


def _sign_ins(settings: RuntimeSettings) -> list[SignIn]:
    """The demo's users exist only where nobody else can reach the site."""
    if not settings.demo or not settings.only_here:
        return []
    users = import_module("serai.systems.identity.demo").DEMO_USERS
    return [SignIn(user.email, user.password, user.role) for user in users]


def _run_in_world(work: Callable[[Any], Awaitable[Any]]) -> Any:
    """What a system's verb is given to do its work with."""
    return import_module("serai.app.errand").run_in_world(work)


@cli.command()
@_with_settings
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(*, as_json: bool, **command_line: Any) -> None:
    """Show what runs: exit code 0 when all of it is ready, 1 otherwise.

    Example: serai status --json
    """
    settings = open_configuration(command_line).get(RuntimeSettings)
    running = running_status(settings.data)
    if as_json:
        _show_json({"state": "stopped"} if running is None else asdict(running))
    elif running is None:
        click.echo(f"Nothing runs on {settings.data}; `serai up` starts it.")
    else:
        _show_status(running)
    if running is None or running.state != "ready":
        raise SystemExit(FAILED)


def _show_status(running: Status) -> None:
    console = Console()
    console.print(f"Serai {running.version} at {running.url} is {running.state} (process {running.pid})")
    console.print(children_table(running))


@cli.command()
@_with_settings
@click.option("--json", "as_json", is_flag=True, help="A list of JSON objects.")
def doctor(*, as_json: bool, **command_line: Any) -> None:
    """Look at everything that a start needs and say what to do: exit code 0 when all is well.

    Example: serai doctor
    """
    findings = import_module("serai.app.doctor").examine(open_configuration(command_line).get(RuntimeSettings))
    if as_json:
        _show_json([asdict(finding) for finding in findings])
    else:
        table = Table("", "what", "found", box=None, pad_edge=False)
        for finding in findings:
            table.add_row(_WELL if finding.well else _NOT_WELL, finding.name, finding.words)
        Console().print(table)
    if not all(finding.well for finding in findings):
        raise SystemExit(FAILED)


@cli.command()
@_with_settings
@click.option("--json", "as_json", is_flag=True, help="A list of JSON objects.")
def settings(*, as_json: bool, **command_line: Any) -> None:
    """Show the settings in force and where each came from. Secrets stay hidden.

    Example: serai settings --json
    """
    configuration = open_configuration(command_line)
    _load_all(configuration)
    if as_json:
        _show_json([asdict(origin) for origin in configuration.origins])
        return
    table = Table("name", "value", "from", "meaning", box=None, pad_edge=False)
    for origin in configuration.origins:
        table.add_row(origin.name, f"{origin.value} {origin.unit}".strip(), origin.source, origin.doc)
    Console().print(table)


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(*, name: str, arguments: tuple[str, ...]) -> None:
    """Measure a system on this machine, beside its peer, and keep the figures.

    Runs from a checkout: the load generators are not part of the installed package.

    Example: serai bench cinema --seconds 15
    """
    checkout = Path(serai.__file__).parents[2]
    found = sorted(path.stem for path in (checkout / "benchmarks").glob("[a-z]*.py") if path.stem != "machine")
    if not found:
        raise Misconfigured("Benchmarks run from a checkout of Serai, and this is an installed package; clone it.")
    if name not in found:
        raise Misconfigured(f"There is no benchmark called {name!r}; choose from: {', '.join(found)}.")
    sys.path.insert(0, str(checkout))
    import_module(f"benchmarks.{name}").main(list(arguments))


for _verb in (*VERBS, simulate):
    cli.add_command(_verb)


def _load_all(configuration: Configuration) -> None:
    configuration.get(RuntimeSettings)
    for system in _registry().all_systems():
        for room in system.settings:
            configuration.get(room)


def _show_json(document: object) -> None:
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def run_or_exit(work: Callable[[], object]) -> None:
    """Does the work; an error of ours becomes its sentence and an exit code."""
    try:
        work()
    except SeraiError as error:
        click.echo(f"serai: {error}", err=True)
        sys.exit(MISCONFIGURED if isinstance(error, Misconfigured) else FAILED)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: `serai`."""
    run_or_exit(lambda: cli.main(arguments, prog_name="serai", obj=_run_in_world))


if __name__ == "__main__":
    main()
