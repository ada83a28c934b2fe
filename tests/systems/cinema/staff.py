"""Those who work in a cinema, for tests: bearer headers by role, and a second house beside the site's."""

from typing import Any
from uuid import UUID

from tests.systems.cinema.conftest import Site

from serai.systems.cinema.plan import classic, export_plan
from serai.systems.identity.api import IdentityApi

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
