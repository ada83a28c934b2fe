"""`serai keys`, `serai users` and `serai organisations`: for the one who runs the machine, who needs no role.

The context's object is what runs a function in a World (the composition in app/ opens one); every command is such a
function, so that a test runs the same commands in its own world.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from serai.kernel.errors import Invalid
from serai.runtime.postgres.database import Transaction
from serai.runtime.system import World
from serai.systems.identity import store
from serai.systems.identity.api import tenant_of
from serai.systems.identity.errors import KeyNotFound, UserNotFound
from serai.systems.identity.model import KEY_LIFE_DAYS_MAX, NAMED_ROLES, NewUser
from serai.systems.identity.system import make_api

T = TypeVar("T")

LISTED_MAX = 1_000
"""Rows that a listing shows."""

CREATED_BY = "command line"


class RunInWorld(Protocol):
    """Runs a function in a World and returns its result; SeraiErrors are shown by the caller."""

    def __call__(self, work: Callable[[World], Awaitable[T]], /) -> T:
        """Opens the world, runs, closes."""


in_organisation = click.option("--organisation", metavar="SLUG", help="Which organisation; default: the site's.")
with_roles = click.option(
    "--role", "roles", multiple=True, required=True, help=f"{', '.join(NAMED_ROLES)}, or 'system:verb'; repeatable."
)


@click.group()
def keys() -> None:
    """API keys: create, list, revoke."""


@keys.command("create")
@click.option("--name", required=True, help="What the key is for.")
@with_roles
@click.option("--expires-days", type=click.IntRange(1, KEY_LIFE_DAYS_MAX), help="Days until it ends; default: never.")
@in_organisation
@click.pass_obj
def create_key(
    run: RunInWorld, *, name: str, roles: tuple[str, ...], expires_days: int | None, organisation: str | None
) -> None:
    """Make an API key and print it, this once.

    Example: serai keys create --name "box office" --role manager --expires-days 90
    """

    async def work(world: World) -> str:
        async with world.database.transaction(await tenant_of(world, organisation)) as tx:
            made = await make_api(world).create_key(
                tx, name=name, roles=roles, created_by=CREATED_BY, life_days=expires_days
            )
        return made.text

    click.echo(run(work))


@keys.command("list")
@in_organisation
@click.pass_obj
def list_keys(run: RunInWorld, organisation: str | None) -> None:
    """Show the organisation's API keys.

    Example: serai keys list
    """

    async def work(world: World) -> None:
        async with world.database.transaction(await tenant_of(world, organisation)) as tx:
            found = await store.keys(tx, None, LISTED_MAX)
        rows = [
            (key.id, f"{key.hint}…", key.name, ", ".join(key.roles), key.last_used_at, key.expires_at, key.revoked_at)
            for key in found
        ]
        _show(("id", "begins with", "name", "roles", "last used", "expires", "revoked"), rows)

    run(work)


@keys.command("revoke")
@click.argument("key_id", type=click.UUID)
@in_organisation
@click.pass_obj
def revoke_key(run: RunInWorld, key_id: UUID, organisation: str | None) -> None:
    """Make an API key stop working, within five seconds.

    Example: serai keys revoke 019a2f4e-7c11-7d3a-9b1e-2f6d3c4b5a69
    """

    async def work(world: World) -> None:
        async with world.database.transaction(await tenant_of(world, organisation)) as tx:
            if not await store.revoke_key(tx, key_id):
                raise KeyNotFound(f"There is no API key {key_id}; `serai keys list` shows them.")

    run(work)
    click.echo(f"{key_id} is revoked.")


@click.group()
def users() -> None:
    """Users: create, set-password, list."""


@users.command("create")
@click.argument("email")
@click.option("--name", required=True, help="How the person is shown.")
@with_roles
@click.password_option(help="Asked for when not given.")
@in_organisation
@click.pass_obj
def create_user(
    run: RunInWorld, *, email: str, name: str, roles: tuple[str, ...], password: str, organisation: str | None
) -> None:
    """Make a user and a member of the organisation.

    Example: serai users create ada@example.org --name "Ada" --role owner
    """

    async def work(world: World) -> str:
        api = make_api(world)
        hashed = await api.hash_password(password)
        async with world.database.transaction(await tenant_of(world, organisation)) as tx:
            member, joined = await api.ensure_user(tx, NewUser(email, name, hashed, roles))
        return f"{member.email} {'is now' if joined else 'was already'} a member: {', '.join(member.roles)}"

    click.echo(run(work))


@users.command("set-password")
@click.argument("email")
@click.password_option(help="Asked for when not given.")
@click.pass_obj
def set_password(run: RunInWorld, email: str, password: str) -> None:
    """Set a user's password and end all their sessions.

    Example: serai users set-password ada@example.org
    """

    async def work(world: World) -> None:
        hashed = await make_api(world).hash_password(password)
        async with world.database.transaction(None) as tx:
            user, tenant = await _anywhere(tx, email)
        async with world.database.transaction(tenant) as tx:
            await store.replace_password(tx, user, hashed)

    run(work)
    click.echo(f"{email} has a new password; all sessions have ended.")


@users.command("list")
@in_organisation
@click.pass_obj
def list_users(run: RunInWorld, organisation: str | None) -> None:
    """Show the organisation's members.

    Example: serai users list
    """

    async def work(world: World) -> None:
        async with world.database.transaction(await tenant_of(world, organisation)) as tx:
            found = await store.members(tx, None, LISTED_MAX)
        rows = [(str(member.id), member.email, member.name, ", ".join(member.roles)) for member in found]
        _show(("id", "e-mail", "name", "roles"), rows)

    run(work)


@click.group()
def organisations() -> None:
    """Organisations: create."""


@organisations.command("create")
@click.argument("slug")
@click.option("--name", help="How it is shown; default: the slug.")
@click.pass_obj
def create_organisation(run: RunInWorld, slug: str, name: str | None) -> None:
    """Make an organisation; SERAI_SITE_TENANT decides whose site guests see.

    Example: serai organisations create kino-central --name "Kino Central"
    """

    async def work(world: World) -> str:
        api = make_api(world)
        async with world.database.transaction(api.new_tenant()) as tx:
            made = await api.create_organisation(tx, slug, name or slug)
        return f"{made.slug} is {made.id}"

    click.echo(run(work))


commands = click.Group(
    "identity",
    commands={"keys": keys, "users": users, "organisations": organisations},
    context_settings={"help_option_names": ["-h", "--help"]},
)
"""What the command line takes up: each of the three stands at the top level."""


async def _anywhere(tx: Transaction, email: str) -> tuple[UUID, UUID]:
    """A user, and one organisation in whose transaction their row can be changed. Raises UserNotFound, Invalid."""
    known = await store.credentials_of(tx, email)
    if known is None:
        raise UserNotFound(f"Nobody has the e-mail address {email}; `serai users list` shows who there is.")
    open_to = await store.memberships_of(tx, known.user)
    if not open_to:
        raise Invalid.of("email", "no_organisation", f"{email} is a member of no organisation; add them to one first.")
    return known.user, open_to[0].organisation.id


def _show(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)
