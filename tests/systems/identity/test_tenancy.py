"""No organisation sees or touches another's: by the API, and by the policies when the application forgets to ask."""

from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from .conftest import PASSWORD, Site

V1 = "/api/identity/v1"
TABLES = ("organisations", "users", "memberships", "sessions", "api_keys")


async def populated(site: Site, slug: str) -> tuple[UUID, UUID, str]:
    """An organisation with a user who is signed in, and a key: its id, the user's, the key."""
    tenant = await site.organisation(slug)
    user = await site.user(tenant, f"{slug}@example.org", "owner")
    await site.client().post(f"{V1}/sessions", json={"email": f"{slug}@example.org", "password": PASSWORD})
    return tenant, user, await site.key(tenant, "owner", name=slug)


async def test_anothers_things_are_not_found(site: Site) -> None:
    _, user, key = await populated(site, "a")
    _, _, other = await populated(site, "b")
    ours, theirs = site.client(key=key), site.client(key=other)
    key_id = (await ours.get(f"{V1}/me")).json()["id"]
    assert (await theirs.delete(f"{V1}/keys/{key_id}")).json()["code"] == "key_not_found"
    assert (await theirs.delete(f"{V1}/users/{user}")).json()["code"] == "user_not_found"
    assert (await theirs.put(f"{V1}/users/{user}/roles", json={"roles": ["viewer"]})).status_code == 404
    for path, shown in (("users", "b"), ("keys", "b")):
        assert [item["name"] for item in (await theirs.get(f"{V1}/{path}")).json()["items"]] == [shown]
    assert (await ours.get(f"{V1}/me")).status_code == 200, "and nothing happened to it"


@pytest.mark.parametrize("table", TABLES)
async def test_the_policies_hold_when_a_query_forgets_the_tenant(site: Site, table: str) -> None:
    tenant, user, _ = await populated(site, "a")
    other, _, _ = await populated(site, "b")
    column = "id" if table == "users" else "tenant_id"
    wanted = user if table == "users" else tenant
    query: LiteralString = "select {} from identity.{}"  # type: ignore[assignment]  # built from the table above
    statement = query.format(column, table)
    async with site.world.database.transaction(tenant) as tx:
        assert await tx.fetch(statement) == [(wanted,)]
    async with site.world.database.transaction(other) as tx:
        assert wanted not in [row[0] for row in await tx.fetch(statement)]
    async with site.world.database.transaction(None) as tx:
        assert await tx.fetch(statement) == []
    assert len(site.as_owner(statement)) >= 2, "the control: both are there"


async def test_no_row_can_be_written_for_another_tenant(site: Site) -> None:
    tenant, user, _ = await populated(site, "a")
    other, _, _ = await populated(site, "b")
    with pytest.raises(psycopg.Error, match="row-level security"):
        async with site.world.database.transaction(other) as tx:
            await tx.execute(
                "insert into identity.memberships (tenant_id, user_id, roles) values (%s, %s, '{owner}')",
                (tenant, user),
            )
    async with site.world.database.transaction(other) as tx:
        assert await tx.execute("update identity.users set name = 'x' where id = %s", (user,)) == 0
        assert await tx.execute("update identity.memberships set roles = '{owner}' where user_id = %s", (user,)) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "select password_hash from identity.users",
        "insert into identity.users (id, email, email_key, name, password_hash)"
        " values (gen_random_uuid(), 'a@b.c', 'a@b.c', 'a', 'a')",
        "delete from identity.users",
        "delete from identity.organisations",
        "update identity.organisations set slug = 'x'",
        "update identity.api_keys set secret_hash = sha256('x')",
        "delete from identity.api_keys",
    ],
)
async def test_the_application_lacks_what_it_never_needs(site: Site, tenant: UUID, statement: LiteralString) -> None:
    with pytest.raises(InsufficientPrivilege):
        async with site.world.database.transaction(tenant) as tx:
            await tx.execute(statement)


async def test_the_workers_role_sees_only_sessions(site: Site) -> None:
    await populated(site, "a")
    async with site.world.jobs_database.transaction(None) as tx:
        assert await tx.fetch_one("select count(*) from identity.sessions") == (1,)
    for statement in ("select from identity.users", "select from identity.credentials_of('a@example.org')"):
        with pytest.raises(InsufficientPrivilege):
            async with site.world.jobs_database.transaction(None) as tx:
                await tx.fetch(statement)


async def test_joining_a_second_organisation_cannot_take_the_person_over(site: Site) -> None:
    await populated(site, "a")
    _, _, other = await populated(site, "b")
    new = {"email": "A@example.org", "name": "Taken", "password": "attackers choice", "roles": ["viewer"]}
    added = await site.client(key=other).post(f"{V1}/users", json=new)
    assert added.status_code == 201
    assert added.json()["name"] == "a"
    by_attacker = {"email": "a@example.org", "password": "attackers choice"}
    assert (await site.client().post(f"{V1}/sessions", json=by_attacker)).status_code == 401
    mine = await site.client().post(f"{V1}/sessions", json={**by_attacker, "password": PASSWORD})
    assert mine.json()["organisation"]["slug"] == "a", "and the session still opens at home"


async def test_every_table_forces_row_level_security(site: Site) -> None:
    rows = site.as_owner(
        "select relname, relrowsecurity and relforcerowsecurity from pg_class"
        " where relnamespace = 'identity'::regnamespace and relkind = 'r' order by 1"
    )
    assert rows == [(table, True) for table in sorted(TABLES)]


async def test_functions_of_the_owner_pin_their_search_path_and_are_closed_to_others(site: Site) -> None:
    rows = site.as_owner(
        "select proname, prosecdef, proconfig, has_function_privilege('serai_jobs', oid, 'execute') from pg_proc"
        " where pronamespace = 'identity'::regnamespace and proname <> 'key_state' order by 1"
    )
    assert [row[0] for row in rows] == [
        "add_user",
        "credentials_of",
        "demo_users",
        "memberships_of",
        "organisation_of",
    ]
    assert all(row[1:] == (True, ["search_path=pg_catalog"], False) for row in rows)
