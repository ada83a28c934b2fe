"""What is a client of a store is tried against our own member and, marked `engines`, against real etcd."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.systems.coordination import stores

from serai.systems.coordination.client import Client


@pytest.fixture(scope="session")
def etcd_url() -> Iterator[str]:
    with stores.etcd("--max-txn-ops", "128") as url:
        yield url


@pytest.fixture(params=["serai", pytest.param("etcd", marks=pytest.mark.engines)])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    if request.param == "etcd":
        real = request.getfixturevalue("etcd_url")
        async with stores.client(real) as store:
            await store.delete_all("")
        yield real
        return
    async with stores.embedded() as own:
        yield own


@pytest.fixture
async def store(url: str) -> AsyncIterator[Client]:
    async with stores.client(url) as opened:
        yield opened
