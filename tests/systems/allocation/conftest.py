"""A shop of one tenant, on a database of this test's own."""

from uuid import UUID

import pytest
from tests.conftest import UrlOf
from tests.doubles import ManualClock, SeededRandom
from tests.systems.allocation.shop import Shop

from serai.runtime.postgres.database import Database


@pytest.fixture
def shop(
    database: Database,
    jobs_database: Database,
    database_url: UrlOf,
    clock: ManualClock,
    random: SeededRandom,
    tenant: UUID,
) -> Shop:
    return Shop(database, jobs_database, database_url("serai_owner"), clock, random, tenant)
