"""The pages as a browser meets them: cookies, form tokens, redirects, and what is shown once."""

import re
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Form

from serai.systems.identity.api import CsrfProtected, PageRoute
from serai.systems.identity.pages import local_address

from .conftest import PASSWORD, Site

ADA = "ada@example.org"


def form_token(page: httpx.Response) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


async def sign_in(browser: httpx.AsyncClient, password: str = PASSWORD, onward: str = "") -> httpx.Response:
    page = await browser.get("/sign-in", params={"next": onward})
    data = {"email": ADA, "password": password, "next": onward, "csrf_token": form_token(page)}
    return await browser.post("/sign-in", data=data)


async def signed_in(site: Site, tenant: UUID, *roles: str) -> httpx.AsyncClient:
    await site.user(tenant, ADA, *roles)
    browser = site.client()
    assert (await sign_in(browser)).status_code == 303
    return browser


async def test_a_first_visit_leaves_a_guest_cookie_and_an_api_call_none(site: Site) -> None:
    browser = site.client()
    await browser.get("/api/identity/v1/me")
    assert not browser.cookies
    await browser.get("/sign-in")
    guest = browser.cookies["serai_guest"]
    again = await browser.get("/sign-in")
    assert "set-cookie" not in again.headers
    assert browser.cookies["serai_guest"] == guest


