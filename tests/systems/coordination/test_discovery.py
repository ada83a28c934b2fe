"""Services: found while they are kept, gone with their lease, back by themselves."""

import asyncio

import pytest
from tests.systems.coordination import stores

from serai.kernel.errors import Invalid
from serai.systems.coordination.client import Client
from serai.systems.coordination.client.mirrors import Mirror
from serai.systems.coordination.discovery import Instance, Registry


@pytest.fixture
def registry(store: Client) -> Registry:
    return Registry(store, "acme")


async def soon(waited: object) -> object:
    return await asyncio.wait_for(waited, stores.WAIT_S)  # type: ignore[arg-type]  # whatever can be waited for


async def test_an_instance_is_found_while_it_is_registered(registry: Registry, store: Client) -> None:
    async with registry.register("search", "search-1", "10.0.0.1:80", {"zone": "a"}):
        assert await registry.resolve("search") == [Instance("search", "search-1", "10.0.0.1:80", {"zone": "a"})]
        assert await registry.resolve("sear") == []
        assert await Registry(store, "other").resolve("search") == []
        async with registry.register("mail", "mail-1", "10.0.0.2:80"):
            assert {name: len(found) for name, found in (await registry.services()).items()} == {"search": 1, "mail": 1}
    assert await registry.resolve("search") == []


async def test_a_live_set_follows_who_comes_and_goes(registry: Registry) -> None:
    async with registry.live("search") as live:
        assert live.instances == []
        async with registry.register("search", "search-1", "10.0.0.1:80"):
            while len(live.instances) < 1:
                await soon(live.changed())
        while live.instances:
            await soon(live.changed())


async def test_a_registration_whose_lease_was_lost_is_made_again(registry: Registry, store: Client) -> None:
    made = registry.register("search", "search-1", "10.0.0.1:80", ttl_s=2)
    async with made, Mirror(store, registry.prefix) as mirror:
        (item,) = mirror.items.values()
        await store.revoke(item.lease)
        await soon(mirror.until(lambda: any(one.lease != item.lease for one in mirror.items.values())))


async def test_what_is_no_instance_is_left_out(registry: Registry, store: Client) -> None:
    await store.set(f"{registry.prefix}search/strange", "not json")
    assert await registry.resolve("search") == []


async def test_a_name_cannot_lead_out_of_the_tenants_keys(registry: Registry) -> None:
    for name in ("", "a/b", "../x", "x" * 65, "-x"):
        with pytest.raises(Invalid):
            await registry.resolve(name)
