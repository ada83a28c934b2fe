"""Walks every endpoint of every system, and every table, as another organisation: nothing of the first one is there.

The first organisation is the demo's, so a system is walked as soon as it has a demo. What a path asks for by name must
have a source below, or the walk says which one is missing. Nothing that the stranger sends, however fitting, may
succeed, tell anything, or change a row of the first.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from fastapi.routing import APIRoute
from tests.conftest import UrlOf
from tests.systems.cinema.conftest import Site, opened_site
from tests.systems.cinema.staff import bearer, other_house

from serai.app.site import make_site
from serai.systems.identity.demo import DEMO_USERS

_CAPABILITY = "select translate(rtrim(encode(uuid_send({id}) || key, 'base64'), '='), '+/', '-_') from {table}"

SOURCES: Mapping[str, str] = {
    "alert_id": "select alert_id::text from stock.alerts",
    "booking_id": _CAPABILITY.format(id="booking_id", table="cinema.bookings"),
    "category_id": "select category_id::text from stock.categories",
    "claim_id": "select claim_id::text from allocation.claims",
    "count_id": "select count_id::text from stock.counts",
    "from_id": "select location_id::text from stock.locations where code = 'DEPOT'",
    "hold_id": _CAPABILITY.format(id="claim_id", table="allocation.claims where owner = 'cinema'"),
    "key_id": "select id::text from identity.api_keys",
    "location_id": "select location_id::text from stock.locations where code = 'HB-MARKT'",
    "movement_id": "select movement_id::text from stock.movements",
    "movie_id": "select movie_id::text from cinema.movies",
    "parent_id": "select location_id::text from stock.locations where code = 'DEPOT'",
    "number": "select number::text from simcards.numbers",
    "pool_id": "select pool_id::text from simcards.pools",
    "porting_id": "select porting_id::text from simcards.portings",
    "product_id": "select product_id::text from stock.products",
    "reservation_id": "select reservation_id::text from stock.reservations",
    "sale_id": _CAPABILITY.format(id="sale_id", table="simcards.sales"),
    "sale_uuid": "select sale_id::text from simcards.sales",
    "screen_id": "select screen_id::text from cinema.screens",
    "session_id": "select id::text from identity.sessions",
    "show_id": "select show_id::text from cinema.shows where starts_at > now() + interval '1 day'",
    "theater_id": "select theater_id::text from cinema.theaters",
    "to_id": "select location_id::text from stock.locations where code = 'HB-MARKT'",
    "transfer_id": "select transfer_id::text from stock.transfers",
    "user_id": "select user_id::text from identity.memberships",
}
"""Where a parameter or a field gets its value: from a row of the first organisation."""

NOBODY_HAS_ONE = {"entry_id": str(UUID(int=7))}
"""Parameters of things that a demo does not leave behind."""

EMPTY = {
    "allocation.external_ledger",
    "allocation.external_lines",
    "cinema.scans",
    "cinema.waiting",
    "payments.differences",
    "runtime.events",
    "stock.serials",
    "stock.unchained",
}
"""Tables in which it leaves nothing."""

UUIDS = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass
class Walk:
    """The first organisation's site, and the stranger who walks it."""

    site: Site
    headers: dict[str, str]
    values: dict[str, str]
    theirs: set[str]
    """Every id in the rows of the first organisation."""
    schemas: Mapping[str, Any]
    paths: Mapping[str, Any]
    problems: list[str] = field(default_factory=list)

    def filled(self, path: str) -> str:
        """The path with things of the first organisation."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            assert name in self.values, f"{path}: say in SOURCES where {name} comes from"
            return self.values[name]

        return re.sub(r"\{(\w+)\}", value, path)

    def body(self, method: str, path: str) -> Any:
        """What fits the route's schema, naming things of the first organisation."""
        content = self.paths.get(path, {}).get(method.lower(), {}).get("requestBody", {}).get("content", {})
        return self.sample("", content["application/json"]["schema"]) if "application/json" in content else {}

    def query(self, method: str, path: str) -> dict[str, Any]:
        """What the route must be asked with."""
        asked = self.paths.get(path, {}).get(method.lower(), {}).get("parameters", ())
        wanted = [each for each in asked if each["in"] == "query" and each["required"]]
        return {each["name"]: self.sample(each["name"], each["schema"]) for each in wanted}

    def sample(self, name: str, schema: Mapping[str, Any]) -> Any:
        """A value that a schema takes."""
        while inside := schema.get("anyOf") or schema.get("allOf") or schema.get("oneOf") or schema.get("$ref"):
            schema = self.schemas[inside.rpartition("/")[2]] if isinstance(inside, str) else inside[0]
        if "const" in schema or "enum" in schema:
            return schema["const"] if "const" in schema else schema["enum"][0]
        kind = schema.get("type")
        if kind == "object":
            of = schema.get("properties", {})
            return {each: self.sample(each, of[each]) for each in schema.get("required", ())}
        if kind == "array":
            return [self.sample(name.removesuffix("s"), schema.get("items", {}))]
        plain = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1), "boolean": False}
        return plain[kind] if kind in plain else self._text(name, schema)

    def _text(self, name: str, schema: Mapping[str, Any]) -> str:
        known = {"date": "2026-12-01", "date-time": "2026-12-01T10:00:00Z", "email": "a@example.org"}
        for given in (self.values.get(name), known.get(schema.get("format", "")), schema.get("default")):
            if given:
                return str(given)
        return next(
            (text for text in ("1", "a@example.org", "EUR", "x1") if re.search(schema.get("pattern", ""), text)), "1"
        )

    def told(self, sent: str, answer: httpx.Response) -> set[str]:
        """Ids of the first organisation in an answer, but for those that the stranger sent."""
        return (set(UUIDS.findall(answer.text)) & self.theirs) - set(UUIDS.findall(sent))