async def test_signing_in_leads_on_and_signing_out_leads_back(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    browser = site.client()
    answer = await sign_in(browser, onward="/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    account = await browser.get("/account")
    assert account.status_code == 200 and ADA in account.text and "Viewer" in account.text
    assert (await browser.get("/sign-in")).headers["location"] == "/"
    out = await browser.post("/sign-out", data={"csrf_token": form_token(account)})
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    first, second = await browser.get("/sign-in"), await browser.get("/sign-in")
    assert "You are signed out." in first.text and "You are signed out." not in second.text
    back = await browser.get("/account")
    assert back.headers["location"] == "/sign-in?next=%2Faccount"


async def test_a_failed_sign_in_shows_the_form_again_without_the_password(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    browser = site.client()
    failed = await sign_in(browser, password="not the password")
    assert failed.status_code == 401
    assert ADA in failed.text and "not the password" not in failed.text
    assert "serai_session" not in browser.cookies


@pytest.mark.parametrize("token", ["none", "of another browser", "of nobody"])
async def test_a_form_without_our_token_changes_nothing(site: Site, tenant: UUID, token: str) -> None:
    browser = await signed_in(site, tenant, "owner")
    other = site.client()
    forged = {"none": {}, "of another browser": {"csrf_token": form_token(await other.get("/sign-in"))}}
    data = {"name": "n", "role": "viewer", **forged.get(token, {"csrf_token": "x" * 43})}
    refused = await browser.post("/account/keys", data=data)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    for path in ("/sign-out", "/account/password", f"/account/sessions/{UUID(int=1)}/end"):
        assert (await browser.post(path, data=data)).status_code == 403
    assert site.as_owner("select count(*) from identity.api_keys") == [(0,)]
    data["csrf_token"] = form_token(await browser.get("/account/keys"))
    assert (await browser.post("/account/keys", data=data)).status_code == 200, "the control"


async def test_a_guests_form_needs_the_guests_cookie(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    browser, thief = site.client(), site.client()
    token = form_token(await browser.get("/sign-in"))
    data = {"email": ADA, "password": PASSWORD, "csrf_token": token}
    assert (await thief.post("/sign-in", data=data)).status_code == 403
    assert (await browser.post("/sign-in", data=data)).status_code == 303


async def test_a_forms_token_may_come_in_the_header(site: Site, tenant: UUID) -> None:
    browser = await signed_in(site, tenant, "owner")
    token = form_token(await browser.get("/account/keys"))
    headers = {"x-csrf-token": token}
    assert (
        await browser.post("/account/keys", data={"name": "n", "role": "viewer"}, headers=headers)
    ).status_code == 200


async def test_a_key_is_shown_once(site: Site, tenant: UUID) -> None:
    browser = await signed_in(site, tenant, "owner")
    page = await browser.get("/account/keys")
    made = await browser.post(
        "/account/keys", data={"name": "box office", "role": "manager", "csrf_token": form_token(page)}
    )
    secret = re.search(r'id="new-secret">(sk_serai_[^<]+)<', made.text)
    assert secret and made.headers["cache-control"] == "no-store"
    key = site.client(key=secret[1])
    assert (await key.get("/api/identity/v1/me")).json()["name"] == "box office"
    again = await browser.get("/account/keys")
    assert "box office" in again.text and secret[1] not in again.text
    revoke = re.search(r'action="(/account/keys/[^"]+/revoke)"', again.text)
    assert revoke
    assert (await browser.post(revoke[1], data={"csrf_token": form_token(again)})).status_code == 303
    assert (await key.get("/api/identity/v1/me")).status_code == 401
    assert "The key is revoked." in (await browser.get("/account/keys")).text


async def test_a_refused_key_form_keeps_what_was_typed(site: Site, tenant: UUID) -> None:
    browser = await signed_in(site, tenant, "manager")
    page = await browser.get("/account/keys")
    assert 'value="manager"' in page.text and 'value="owner"' not in page.text, "only what one holds is offered"
    data = {"name": "box office", "role": "owner", "csrf_token": form_token(page)}
    refused = await browser.post("/account/keys", data=data)
    assert refused.status_code == 403 and 'value="box office"' in refused.text
    empty = await browser.post("/account/keys", data={**data, "name": "", "role": "viewer"})
    assert empty.status_code == 422 and "Give a name" in empty.text


async def test_keys_are_for_those_who_manage(site: Site, tenant: UUID) -> None:
    browser = await signed_in(site, tenant, "viewer")
    assert (await browser.get("/account/keys")).status_code == 403
    assert (await site.client().get("/account/keys")).headers["location"].startswith("/sign-in?next=")


async def test_one_sees_ones_sessions_and_ends_another(site: Site, tenant: UUID) -> None:
    browser, phone = await signed_in(site, tenant, "viewer"), site.client()
    phone.headers["user-agent"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1"
    assert (await sign_in(phone)).status_code == 303
    page = await browser.get("/account")
    assert "Safari on iPhone" in page.text
    (end,) = re.findall(r'action="(/account/sessions/[^"]+/end)"', page.text)
    assert (await browser.post(end, data={"csrf_token": form_token(page)})).status_code == 303
    assert (await phone.get("/account")).status_code == 303
    assert (await browser.get("/account")).status_code == 200


async def test_nobody_ends_the_session_of_another(site: Site, tenant: UUID) -> None:
    browser = await signed_in(site, tenant, "viewer")
    await site.user(tenant, "eve@example.org", "owner")
    eve = site.client()
    token = form_token(await eve.get("/sign-in"))
    await eve.post("/sign-in", data={"email": "eve@example.org", "password": PASSWORD, "csrf_token": token})
    (row,) = site.as_owner(
        "select s.id from identity.sessions s join identity.users u on u.id = user_id and email = %s", ADA
    )
    page = await eve.get("/account")
    await eve.post(f"/account/sessions/{row[0]}/end", data={"csrf_token": form_token(page)})
    assert (await browser.get("/account")).status_code == 200


async def test_changing_the_password_keeps_this_browser(site: Site, tenant: UUID) -> None:
    browser = await signed_in(site, tenant, "viewer")
    data = {"current": "wrong", "new": "another long one", "csrf_token": form_token(await browser.get("/account"))}
    wrong = await browser.post("/account/password", data=data)
    assert wrong.status_code == 401 and "not your current password" in wrong.text
    short = await browser.post("/account/password", data={**data, "current": PASSWORD, "new": "short"})
    assert short.status_code == 422 and "Choose a password" in short.text
    assert (await browser.post("/account/password", data={**data, "current": PASSWORD})).status_code == 303
    assert "Your password is changed" in (await browser.get("/account")).text
    assert (await sign_in(site.client(), "another long one")).status_code == 303


async def test_demo_users_are_offered_only_while_their_passwords_open(site: Site) -> None:
    assert "demo.serai.example" not in (await site.client().get("/sign-in")).text
    assert site.parts.demo is not None
    await site.parts.demo(lambda what, done, total: None)
    assert "owner@demo.serai.example" in (await site.client().get("/sign-in")).text
    site.as_owner("update identity.users set demo_password = false")
    assert "demo.serai.example" not in (await site.client().get("/sign-in")).text


@pytest.mark.parametrize(
    "address, kept",
    [
        ("/account", True),
        ("/account?x=1#y", True),
        ("", False),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("https://evil.example", False),
        ("javascript:alert(1)", False),
        ("/a\r\nset-cookie: x=y", False),
        ("/é", False),
    ],
)
def test_a_sign_in_ends_on_this_site(address: str, kept: bool) -> None:
    assert local_address(address) == (address if kept else "")


async def test_a_foreign_address_is_not_followed(site: Site, tenant: UUID) -> None:
    await site.user(tenant, ADA, "viewer")
    assert (await sign_in(site.client(), onward="//evil.example")).headers["location"] == "/"


other_system = APIRouter(route_class=PageRoute, dependencies=[CsrfProtected])


@other_system.post("/other/form")
async def take_form(word: Annotated[str, Form()]) -> dict[str, str]:
    return {"word": word}


@pytest.mark.parametrize("more_routers", [[other_system]])
async def test_other_systems_guard_their_forms_with_one_word(site: Site, tenant: UUID) -> None:
    browser = await signed_in(site, tenant, "viewer")
    assert (await browser.post("/other/form", data={"word": "x"})).status_code == 403
    token = form_token(await browser.get("/account"))
    answer = await browser.post("/other/form", data={"word": "x", "csrf_token": token})
    assert answer.json() == {"word": "x"}
    program = site.client(key=await site.key(tenant, "viewer"))
    assert (await program.post("/other/form", data={"word": "x"})).status_code == 200


async def test_a_message_that_we_did_not_leave_is_not_shown(site: Site) -> None:
    page = await site.client().get("/sign-in", headers={"cookie": "serai_flash=YmFkIFlvdSBvd2UgdXMgbW9uZXku.forged"})
    assert page.status_code == 200 and "You owe us" not in page.text
