"""A chain of shops of one tenant, on a database of this test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import settings as hypothesis_settings
from tests.conftest import UrlOf
from tests.doubles import SeededRandom
from tests.systems.cinema.conftest import Site, opened_site
from tests.systems.stock.chain_store import ChainStore

from serai.app.registry import chosen_systems
from serai.runtime.postgres.database import Database
from serai.runtime.world import SystemClock

hypothesis_settings.register_profile("stock", deadline=None)
hypothesis_settings.load_profile("stock")


@pytest.fixture
async def shops(
    database: Database, jobs_database: Database, database_url: UrlOf, random: SeededRandom, tenant: UUID
) -> ChainStore:
    made = ChainStore(database, jobs_database, database_url("serai_owner"), SystemClock(), random, tenant)
    await made.settle_in()
    return made


OpenStock = Callable[..., Awaitable[Site]]


@pytest.fixture
async def open_stock(database_url: UrlOf, tmp_path: Path) -> AsyncIterator[OpenStock]:
    """Opens a site that has stock and no cinema, with settings of the test's choice."""
    async with AsyncExitStack() as stack:

        async def make(**settings: object) -> Site:
            systems = chosen_systems(["stock"])
            opened = opened_site(database_url, tmp_path, systems, "http://127.0.0.1:1", **settings)  # type: ignore[arg-type]
            return await stack.enter_async_context(opened)

        yield make
