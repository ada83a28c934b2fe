"""The demo's people can sign in at once on this machine, and do not exist anywhere else."""

from collections.abc import Awaitable, Callable

import pytest

from serai.systems.identity.api import demo_users_present
from serai.systems.identity.demo import DEMO_USERS

from .conftest import Site


async def load(site: Site) -> list[tuple[int, int]]:
    demo: Callable[..., Awaitable[None]] | None = site.parts.demo
    assert demo is not None
    told: list[tuple[int, int]] = []
    await demo(lambda what, done, total: told.append((done, total)))
    return told


async def present(site: Site) -> bool:
    async with site.world.database.transaction(None) as tx:
        return await demo_users_present(tx)


async def test_demo_users_sign_in_with_the_printed_passwords(site: Site) -> None:
    assert not await present(site)
    assert (await load(site))[-1] == (4, 4)
    for user in DEMO_USERS:
        body = {"email": user.email, "password": user.password}
        answer = await site.client().post("/api/identity/v1/sessions", json=body)
        assert answer.json()["user"]["roles"] == [user.role]
    assert await present(site)


async def test_the_demo_changes_nothing_when_it_runs_again(site: Site) -> None:
    await load(site)
    before = site.as_owner("select * from identity.users order by id")
    await load(site)
    assert site.as_owner("select * from identity.users order by id") == before


async def test_changed_passwords_are_no_longer_the_demos(site: Site) -> None:
    await load(site)
    for user in DEMO_USERS:
        browser = site.client()
        await browser.post("/api/identity/v1/sessions", json={"email": user.email, "password": user.password})
        assert await present(site)
        change = {"current_password": user.password, "new_password": "a secret of mine"}
        headers = {"sec-fetch-site": "same-origin"}
        assert (await browser.put("/api/identity/v1/me/password", json=change, headers=headers)).status_code == 200
    assert not await present(site)


@pytest.mark.parametrize("settings_in_force", [{"host": "0.0.0.0", "allow_plain_http": True, "site_tenant": "fresh"}])
async def test_elsewhere_there_is_the_organisation_without_them(site: Site) -> None:
    await load(site)
    assert not await present(site)
    assert await site.api.organisation_of("fresh") is not None
