"""A chain of shops of one tenant, on a database of this test's own."""

from uuid import UUID

import pytest
from hypothesis import settings as hypothesis_settings
from tests.conftest import UrlOf
from tests.doubles import SeededRandom
from tests.systems.stock.chain_store import ChainStore

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
