"""A site per test: a cloned database, identity built in it, and clients that come from an address of their choice."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
import pytest
from fastapi import APIRouter, FastAPI
from tests.doubles import ManualClock, SeededRandom

import serai.systems.identity
from serai.runtime.http.app import create_app
from serai.runtime.http.callers import CallerTable
from serai.runtime.http.edge import Limits
from serai.runtime.http.principal import Authenticate
from serai.runtime.jobs import Queue
from serai.runtime.outbox import Outbox
from serai.runtime.postgres.database import Database
from serai.runtime.postgres.server import Role
from serai.runtime.settings import Configuration
from serai.runtime.system import Parts, Secrets, World
from serai.systems.identity.api import IdentityApi, NewUser, account_of, csrf_token, flashes_of
from serai.systems.identity.system import SYSTEM
from serai.web.shell import Shell

TEMPLATES = Path(serai.systems.identity.__file__).parent / "templates"
CHEAP_HASHING = {
    "identity_argon2_time_cost": 1,
    "identity_argon2_memory_kib": 64,
    "identity_argon2_lanes": 1,
}
PASSWORD = "correct horse battery"
ADDRESS = "203.0.113.7"


@pytest.fixture
def settings_in_force() -> dict[str, object]:
    """What a test changes about the settings, before the site is made."""
    return {}


@pytest.fixture
def world(
    database: Database,
    jobs_database: Database,
    database_url: Callable[[Role], str],
    clock: ManualClock,
    random: SeededRandom,
    settings_in_force: dict[str, object],
    tmp_path: Path,
) -> World:
    return World(
        clock=clock,
        random=random,
        configuration=Configuration({"site_tenant": "site", **CHEAP_HASHING, **settings_in_force}, {}),
        database=database,
        jobs_database=jobs_database,
        queue=Queue(database_url("serai_jobs")),
        outbox=Outbox(clock, random),
        secrets=Secrets({"identity": b"s" * 32}),
        data=tmp_path,
        callers=CallerTable(clock),
        sign_ins=CallerTable(clock),
    )


@dataclass
class Site:
    """Identity, built and served."""

    world: World
    parts: Parts
    app: FastAPI
    clock: ManualClock
    owner_url: str
    """Of serai_owner, who sees and changes every row: for tests that move time or look behind the policies."""
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def api(self) -> IdentityApi:
        return self.world.need(IdentityApi)

    def client(self, *, address: str = ADDRESS, base: str = "http://site", key: str = "") -> httpx.AsyncClient:
        """A browser or program of its own."""
        transport = httpx.ASGITransport(app=self.app, client=(address, 40_000), raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        made = httpx.AsyncClient(transport=transport, base_url=base, headers=headers)
        self.clients.append(made)
        return made

    async def organisation(self, slug: str) -> UUID:
        async with self.world.database.transaction(self.api.new_tenant()) as tx:
            return (await self.api.create_organisation(tx, slug, slug.title())).id

    async def user(self, tenant: UUID, email: str, *roles: str, password: str = PASSWORD) -> UUID:
        hashed = await self.api.hash_password(password)
        async with self.world.database.transaction(tenant) as tx:
            member, _ = await self.api.ensure_user(tx, NewUser(email, email.partition("@")[0], hashed, roles))
        return member.id

    async def key(self, tenant: UUID, *roles: str, name: str = "test") -> str:
        async with self.world.database.transaction(tenant) as tx:
            made = await self.api.create_key(tx, name=name, roles=roles, created_by="test")
        return made.text

    def as_owner(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []


async def _ready() -> None:
    return None


@pytest.fixture
def more_routers() -> list[APIRouter]:
    """Routes that a test adds to the site."""
    return []


@pytest.fixture
async def site(
    world: World, clock: ManualClock, database_url: Callable[[Role], str], more_routers: list[APIRouter]
) -> AsyncIterator[Site]:
    shell = Shell(
        clock=clock, csrf_token=csrf_token, account=account_of, flashes=flashes_of, template_folders=[TEMPLATES]
    )
    world.provide(Shell, shell)
    parts = SYSTEM.build(world)
    authenticate = world.need(Authenticate)  # type: ignore[type-abstract]  # a port is found by its protocol
    app = create_app(
        routers=[*parts.routers, *more_routers],
        authenticate=authenticate,
        clock=clock,
        random=world.random,
        ready=_ready,
        limits=Limits(),
    )
    made = Site(world, parts, app, clock, database_url("serai_owner"))
    await made.organisation("site")
    yield made
    for client in made.clients:
        await client.aclose()


@pytest.fixture
async def tenant(site: Site) -> UUID:
    """The site's own organisation."""
    return await site.api.site_tenant()
