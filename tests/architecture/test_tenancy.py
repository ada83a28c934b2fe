"""Every table belongs to one tenant at a time, whoever asks: read from a migrated database, not from the migrations."""

from typing import Any

import psycopg
import pytest

from serai.runtime.postgres.server import SUPERUSER, EmbeddedServer

WITHOUT_TENANT = {"runtime.migrations", "identity.users"}
"""The book of migrations, and people, who may belong to several organisations; `jobs` is the queue's own schema."""

OURS = "n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'public', 'jobs')"


@pytest.fixture
def ask(server: EmbeddedServer) -> Any:
    def rows(query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(server.url(SUPERUSER)) as connection:
            return connection.execute(query.encode()).fetchall()

    return rows


def test_every_table_has_its_tenant_first_in_its_keys(ask: Any) -> None:
    keys = ask(
        "select n.nspname || '.' || c.relname, k.contype, pg_get_constraintdef(k.oid) from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace"
        " left join pg_constraint k on k.conrelid = c.oid and k.contype in ('p', 'u')"
        f" where c.relkind in ('r', 'p') and {OURS}"
    )
    tables = {name for name, *_ in keys}
    assert len(tables) > 20
    assert {name for name, kind, _ in keys if kind == "p"} == tables, "a table without a primary key"
    others = [(name, rule) for name, _, rule in keys if name not in WITHOUT_TENANT and "(tenant_id" not in rule]
    assert others == [("identity.organisations", "UNIQUE (slug)")]  # a slug names one organisation of all


def test_row_level_security_is_enabled_forced_and_has_policies(ask: Any) -> None:
    found = ask(
        "select n.nspname || '.' || c.relname, c.relrowsecurity and c.relforcerowsecurity,"
        " coalesce((select array_agg(distinct r.rolname::text) from pg_policy p, unnest(p.polroles) as of(role)"
        " join pg_roles r on r.oid = of.role where p.polrelid = c.oid), '{}'),"
        " (select bool_and(pg_get_expr(p.polqual, p.polrelid) like '%tenant_id = %app.tenant_id%') from pg_policy p"
        " join pg_roles r on r.oid = any(p.polroles) where p.polrelid = c.oid and r.rolname = 'serai_app')"
        f" from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and {OURS}"
    )
    unguarded = {name for name, guarded, _, _ in found if not guarded}
    assert unguarded == {"runtime.migrations"}
    # The owner's policy is what lets a backup see every row; serai_app's is about the tenant and nothing else.
    wanted = {"serai_app", "serai_owner"}
    lacking = [name for name, _, roles, _ in found if name not in unguarded and not wanted <= {*roles}]
    assert lacking == []
    assert [name for name, _, _, tenants in found if name not in unguarded and not tenants] == []


def test_views_do_not_look_past_the_policies(ask: Any) -> None:
    views = ask(
        "select n.nspname || '.' || c.relname, coalesce(c.reloptions, '{}') from pg_class c"
        f" join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('v', 'm') and {OURS}"
    )
    assert [name for name, options in views if "security_invoker=true" not in options] == []


def test_the_roles_have_no_power_of_their_own(ask: Any) -> None:
    assert ask(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication from pg_roles"
        " where rolname like 'serai%' order by 1"
    ) == [(role, False, False, False, False, False) for role in ("serai_app", "serai_jobs", "serai_owner")]
    members = "select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname like 's%'"
    assert ask(members) == []
    owned = (
        "select distinct r.rolname from pg_roles r where exists (select from pg_class where relowner = r.oid)"
        " or exists (select from pg_namespace where nspowner = r.oid)"
        " or exists (select from pg_proc where proowner = r.oid)"
    )
    assert {name for (name,) in ask(owned)} & {"serai_app", "serai_jobs"} == set()
    creators = (
        "select r.rolname, n.nspname from pg_roles r, pg_namespace n where r.rolname in ('serai_app', 'serai_jobs')"
        " and has_schema_privilege(r.oid, n.oid, 'create')"
    )
    assert ask(creators) == []
    assert ask("select has_database_privilege('serai_app', 'serai', 'create')") == [(False,)]


@pytest.mark.parametrize(
    "statement", ["create table cinema.mine (a int)", "drop table cinema.shows", "create schema x"]
)
@pytest.mark.parametrize("role", ["serai_app", "serai_jobs"])
def test_the_application_cannot_change_the_schema(database_url: Any, role: str, statement: str) -> None:
    with psycopg.connect(database_url(role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())
