"""Each engine as a fixture: `engine` is shared by a module's tests, which keep to keys of their own; `fresh` is not."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.conformance.coordination.api import Api
from tools.engines import Cluster, started

ENGINES = ("etcd-3.4", "etcd-current", "serai", "serai-of-three")
THREES = ("etcd-current-of-three", "serai-of-three")


@pytest.fixture(scope="module")
def make_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Cluster]]:
    """By name: `serai`, `serai-of-three`."""
    with ExitStack() as stack:

        def make(name: str) -> Cluster:
            kind, _, three = name.partition("-of-")
            folder: Path = tmp_path_factory.mktemp(name)
            return stack.enter_context(started(kind, 3 if three else 1, folder))

        yield make


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, make_cluster: Callable[[str], Cluster]) -> Cluster:
    return make_cluster(request.param)


@pytest.fixture
async def api(engine: Cluster) -> AsyncIterator[Api]:
    """On the engine's last member: with three, one that has to ask the leader, most of the time."""
    async with Api(engine.seats[-1].endpoint) as opened:
        yield opened


@pytest.fixture(params=["etcd-3.4", "etcd-current", "serai"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """One member that the test may kill."""
    with started(request.param, 1, tmp_path) as cluster:
        yield cluster


@pytest.fixture(params=THREES)
def three(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """Three members that the test may kill."""
    with started(request.param.partition("-of-")[0], 3, tmp_path) as cluster:
        yield cluster