def routes_of(site: Site) -> Iterator[tuple[str, str, bool]]:
    """(method, path, whether it is of the API) of every route of the site."""

    def walked(routes: Sequence[Any]) -> Iterator[Any]:
        for route in routes:
            inside = getattr(route, "original_router", None)
            yield from walked(inside.routes) if inside is not None else [route]

    for route in walked(make_site(site.world, site.built).routes):
        if isinstance(route, APIRoute):
            for method in route.methods:
                yield method, route.path, route.path.startswith("/api/")


def checksums(site: Site, tenant: UUID) -> dict[str, tuple[int, str]]:
    """How many rows of an organisation each table has, and what they say."""
    found = {}
    for (table,) in site.sql(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' where c.relkind in ('r', 'p')"
    ):
        said = "md5(coalesce(sum(hashtextextended(t::text, 0)), 0)::text)"
        query = f"select count(*), {said} from {table} t where tenant_id = %s"
        found[table] = site.sql(query, tenant)[0]
    return found


def ids_of(site: Site, tenant: UUID) -> set[str]:
    """Every id that a row of an organisation has in one of its columns."""
    columns = site.sql(
        "select n.nspname || '.' || c.relname, a.attname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_attribute a on a.attrelid = c.oid and a.atttypid = 'uuid'::regtype and a.attname <> 'tenant_id'"
        " where c.relkind = 'r' and exists (select from pg_attribute t where t.attrelid = c.oid"
        " and t.attname = 'tenant_id') and n.nspname <> 'runtime'"
    )
    found: set[str] = set()
    for table, column in columns:
        query = f"select distinct {column}::text from {table} where tenant_id = %s and {column} is not null"
        found |= {row[0] for row in site.sql(query, tenant)}
    return found


