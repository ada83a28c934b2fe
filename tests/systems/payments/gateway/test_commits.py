"""Group commit: all of a batch or none of it, and nothing acknowledged before the disk has it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from serai.systems.payments.gateway.commits import GroupCommit
from serai.systems.payments.gateway.errors import GatewayBroken, InvalidRequest, RateLimited
from serai.systems.payments.gateway.store import Store, opened


@pytest.fixture
def store(settings):
    with opened(settings.directory) as found:
        yield found


def _commits(store: Store, queue_max: int = 100) -> GroupCommit:
    return GroupCommit(store, queue_max=queue_max, batch_max=10, on_deliveries=lambda: None)


@asynccontextmanager
async def _serving(commits: GroupCommit) -> AsyncIterator[None]:
    loop = asyncio.create_task(commits.run())
    yield
    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop


def _insert(store: Store, seq: int, size: int = 1) -> int:
    store.connection.execute("INSERT INTO payment_intent (seq, doc) VALUES (?, ?)", (seq, b"x" * size))
    return seq


async def test_changes_share_a_commit_and_keep_their_order(store: Store) -> None:
    commits = _commits(store)
    commits_seen = []
    store.connection.set_trace_callback(lambda sql: commits_seen.append(sql) if sql == "COMMIT" else None)
    tasks = [asyncio.create_task(commits.apply(lambda seq=seq: _insert(store, seq))) for seq in range(1, 26)]
    await asyncio.sleep(0)
    async with _serving(commits):
        assert await asyncio.gather(*tasks) == list(range(1, 26))
    assert len(commits_seen) == 3
    assert store.committed.count("payment_intent") == 25


async def test_a_refused_change_does_not_hurt_its_neighbours(store: Store) -> None:
    commits = _commits(store)

    def refuse() -> None:
        raise InvalidRequest("no")

    async with _serving(commits):
        outcomes = await asyncio.gather(
            commits.apply(lambda: _insert(store, 1)), commits.apply(refuse), return_exceptions=True
        )
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], InvalidRequest)
    assert store.committed.count("payment_intent") == 1


async def test_a_full_disk_fails_the_whole_batch_and_the_next_one_works(store: Store) -> None:
    commits = _commits(store)
    pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
    store.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    changes = [commits.apply(lambda: _insert(store, 1)), commits.apply(lambda: _insert(store, 2, 100_000))]
    async with _serving(commits):
        outcomes = await asyncio.gather(*changes, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [GatewayBroken, GatewayBroken]
        assert store.committed.count("payment_intent") == 0
        assert await commits.apply(lambda: _insert(store, 3)) == 3
    assert store.committed.count("payment_intent") == 1


async def test_the_queue_is_bounded(store: Store) -> None:
    commits = _commits(store, queue_max=2)
    waiting = [asyncio.create_task(commits.apply(lambda seq=seq: _insert(store, seq))) for seq in (1, 2)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited):
        await commits.apply(lambda: _insert(store, 3))
    async with _serving(commits):
        assert await asyncio.gather(*waiting) == [1, 2]
