"""The commands, run in the test's own world."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import click
import pytest
from click.testing import CliRunner, Result

from serai.kernel.errors import SeraiError
from serai.runtime.system import World
from serai.systems.identity.cli import commands

from .conftest import Site

T = TypeVar("T")
V1 = "/api/identity/v1"


async def command(site: Site, *arguments: str) -> Result:
    """Runs a command beside the test's event loop, and what it wants done inside it."""
    loop = asyncio.get_running_loop()

    def run(work: Callable[[World], Awaitable[T]]) -> T:
        async def done() -> T:
            return await work(site.world)

        return asyncio.run_coroutine_threadsafe(done(), loop).result(30)

    return await asyncio.to_thread(CliRunner().invoke, commands, arguments, obj=run)


async def test_a_created_key_opens_and_a_revoked_one_does_not(site: Site, tenant: UUID) -> None:
    made = await command(site, "keys", "create", "--name", "box office", "--role", "manager", "--expires-days", "3")
    assert made.exit_code == 0, made.output
    client = site.client(key=made.output.strip())
    me = (await client.get(f"{V1}/me")).json()
    assert me["name"] == "box office"
    listed = await command(site, "keys", "list")
    assert "box office" in listed.output and made.output.strip() not in listed.output
    assert (await command(site, "keys", "revoke", me["id"])).exit_code == 0
    site.clock.advance(5)
    assert (await client.get(f"{V1}/me")).status_code == 401


async def test_a_created_user_signs_in_and_a_new_password_replaces_the_old(site: Site, tenant: UUID) -> None:
    who = ("ada@example.org", "--name", "Ada", "--role", "owner", "--password", "first password")
    made = await command(site, "users", "create", *who)
    assert made.output == "ada@example.org is now a member: owner\n"
    assert (await command(site, "users", "create", *who)).output == "ada@example.org was already a member: owner\n"
    body = {"email": "ada@example.org", "password": "first password"}
    assert (await site.client().post(f"{V1}/sessions", json=body)).status_code == 201
    changed = await command(site, "users", "set-password", "ada@example.org", "--password", "second password")
    assert changed.exit_code == 0
    assert (await site.client().post(f"{V1}/sessions", json=body)).status_code == 401
    body["password"] = "second password"
    assert (await site.client().post(f"{V1}/sessions", json=body)).status_code == 201
    assert "Ada" in (await command(site, "users", "list")).output


async def test_an_organisation_is_made_and_filled(site: Site) -> None:
    assert (await command(site, "organisations", "create", "kino", "--name", "Kino")).exit_code == 0
    made = await command(site, "keys", "create", "--name", "n", "--role", "owner", "--organisation", "kino")
    me = (await site.client(key=made.output.strip()).get(f"{V1}/me")).json()
    assert me["organisation"]["slug"] == "kino"


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("keys", "revoke", str(UUID(int=7))), "key_not_found"),
        (("keys", "list", "--organisation", "nowhere"), "not_found"),
        (("keys", "create", "--name", "n", "--role", "queen"), "invalid_request"),
        (("users", "set-password", "nobody@example.org", "--password", "long enough now"), "user_not_found"),
        (("organisations", "create", "site"), "slug_taken"),
    ],
)
async def test_a_mistake_is_an_error_with_a_code(site: Site, arguments: tuple[str, ...], code: str) -> None:
    failed = await command(site, *arguments)
    assert isinstance(failed.exception, SeraiError)
    assert failed.exception.code == code


def _leaves(group: click.Group) -> list[Any]:
    return [
        leaf
        for found in group.commands.values()
        for leaf in (_leaves(found) if isinstance(found, click.Group) else [found])
    ]


@pytest.mark.parametrize("leaf", _leaves(commands), ids=lambda leaf: leaf.name)
def test_every_command_shows_an_example(leaf: click.Command) -> None:
    assert "Example: serai " in (leaf.help or "")
