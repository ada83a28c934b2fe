"""Who a request comes from: keys, sessions, guests; what is believed, for how long, and what is refused."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.doubles import ManualClock

from serai.kernel.errors import Misconfigured
from serai.runtime.http.principal import Principal
from serai.runtime.postgres.database import Transaction
from serai.runtime.settings import Configuration
from serai.systems.identity.authenticator import Believed, Known
from serai.systems.identity.credentials import new_key
from serai.systems.identity.settings import IdentitySettings

from .conftest import ADDRESS, Site

ME = "/api/identity/v1/me"


@contextmanager
def counted_queries(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    seen: list[str] = []
    fetch_one = Transaction.fetch_one

    async def counting(self: Transaction, query: Any, params: Any = ()) -> Any:
        seen.append(query)
        return await fetch_one(self, query, params)

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "fetch_one", counting)
        yield seen


def lookups(seen: list[str]) -> int:
    return sum("identity.api_keys" in query or "identity.sessions" in query for query in seen)


async def test_a_key_brings_its_tenant_and_roles(site: Site) -> None:
    elsewhere = await site.organisation("elsewhere")
    key = await site.key(elsewhere, "manager", "files:read", name="box office")
    told = (await site.client(key=key).get(ME)).json()
    assert (told["kind"], told["name"], told["organisation"]["slug"]) == ("key", "box office", "elsewhere")
    assert {"cinema:*", "identity:manage", "files:read"} <= set(told["roles"])


NO_KEYS = (
    "Bearer nonsense",
    "Bearer ",
    "Bearer sk_serai_short",
    "Basic dTpw",
    "sk_serai_",
    f"Bearer sk_serai_{'é' * 56}",
)


async def test_what_is_no_key_is_401(site: Site) -> None:
    for header in NO_KEYS:
        answer = await site.client().get(ME, headers=[(b"authorization", header.encode())])
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key"), header


async def test_a_key_that_nobody_made_is_401_and_a_made_one_is_not(site: Site, tenant: UUID) -> None:
    answer = await site.client(key=new_key(tenant, site.world.random)).get(ME)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")
    assert (await site.client(key=await site.key(tenant, "viewer")).get(ME)).status_code == 200


async def test_a_key_with_a_foreign_tenant_written_into_it_opens_nothing(site: Site, tenant: UUID) -> None:
    victim = await site.organisation("victim")
    key = await site.key(tenant, "owner")
    forged = key[:9] + new_key(victim, site.world.random)[9:]
    mixed = key[:-20] + forged[-20:]
    assert (await site.client(key=mixed).get(ME)).status_code == 401


async def test_a_busy_key_costs_one_lookup_in_a_cache_life(
    site: Site, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = site.client(key=await site.key(tenant, "viewer"))
    with counted_queries(monkeypatch) as seen:
        for _ in range(5):
            assert (await client.get(ME)).status_code == 200
        assert lookups(seen) == 1
        site.clock.advance(5.0)
        assert (await client.get(ME)).status_code == 200
        assert lookups(seen) == 2


async def test_a_guest_costs_no_lookup(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = site.client()
    await guest.get(ME)
    with counted_queries(monkeypatch) as seen:
        assert (await guest.get(ME)).json()["kind"] == "guest"
    assert all("identity.organisations where" in query for query in seen), "only what /me itself shows"


async def test_a_revocation_in_another_process_is_seen_within_the_cache_life(site: Site, tenant: UUID) -> None:
    client = site.client(key=await site.key(tenant, "viewer"))
    assert (await client.get(ME)).status_code == 200
    site.as_owner("update identity.api_keys set revoked_at = clock_timestamp()")
    site.clock.advance(4.9)
    assert (await client.get(ME)).status_code == 200, "the control: it is believed, or the next line proves nothing"
    site.clock.advance(0.1)
    assert (await client.get(ME)).status_code == 401


async def test_a_revocation_in_this_process_is_seen_at_once(site: Site, tenant: UUID) -> None:
    revoked, other = site.client(key=await site.key(tenant, "viewer")), site.client(key=await site.key(tenant, "owner"))
    key_id = (await revoked.get(ME)).json()["id"]
    assert (await other.delete(f"/api/identity/v1/keys/{key_id}")).status_code == 204
    assert (await revoked.get(ME)).status_code == 401
    assert (await other.get(ME)).status_code == 200


async def test_a_key_ends_by_the_databases_clock(site: Site, tenant: UUID) -> None:
    client = site.client(key=await site.key(tenant, "viewer"))
    assert (await client.get(ME)).status_code == 200
    site.as_owner("update identity.api_keys set expires_at = clock_timestamp()")
    site.clock.advance(5)
    assert (await client.get(ME)).status_code == 401


async def test_use_is_written_at_most_once_a_minute(site: Site, tenant: UUID) -> None:
    client = site.client(key=await site.key(tenant, "viewer"))
    await client.get(ME)
    (first,) = site.as_owner("select last_used_at from identity.api_keys")
    assert first[0] is not None
    site.clock.advance(6)
    await client.get(ME)
    assert site.as_owner("select last_used_at from identity.api_keys") == [first]
    site.as_owner("update identity.api_keys set last_used_at = last_used_at - interval '61 s'")
    site.clock.advance(6)
    await client.get(ME)
    assert site.as_owner("select last_used_at >= %s from identity.api_keys", first[0]) == [(True,)]


async def test_the_cache_is_bounded_and_forgets_the_oldest() -> None:
    believed = Believed(ManualClock(), life_s=5, entries_max=3)
    known = Known(Principal(UUID(int=1), "key", "k"))
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(5)]
    for digest in digests:
        believed.believe(digest, known, believed.now_s())
    assert len(believed) == 3
    assert [believed.recall(digest) is not None for digest in digests] == [False, False, True, True, True]


def test_no_setting_lets_a_revoked_key_live_longer() -> None:
    with pytest.raises(Misconfigured, match="within 5 s"):
        Configuration({"identity_cache_life_s": 60.0}, {}).get(IdentitySettings)


async def test_a_guest_without_a_cookie_is_their_address(site: Site) -> None:
    async def principal_of(client: httpx.AsyncClient, cookie: str = "") -> Principal:
        caught: list[Principal] = []
        authenticate = site.app.state.authenticate

        async def catch(request: Any) -> Principal:
            caught.append(await authenticate(request))
            return caught[0]

        catch.browser = authenticate.browser  # type: ignore[attr-defined]  # the application's Browser rides on it
        site.app.state.authenticate = catch
        await client.get(ME, headers={"cookie": cookie} if cookie else {})
        site.app.state.authenticate = authenticate
        return caught[0]

    assert (await principal_of(site.client())).id == f"address {ADDRESS}"
    assert (await principal_of(site.client(), "serai_guest=forged.forged")).id == f"address {ADDRESS}"


async def test_a_site_without_its_organisation_says_what_to_do(site: Site) -> None:
    site.as_owner("delete from identity.organisations")
    answer = await site.client().get(ME)
    assert (answer.status_code, answer.json()["code"]) == (503, "site_missing")
    assert "'site'" in answer.json()["detail"]