async def walk_of(site: Site) -> Walk:
    """The demo of every system, somebody signed in, a key; and the stranger."""
    for each in site.built:
        if each.parts.demo:
            await each.parts.demo(lambda what, done, total: None)
    owner = DEMO_USERS[0]
    signed_in = await site.client.post(
        "/api/identity/v1/sessions", json={"email": owner.email, "password": owner.password}
    )
    assert signed_in.status_code in (200, 201), signed_in.text
    site.client.cookies.clear()
    await bearer(site, "viewer")
    values = dict(NOBODY_HAS_ONE)
    for name, query in SOURCES.items():
        rows = site.sql(f"{query} limit 1")
        assert rows, f"the demo leaves no row for {name}"
        values[name] = rows[0][0]
    theirs = ids_of(site, site.tenant)
    _, headers = await other_house(site)
    document = (await site.client.get("/openapi.json")).json()
    return Walk(site, headers, values, theirs, document["components"]["schemas"], document["paths"])


async def ask(walk: Walk, method: str, path: str, *, api: bool) -> None:
    """One request of the stranger."""
    url, body = walk.filled(path), walk.body(method, path) if method != "GET" else None
    headers = walk.headers | {"Idempotency-Key": str(uuid4())}
    content = {"json": body} if body is not None else {}
    content["params"] = walk.query(method, path)
    answer = await walk.site.client.request(method, url, headers=headers, timeout=10, **content)
    said = f"{method} {path}: {answer.status_code}"
    if told := walk.told(f"{url} {body} {content}", answer):
        walk.problems.append(f"{said} tells {sorted(told)[:3]}")
    if answer.status_code >= 500:
        walk.problems.append(f"{said} {answer.text[:200]}")
    if "{" in path and api:
        # A body may be refused before anybody looks for what the path names.
        if answer.status_code not in ({404} if method == "GET" else {404, 422}):
            walk.problems.append(f"{said} instead of 404: {answer.text[:200]}")
    elif "{" in path and answer.status_code < 300:
        walk.problems.append(f"{said} for a page of another organisation")


def tables_are_closed(walk: Walk, database_url: UrlOf, stranger: UUID) -> None:
    """What the application's own role sees and may change of the first organisation, in every table."""
    with psycopg.connect(database_url("serai_app"), autocommit=True) as connection:
        for table in checksums(walk.site, walk.site.tenant):
            with connection.transaction():
                connection.execute("select set_config('app.tenant_id', %s, true)", (str(stranger),))
                for statement in (
                    f"select 1 from {table} where tenant_id <> %s limit 1",
                    f"update {table} set tenant_id = tenant_id where tenant_id <> %s returning 1",
                    f"delete from {table} where tenant_id <> %s returning 1",
                ):
                    try:
                        with connection.transaction():
                            found = connection.execute(statement.encode(), (stranger,)).fetchall()
                    except psycopg.errors.InsufficientPrivilege:
                        continue
                    if found:
                        walk.problems.append(f"{statement} reaches another organisation's rows")


@pytest.mark.timeout(300)
async def test_a_stranger_walks_every_endpoint_and_table_and_finds_nothing(database_url: UrlOf, tmp_path: Path) -> None:
    async with opened_site(database_url, tmp_path) as site:  # type: ignore[arg-type]  # roles are text
        walk = await walk_of(site)
        before = checksums(site, site.tenant)
        assert {table for table, (rows, _) in before.items() if not rows} <= EMPTY
        routes = sorted(set(routes_of(site)))
        assert len(routes) > 120
        assert {path.split("/")[2] for _, path, api in routes if api} >= {
            "identity",
            "cinema",
            "simcards",
            "stock",
            "payments",
        }
        for method, path, api in routes:
            await ask(walk, method, path, api=api)
        (stranger,) = site.sql("select tenant_id from identity.organisations where slug = 'other-house'")[0]
        tables_are_closed(walk, database_url, stranger)
        after = checksums(site, site.tenant)
        changed = [table for table in before if before[table] != after[table]]
        assert (walk.problems, changed) == ([], [])
