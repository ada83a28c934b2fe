"""Who asks is found once a request; a role opens itself, its system and nothing else."""

import pytest
from tests.conftest import TENANT

from serai.runtime.http.principal import Principal

from .conftest import Site


@pytest.mark.parametrize(
    ("roles", "may"),
    [
        ({"cinema:manage"}, True),
        ({"cinema:*"}, True),
        ({"*"}, True),
        ({"cinema:read", "files:*"}, False),
        ({"cinema:"}, False),
        (set(), False),
    ],
)
def test_what_a_role_opens(roles: set[str], may: bool) -> None:
    assert Principal(TENANT, "user", "1", roles=frozenset(roles)).may("cinema:manage") is may


async def test_a_guest_is_told_to_sign_in_and_a_user_what_is_missing(site: Site) -> None:
    guest = await site.client.get("/api/managed")
    assert (guest.status_code, guest.json()["code"]) == (401, "unauthenticated")
    user = await site.client.get("/api/managed", headers={"roles": "cinema:read"})
    assert (user.status_code, user.json()["detail"]) == (403, "Ada does not have the role cinema:manage.")
    manager = await site.client.get("/api/managed", headers={"roles": "cinema:*"})
    assert (manager.status_code, manager.json()) == (200, "user:1")


async def test_whoever_asks_is_asked_once(site: Site) -> None:
    await site.client.get("/api/managed", headers={"roles": "*"})
    assert site.callers.asked == 1
