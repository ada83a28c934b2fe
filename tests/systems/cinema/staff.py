"""Those who work in a cinema, for tests: bearer headers by role, and a second house beside the site's."""

import html
import re
from typing import Any
from uuid import UUID

import httpx
from tests.systems.cinema.conftest import Site

from serai.systems.cinema.plan import classic, export_plan
from serai.systems.identity.api import IdentityApi, NewUser

V1 = "/api/cinema/v1"
EUR = {"amount": 1200, "currency": "EUR"}


async def bearer(site: Site, *roles: str, tenant: UUID | None = None) -> dict[str, str]:
    """Headers of an API key with these roles."""
    api = site.world.need(IdentityApi)
    async with site.world.database.transaction(tenant or site.tenant) as tx:
        made = await api.create_key(tx, name="staff", roles=roles, created_by="test")
    return {"Authorization": f"Bearer {made.text}"}


async def other_house(site: Site) -> tuple[UUID, dict[str, str]]:
    """Another organisation, and headers of its owner."""
    api = site.world.need(IdentityApi)
    tenant = api.new_tenant()
    async with site.world.database.transaction(tenant) as tx:
        await api.create_organisation(tx, "other-house", "Other house")
    return tenant, await bearer(site, "owner", tenant=tenant)


def plan_document(rows: int = 3, seats: int = 6) -> dict[str, Any]:
    """A small hall in pretix's format."""
    document: dict[str, Any] = export_plan(classic(rows=rows, seats=seats))  # type: ignore[assignment]  # JSON
    return document


def seat_count(document: dict[str, Any]) -> int:
    """Seats of a plan document."""
    return sum(len(row["seats"]) for zone in document["zones"] for row in zone["rows"])


async def post(site: Site, path: str, body: Any, headers: dict[str, str], status: int = 201) -> dict[str, Any]:
    """The answer's document, whose status must be this."""
    answer = await site.client.post(f"{V1}{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def built_house(site: Site, headers: dict[str, str], plan: dict[str, Any] | None = None) -> dict[str, str]:
    """A movie, a theater and a screen made through the API: their ids."""
    movie = await post(site, "/movies", {"title": "The Long Harvest", "duration_min": 100}, headers)
    facts = {"name": "Odeon", "city": "Berlin", "time_zone": "Europe/Berlin", "currency": "EUR"}
    theater = await post(site, "/theaters", facts, headers)
    wanted = {"theater_id": theater["id"], "name": "Screen 1", "plan": plan or plan_document()}
    screen = await post(site, "/screens", wanted, headers)
    return {"movie_id": movie["id"], "theater_id": theater["id"], "screen_id": screen["id"]}


def events(site: Site, topic: str) -> list[tuple[str, dict[str, Any]]]:
    """(type, data) of the outbox's events of a topic, oldest first."""
    return [
        (kind, data)
        for kind, data in site.sql("select type, data from runtime.outbox where topic = %s order by event_no", topic)
    ]


PASSWORD = "a password for the tests"


async def employ(site: Site, role: str) -> str:
    """Somebody with this role who can sign in with PASSWORD; returns the e-mail address."""
    api = site.world.need(IdentityApi)
    email = f"{role.replace(':', '-')}@house.example"
    password_hash = await api.hash_password(PASSWORD)
    async with site.world.database.transaction(site.tenant) as tx:
        await api.ensure_user(tx, NewUser(email, role.capitalize(), password_hash, (role,)))
    return email


def csrf_of(page: str) -> str:
    """The token of a page's first form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None, "the page has no form"
    return html.unescape(found[1])


async def signed_in(site: Site, role: str = "manager") -> httpx.AsyncClient:
    """A browser's cookies of somebody with this role; it asks for pages, and closes with the site."""
    client = httpx.AsyncClient(base_url=site.url, timeout=30, headers={"accept": "text/html"})
    site.close_later(client)
    token = csrf_of((await client.get("/sign-in")).text)
    body = {"email": await employ(site, role), "password": PASSWORD, "csrf_token": token}
    assert (await client.post("/sign-in", data=body)).status_code == 303
    return client
