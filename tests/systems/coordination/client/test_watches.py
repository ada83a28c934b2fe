"""A watch across breaks: no gap, nothing twice; and told when the history is gone."""

import asyncio

import pytest
from tests.systems.coordination import stores

from serai.systems.coordination.client import Change, Client, Gap
from serai.systems.coordination.client.mirrors import Mirror
from serai.systems.coordination.client.watches import Watching
from serai.systems.coordination.errors import Compacted

HISTORY = 2_500
"""More revisions than etcd tells in one answer."""


async def test_changes_say_what_became_of_a_key(store: Client) -> None:
    begin = await store.set("/w/1", "a")
    await store.set("/w/1", "b")
    await store.delete("/w/1")
    await store.set("/x", "beside")
    told = []
    async for change in store.watch("/w/", start_revision=begin, before=True):
        told.append(change)
        if change.deleted:
            break
    assert [(each.key, each.value, each.created) for each in told] == [
        ("/w/1", "a", True), ("/w/1", "b", False), ("/w/1", None, False),
    ]  # fmt: skip
    assert [each.before.value if each.before else None for each in told] == [None, "a", "b"]
    assert [each.revision for each in told] == [begin, begin + 1, begin + 2]


async def test_exact_watches_one_key(store: Client) -> None:
    begin = await store.set("/w/1", "a")
    await store.set("/w/10", "beside")
    await store.set("/w/1", "b")
    told = store.watch("/w/1", start_revision=begin, exact=True)
    assert [(await anext(told)).value, (await anext(told)).value] == ["a", "b"]


async def _collect(watching: Watching, found: list[Change | Gap], count: int) -> None:
    async for told in watching.tell():
        found.append(told)
        if len(found) == count:
            return


async def test_a_watch_from_now_on_tells_what_came_while_it_was_cut_off(url: str, store: Client) -> None:
    async with stores.proxied(url) as proxy, stores.client(proxy.url) as behind:
        watching = behind.watching("/w/")
        found: list[Change | Gap] = []
        task = asyncio.create_task(_collect(watching, found, 30))
        await asyncio.wait_for(watching.made.wait(), stores.WAIT_S)
        for round_ in range(3):
            for number in range(5):
                await store.set("/w/k", f"{round_}.{number}.on")
            await proxy.cut()
            for number in range(5):
                await store.set("/w/k", f"{round_}.{number}.off")
            await proxy.mend()
        await asyncio.wait_for(task, stores.WAIT_S)
    values = [told.value for told in found if isinstance(told, Change)]
    assert values == [
        f"{round_}.{number}.{state}" for round_ in range(3) for state in ("on", "off") for number in range(5)
    ]


async def test_a_long_history_that_breaks_off_goes_on_where_it_was(url: str, store: Client) -> None:
    """etcd says in an answer's head how far itself is, with thousands of events of the past to come: whoever goes on
    behind that head loses them."""
    begin = await store.set("/w/k", "0")
    for start in range(1, HISTORY, 100):
        await asyncio.gather(*[store.set("/w/k", str(number)) for number in range(start, start + 100)])
    async with stores.proxied(url) as proxy, stores.client(proxy.url) as behind:
        watching = behind.watching("/w/", start_revision=begin)
        revisions = []
        async for told in watching.tell():
            assert isinstance(told, Change)
            revisions.append(told.revision)
            if len(revisions) == 500:
                await proxy.cut()
                await proxy.mend()
            if len(revisions) == HISTORY:
                break
    assert revisions == list(range(begin, begin + HISTORY))


async def test_a_watch_whose_history_is_gone_says_so_and_goes_on(store: Client) -> None:
    begin = await store.set("/w/k", "0")
    last = [await store.set("/w/k", str(number)) for number in range(1, 5)][-1]
    await store.compact(last)
    with pytest.raises(Compacted):
        await anext(store.watch("/w/", start_revision=begin))
    found: list[Change | Gap] = []
    await _collect(store.watching("/w/", start_revision=begin), found, 2)
    assert found[0] == Gap(last)
    assert isinstance(found[1], Change) and found[1].revision == last


async def test_a_mirror_follows_across_a_break_and_a_gap(url: str, store: Client) -> None:
    await store.set("/m/stays", "1")
    await store.set("/m/goes", "1")
    seen: list[tuple[str, str | None]] = []
    async with stores.proxied(url) as proxy, stores.client(proxy.url) as behind:
        taken = lambda key, item: seen.append((key, item.value if item else None))  # noqa: E731
        async with Mirror(behind, "/m/", taken) as mirror:
            assert set(mirror.items) == {"/m/stays", "/m/goes"}
            await store.set("/m/comes", "1")
            await asyncio.wait_for(mirror.until(lambda: "/m/comes" in mirror.items), stores.WAIT_S)
            await proxy.cut()
            await store.delete("/m/goes")
            await store.set("/m/comes", "2")
            await store.compact(await store.set("/m/new", "1"))
            await proxy.mend()
            await asyncio.wait_for(mirror.until(lambda: "/m/new" in mirror.items), stores.WAIT_S)
            items, _ = await store.all("/m/")
            assert mirror.items == items
    assert seen[2:] == [("/m/comes", "1"), ("/m/goes", None), ("/m/comes", "2"), ("/m/new", "1")]
