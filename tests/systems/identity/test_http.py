"""The JSON API: signing in and out, users, keys, organisations, and what each refuses."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi.routing import APIRoute

from serai.systems.identity.http import routers

from .conftest import PASSWORD, Site

V1 = "/api/identity/v1"
SAME = {"sec-fetch-site": "same-origin"}
ADA = "ada@example.org"


async def sign_in(client: httpx.AsyncClient, email: str = ADA, password: str = PASSWORD, **more: Any) -> httpx.Response:
    return await client.post(f"{V1}/sessions", json={"email": email, "password": password, **more})


def refused(answer: httpx.Response, status: int, code: str, field: str = "") -> bool:
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    fields = [error["field"] for error in document["errors"]]
    return (answer.status_code, document["code"]) == (status, code) and (not field or field in fields)


async def test_sign_in_opens_a_session_and_sign_out_ends_it(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "manager")
    browser = site.client()
    opened = await sign_in(browser, "  ADA@Example.org ")
    assert opened.status_code == 201
    assert opened.json()["user"]["email"] == ADA
    me = (await browser.get(f"{V1}/me")).json()
    assert (me["kind"], me["email"], me["organisation"]["slug"]) == ("user", ADA, "site")
    assert "identity:manage" in me["roles"]
    kept = dict(browser.cookies)
    assert (await browser.delete(f"{V1}/sessions/current", headers=SAME)).status_code == 204
    assert "serai_session" not in browser.cookies
    browser.cookies.update(kept)
    assert (await browser.get(f"{V1}/me")).json()["kind"] == "guest", "the session itself has ended"


@pytest.mark.parametrize(
    "base, name, secure", [("http://site", "serai_session", False), ("https://site", "__Host-serai_session", True)]
)
async def test_the_session_cookie_is_closed_to_scripts_and_to_plain_http(
    site: Site, tenant: UUID, base: str, name: str, secure: bool
) -> None:
    await site.user(tenant, ADA, "viewer")
    opened = await sign_in(site.client(base=base))
    cookie = opened.headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    assert ("Secure" in cookie) is secure
    assert "domain" not in cookie.lower()
    token = cookie.partition("=")[2].partition(";")[0]
    assert token not in opened.text
    assert site.as_owner("select count(*) from identity.sessions where token_hash = %s", token.encode()) == [(0,)]


async def test_an_unknown_user_and_a_wrong_password_get_the_same_answer(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    wrong = await sign_in(site.client(), ADA, "not the password")
    unknown = await sign_in(site.client(), "nobody@example.org")
    assert refused(wrong, 401, "invalid_credentials") and refused(unknown, 401, "invalid_credentials")
    same = [{**answer.json(), "request_id": ""} for answer in (wrong, unknown)]
    assert same[0] == same[1]
    assert (await sign_in(site.client())).status_code == 201, "the control"


async def test_the_throttle_stops_a_guesser_who_moves_from_address_to_address(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    await site.user(tenant, "bob@example.org", "viewer")
    for number in range(10):
        assert refused(
            await sign_in(site.client(address=f"203.0.113.{number}"), ADA, "guess"), 401, "invalid_credentials"
        )
    stopped = await sign_in(site.client(address="203.0.113.200"))
    assert refused(stopped, 429, "too_many_sign_ins"), "even with the right password"
    assert stopped.headers["retry-after"] == "30"
    assert (await sign_in(site.client(), "bob@example.org")).status_code == 201, "others are not held up"
    site.clock.advance(30)
    assert (await sign_in(site.client())).status_code == 201


async def test_the_throttle_counts_unknown_users_alike(site: Site) -> None:
    for _ in range(10):
        assert refused(await sign_in(site.client(), "nobody@example.org"), 401, "invalid_credentials")
    assert refused(await sign_in(site.client(), "nobody@example.org"), 429, "too_many_sign_ins")


@pytest.mark.parametrize("address, exempt", [("203.0.113.7", False), ("127.0.0.1", True)])
async def test_the_throttle_stops_one_address_that_tries_many_users(site: Site, address: str, exempt: bool) -> None:
    client = site.client(address=address)
    statuses = [(await sign_in(client, f"user{number}@example.org")).status_code for number in range(51)]
    assert statuses[:50] == [401] * 50
    assert statuses[50] == (401 if exempt else 429)


async def test_a_new_sign_in_replaces_the_session_of_the_browser(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    browser = site.client()
    await sign_in(browser)
    before = browser.cookies["serai_session"]
    await sign_in(browser)
    assert browser.cookies["serai_session"] != before
    assert site.as_owner("select count(*) from identity.sessions") == [(1,)]


@pytest.mark.parametrize(
    "change",
    ["expires_at = clock_timestamp()", "last_seen_at = clock_timestamp() - interval '7 days'"],
)
async def test_a_session_ends_by_the_databases_clock(site: Site, tenant: UUID, change: str) -> None:
    await site.user(tenant, ADA, "viewer")
    browser = site.client()
    await sign_in(browser)
    site.clock.advance(5)
    assert (await browser.get(f"{V1}/me")).json()["kind"] == "user"
    site.as_owner(f"update identity.sessions set {change}")
    site.clock.advance(5)
    assert (await browser.get(f"{V1}/me")).json()["kind"] == "guest"
    (sweep,) = site.parts.loops
    assert await sweep.run() == 1
    assert await sweep.run() == 0


async def test_use_keeps_a_session_from_idling_away(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    browser = site.client()
    await sign_in(browser)
    site.as_owner("update identity.sessions set last_seen_at = clock_timestamp() - interval '6 days'")
    await browser.get(f"{V1}/me")
    assert site.as_owner("select last_seen_at > clock_timestamp() - interval '1 min' from identity.sessions") == [
        (True,)
    ]


async def test_signing_out_everywhere_reaches_other_browsers_and_organisations(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    elsewhere = await site.organisation("elsewhere")
    await site.user(elsewhere, ADA, "viewer")
    here, there, other = site.client(), site.client(), site.client()
    await sign_in(here)
    assert (await sign_in(there, organisation="elsewhere")).json()["organisation"]["slug"] == "elsewhere"
    await site.user(tenant, "bob@example.org", "viewer")
    await sign_in(other, "bob@example.org")
    assert (await here.delete(f"{V1}/sessions", headers=SAME)).status_code == 204
    assert (await there.get(f"{V1}/me")).json()["kind"] == "guest"
    assert (await other.get(f"{V1}/me")).json()["kind"] == "user", "the control"


async def test_changing_the_password_ends_other_sessions_and_needs_the_current_one(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    here, there = site.client(), site.client()
    await sign_in(here)
    await sign_in(there)
    change = {"current_password": "guess", "new_password": "another long one"}
    assert refused(await here.put(f"{V1}/me/password", json=change, headers=SAME), 401, "invalid_credentials")
    short = {"current_password": PASSWORD, "new_password": "short"}
    assert refused(
        await here.put(f"{V1}/me/password", json=short, headers=SAME), 422, "invalid_request", "new_password"
    )
    change["current_password"] = PASSWORD
    assert (await here.put(f"{V1}/me/password", json=change, headers=SAME)).status_code == 200
    assert (await here.get(f"{V1}/me")).json()["kind"] == "user"
    assert (await there.get(f"{V1}/me")).json()["kind"] == "guest"
    assert refused(await sign_in(site.client()), 401, "invalid_credentials")
    assert (await sign_in(site.client(), password="another long one")).status_code == 201


async def test_a_hash_with_older_parameters_is_renewed_at_sign_in(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    site.as_owner("update identity.users set password_hash = %s", weak)
    browser = site.client()
    assert (await sign_in(browser)).status_code == 201
    (renewed,) = site.as_owner("select password_hash from identity.users")
    assert "$m=64,t=1,p=1$" in str(renewed[0])
    assert (await browser.get(f"{V1}/me")).json()["kind"] == "user", "the session outlives the renewal"
    assert (await sign_in(site.client())).status_code == 201


async def test_a_foreign_page_cannot_sign_a_browser_in(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    body = {"email": ADA, "password": PASSWORD}
    for origin in ("cross-site", "same-site"):
        answer = await site.client().post(f"{V1}/sessions", json=body, headers={"sec-fetch-site": origin})
        assert refused(answer, 403, "csrf_failed")
    form = await site.client().post(
        f"{V1}/sessions", content=b'{"email": "a", "password": "b"}', headers={"content-type": "text/plain"}
    )
    assert form.status_code == 422
    assert (await site.client().post(f"{V1}/sessions", json=body, headers=SAME)).status_code == 201


async def test_a_call_by_cookie_needs_proof_that_our_page_made_it(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "owner")
    browser, other = site.client(), site.client()
    token = (await sign_in(browser)).json()["csrf_token"]
    foreign = (await sign_in(other)).json()["csrf_token"]
    body = {"name": "n", "roles": ["viewer"]}
    for headers in ({}, {"sec-fetch-site": "cross-site"}, {"x-csrf-token": "x" * 43}, {"x-csrf-token": foreign}):
        assert refused(await browser.post(f"{V1}/keys", json=body, headers=headers), 403, "csrf_failed")
    assert site.as_owner("select count(*) from identity.api_keys") == [(0,)]
    for headers in (SAME, {"x-csrf-token": token}):
        assert (await browser.post(f"{V1}/keys", json=body, headers=headers)).status_code == 201


async def test_keys_are_made_shown_once_listed_and_revoked(site: Site, tenant: UUID) -> None:
    client = site.client(key=await site.key(tenant, "owner", name="root"))
    site.clock.advance(1)  # ids are ordered by time
    made = await client.post(f"{V1}/keys", json={"name": " box office ", "roles": ["viewer"], "expires_in_days": 30})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    secret, key = made.json()["secret"], made.json()["key"]
    assert (key["name"], key["hint"], key["roles"]) == ("box office", secret[:15], ["viewer"])
    assert key["created_by"].startswith("key:") and key["expires_at"].endswith("Z")
    listed = await client.get(f"{V1}/keys")
    assert [item["name"] for item in listed.json()["items"]] == ["box office", "root"]
    assert secret not in listed.text
    assert secret[15:] not in str(site.as_owner("select api_keys::text from identity.api_keys"))
    assert (await client.delete(f"{V1}/keys/{key['id']}")).status_code == 204
    assert (await client.delete(f"{V1}/keys/{key['id']}")).status_code == 204
    assert (await client.get(f"{V1}/keys")).json()["items"][0]["revoked_at"] is not None
    assert refused(await client.delete(f"{V1}/keys/{UUID(int=7)}"), 404, "key_not_found")


async def test_lists_are_paged(site: Site, tenant: UUID) -> None:
    client = site.client(key=await site.key(tenant, "owner", name="k0"))
    for number in range(1, 5):
        site.clock.advance(1)
        await site.key(tenant, "viewer", name=f"k{number}")
        await site.user(tenant, f"u{number}@example.org", "viewer")
    for path, expected in (("keys", ["k4", "k3", "k2", "k1", "k0"]), ("users", ["u1", "u2", "u3", "u4"])):
        seen, cursor = [], ""
        while cursor is not None:
            page = (await client.get(f"{V1}/{path}?limit=2" + (f"&cursor={cursor}" if cursor else ""))).json()
            assert len(page["items"]) <= 2
            seen += [item["name"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert seen == expected
    assert refused(await client.get(f"{V1}/keys?cursor=nonsense"), 422, "invalid_request", "cursor")
    assert refused(await client.get(f"{V1}/keys?limit=0"), 422, "invalid_request", "limit")


@pytest.mark.parametrize("settings_in_force", [{"identity_keys_max": 2}])
async def test_an_organisation_has_a_limit_of_live_keys(site: Site, tenant: UUID) -> None:
    client = site.client(key=await site.key(tenant, "owner"))
    body = {"name": "n", "roles": ["viewer"]}
    made = await client.post(f"{V1}/keys", json=body)
    assert made.status_code == 201
    assert refused(await client.post(f"{V1}/keys", json=body), 409, "too_many_keys")
    await client.delete(f"{V1}/keys/{made.json()['key']['id']}")
    assert (await client.post(f"{V1}/keys", json=body)).status_code == 201


@pytest.mark.parametrize("settings_in_force", [{"identity_sessions_per_user_max": 2}])
async def test_the_oldest_session_ends_beyond_the_limit(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    browsers = [site.client() for _ in range(3)]
    for browser in browsers:
        await sign_in(browser)
    assert [(await browser.get(f"{V1}/me")).json()["kind"] for browser in browsers] == ["guest", "user", "user"]


async def test_nobody_hands_out_or_takes_away_more_than_they_hold(site: Site, tenant: UUID) -> None:
    owner = await site.user(tenant, ADA, "owner")
    manager = site.client(key=await site.key(tenant, "manager"))
    for role in ("owner", "*", "files:write", "files:*"):
        assert refused(await manager.post(f"{V1}/keys", json={"name": "n", "roles": [role]}), 403, "role_not_held")
    new = {"email": "eve@example.org", "name": "Eve", "password": PASSWORD, "roles": ["owner"]}
    assert refused(await manager.post(f"{V1}/users", json=new), 403, "role_not_held")
    assert refused(await manager.put(f"{V1}/users/{owner}/roles", json={"roles": ["viewer"]}), 403, "role_not_held")
    assert refused(await manager.delete(f"{V1}/users/{owner}"), 403, "role_not_held")
    root = (await manager.get(f"{V1}/keys")).json()["items"][-1]
    assert root["roles"] == ["manager"]
    assert (
        await manager.post(f"{V1}/keys", json={"name": "n", "roles": ["viewer", "cinema:manage"]})
    ).status_code == 201


async def test_managing_needs_the_role(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    browser = site.client()
    assert refused(await browser.get(f"{V1}/users"), 401, "unauthenticated")
    await sign_in(browser)
    for path in ("users", "keys"):
        assert refused(await browser.get(f"{V1}/{path}"), 403, "forbidden")


async def test_members_are_added_changed_and_removed(site: Site, tenant: UUID) -> None:
    client = site.client(key=await site.key(tenant, "owner"))
    new = {"email": ADA, "name": "Ada", "password": PASSWORD, "roles": ["door-staff"]}
    added = (await client.post(f"{V1}/users", json=new)).json()
    assert added["roles"] == ["door-staff"]
    assert refused(await client.post(f"{V1}/users", json={**new, "email": ADA.upper()}), 409, "already_member")
    browser = site.client()
    await sign_in(browser)
    assert (await browser.get(f"{V1}/me")).json()["roles"] == ["cinema:door", "cinema:view"]
    changed = await client.put(f"{V1}/users/{added['id']}/roles", json={"roles": ["viewer", "viewer"]})
    assert changed.json()["roles"] == ["viewer"]
    assert "payments:view" in (await browser.get(f"{V1}/me")).json()["roles"], "at once in this process"
    assert (await client.delete(f"{V1}/users/{added['id']}")).status_code == 204
    assert (await browser.get(f"{V1}/me")).json()["kind"] == "guest"
    assert refused(await sign_in(site.client()), 403, "no_organisation")
    assert refused(await client.delete(f"{V1}/users/{added['id']}"), 404, "user_not_found")


async def test_an_organisation_keeps_an_owner(site: Site, tenant: UUID) -> None:
    client = site.client(key=await site.key(tenant, "owner"))
    ada, bob = await site.user(tenant, ADA, "owner"), await site.user(tenant, "bob@example.org", "viewer")
    viewer = {"roles": ["viewer"]}
    assert refused(await client.put(f"{V1}/users/{ada}/roles", json=viewer), 409, "last_owner")
    assert refused(await client.delete(f"{V1}/users/{ada}"), 409, "last_owner")
    assert (await client.put(f"{V1}/users/{bob}/roles", json={"roles": ["owner"]})).status_code == 200
    assert (await client.put(f"{V1}/users/{ada}/roles", json=viewer)).status_code == 200


async def test_a_user_founds_an_organisation_and_enters_it(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    browser = site.client()
    await sign_in(browser)
    body = {"slug": "kino-central", "name": "Kino Central"}
    assert (await browser.post(f"{V1}/organisations", json=body, headers=SAME)).status_code == 201
    assert refused(await browser.post(f"{V1}/organisations", json=body, headers=SAME), 409, "slug_taken")
    listed = (await browser.get(f"{V1}/organisations")).json()["items"]
    assert [item["slug"] for item in listed] == ["site", "kino-central"]
    assert (await browser.get(f"{V1}/me")).json()["organisation"]["slug"] == "site"
    entered = await sign_in(browser, organisation="kino-central")
    assert entered.json()["user"]["roles"] == ["owner"]
    assert refused(await sign_in(browser, organisation="nowhere"), 403, "no_organisation")
    key = site.client(key=await site.key(tenant, "owner"))
    assert refused(await key.post(f"{V1}/organisations", json={**body, "slug": "x"}), 401, "unauthenticated")


WRONG: list[tuple[str, dict[str, object], str]] = [
    ("users", {"email": "no address"}, "email"),
    ("users", {"email": "a@b\x00.org"}, "email"),
    ("users", {"email": "a" * 300 + "@example.org"}, "email"),
    ("users", {"email": 7}, "email"),
    ("users", {"name": "   "}, "name"),
    ("users", {"name": "a\x00b"}, "name"),
    ("users", {"name": "n" * 201}, "name"),
    ("users", {"password": "short"}, "password"),
    ("users", {"password": "p" * 201}, "password"),
    ("users", {"roles": []}, "roles"),
    ("users", {"roles": ["queen"]}, "roles"),
    ("users", {"roles": ["viewer"] * 33}, "roles"),
    ("users", {"unknown": 1}, "unknown"),
    ("keys", {"name": ""}, "name"),
    ("keys", {"roles": ["Cinema:Manage"]}, "roles"),
    ("keys", {"expires_in_days": 0}, "expires_in_days"),
    ("keys", {"expires_in_days": 4_000}, "expires_in_days"),
    ("keys", {"expires_in_days": "7"}, "expires_in_days"),
]


@pytest.mark.parametrize("path, change, field", WRONG)
async def test_wrong_input_is_refused_by_the_name_of_its_field(
    site: Site, tenant: UUID, path: str, change: dict[str, object], field: str
) -> None:
    client = site.client(key=await site.key(tenant, "owner"))
    right: dict[str, dict[str, object]] = {
        "users": {"email": ADA, "name": "Ada", "password": PASSWORD, "roles": ["viewer"]},
        "keys": {"name": "n", "roles": ["viewer"], "expires_in_days": 1},
    }
    answer = await client.post(f"{V1}/{path}", json={**right[path], **change})
    assert refused(answer, 422, "invalid_request", field)
    assert site.as_owner("select count(*) from identity.users") == [(0,)]
    assert site.as_owner("select count(*) from identity.api_keys") == [(1,)]
    assert (await client.post(f"{V1}/{path}", json=right[path])).status_code == 201, "the control"


@pytest.mark.parametrize("slug", ["", "Upper", "-a", "a-", "a b", "é", "x" * 64])
async def test_a_wrong_slug_is_refused(site: Site, tenant: UUID, slug: str) -> None:
    await site.user(tenant, ADA, "owner")
    browser = site.client()
    await sign_in(browser)
    answer = await browser.post(f"{V1}/organisations", json={"slug": slug, "name": "n"}, headers=SAME)
    assert refused(answer, 422, "invalid_request", "slug")


def test_every_operation_says_in_words_what_it_does() -> None:
    operations = [route for router in routers(None) for route in router.routes]  # type: ignore[arg-type]  # never called
    summaries = [route.summary for route in operations if isinstance(route, APIRoute)]
    assert len(summaries) == 14 and all(summaries), "without one the API's page shows a method's name"
    assert len(set(summaries)) == len(summaries)
