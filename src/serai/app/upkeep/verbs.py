"""`serai migrate`, `events`, `backup`, `restore` and `upgrade-data`. What they do is in the modules beside this one."""

import asyncio
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from serai.app.plan import open_configuration
from serai.kernel.errors import Misconfigured
from serai.runtime.outbox import RelayedEvent, position_before, read_events
from serai.runtime.settings import RuntimeSettings
from serai.runtime.world import SystemClock, SystemRandom

if TYPE_CHECKING:
    from serai.runtime.system import World  # brings in the web framework, which the help can spare

FOLLOW_EVERY_S = 0.5
"""How often `serai events tail --follow` looks."""

PAGE_MAX = 500
"""Events read at once."""

of_site = click.option("--data", metavar="DIR", help="Data directory; default ~/.serai, as root /var/lib/serai.")


def _settings(data: str | None) -> RuntimeSettings:
    return open_configuration({"data": data}).get(RuntimeSettings)


def _migrations() -> Any:
    """Every system's; imported when asked for, since the systems bring in the web framework."""
    assembly, registry = import_module("serai.app.assembly"), import_module("serai.app.registry")
    return assembly.all_migrations(registry.all_systems())


@click.command()
@click.option("--print-roles", is_flag=True, help="Print the SQL that makes the three roles and the database.")
def migrate(*, print_roles: bool) -> None:
    """Apply pending migrations to an outside PostgreSQL, as the owner that SERAI_POSTGRES_OWNER_URL names.

    The embedded server is migrated by every start.

    Example: serai migrate --print-roles
    """
    if print_roles:
        click.echo(import_module("serai.app.upkeep.roles").roles_sql(SystemRandom()))
        return
    settings = open_configuration().get(RuntimeSettings)
    if not settings.postgres_owner_url:
        raise Misconfigured(
            "SERAI_POSTGRES_OWNER_URL is missing; set it to the outside server. `serai up` migrates the embedded one."
        )
    postgres = import_module("serai.runtime.postgres.migrations")
    outside = import_module("serai.runtime.postgres.outside")
    outside.require_server(settings.postgres_owner_url, "SERAI_POSTGRES_OWNER_URL")
    applied = postgres.migrate(settings.postgres_owner_url, _migrations())
    for migration in applied:
        click.echo(f"applied {migration.system}/{migration.number:04d}_{migration.name}")
    click.echo(f"{len(applied)} migrations applied; the database is current.")


@click.group()
def events() -> None:
    """Events that systems have emitted."""


@events.command()
@click.option("--follow", "-f", is_flag=True, help="Keep waiting for more until Ctrl-C.")
@click.option("--topic", metavar="T", default="", help="Only this topic and those below it, such as serai.cinema.")
@click.option("--last", metavar="N", type=click.IntRange(0), default=20, help="Begin so many events back; default 20.")
@click.option("--json", "as_json", is_flag=True, help="One CloudEvents 1.0 object a line.")
@of_site
def tail(*, follow: bool, topic: str, last: int, as_json: bool, data: str | None) -> None:
    """Show the newest events, oldest first.

    Example: serai events tail --follow --topic serai.cinema --json
    """
    show = _show_json if as_json else _show_line

    async def work(world: "World") -> None:
        position = await position_before(world.jobs_database, last, topic)
        while True:
            found = await read_events(world.jobs_database, position, PAGE_MAX, topic)
            for event in found:
                show(event)
            if found:
                position = found[-1].position
            elif not follow:
                return
            else:
                await asyncio.sleep(FOLLOW_EVERY_S)

    import_module("serai.app.errand").run_in_world(work, {"data": data})


def _show_json(event: RelayedEvent) -> None:
    click.echo(orjson.dumps(event.cloud_event()))


def _show_line(event: RelayedEvent) -> None:
    told = event.cloud_event()
    click.echo(f"{told['time']}  {told['type']}  {told['subject']}  {orjson.dumps(told['data']).decode()}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@of_site
def backup(*, file: Path, data: str | None) -> None:
    """Write the whole site into FILE (tar.gz), whether it runs or not.

    FILE holds the database, the gateway's books, the mailbox and the site's secrets: keep it as you keep those.

    Example: serai backup serai-2026-05-01.tar.gz
    """
    manifest = import_module("serai.app.upkeep.backup").back_up(_settings(data), file, SystemClock())
    rows = sum(manifest.rows.values())
    click.echo(f"{file}: {rows:,} rows in {len(manifest.rows)} tables, {file.stat().st_size / 1e6:.1f} MB")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@of_site
def restore(*, file: Path, data: str | None) -> None:
    """Make a site of FILE in an empty data directory; `serai up` starts it.

    With an outside PostgreSQL the empty database that SERAI_POSTGRES_OWNER_URL names is filled.

    Example: serai restore serai-2026-05-01.tar.gz --data ./restored
    """
    settings = _settings(data)
    manifest = import_module("serai.app.upkeep.backup").restore(settings, file, _migrations())
    click.echo(
        f"{settings.data}: {sum(manifest.rows.values()):,} rows of {manifest.made_at}, verified;"
        f" start it with `serai up --data {settings.data}`."
    )


@click.command("upgrade-data")
@click.option("--old-bin", metavar="DIR", default="", help="Programs of the old major; default: those kept or found.")
@of_site
def upgrade_data(*, old_bin: str, data: str | None) -> None:
    """Move a stopped site's data to the PostgreSQL major that is installed now. The old data is put aside.

    Example: serai upgrade-data --data ./data
    """
    settings = _settings(data)
    done = import_module("serai.app.upkeep.upgrade").upgrade_data(settings, old_bin)
    click.echo(
        f"PostgreSQL {done.before} -> {done.after}: {done.rows:,} rows, verified."
        f" Once the site has proved itself, remove {done.aside}."
    )


VERBS: tuple[click.Command, ...] = (migrate, events, backup, restore, upgrade_data)
