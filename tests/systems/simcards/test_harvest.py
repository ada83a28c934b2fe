"""Somebody tries to read the shop's numbers out of it: with one session or many, the quota is all they learn."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from tests.systems.simcards.conftest import V1, OpenShop, Shop

from serai.runtime.http.principal import Principal
from serai.systems.simcards.errors import QuotaUsed
from serai.systems.simcards.model import Candidate
from serai.systems.simcards.numbering.patterns import HIDDEN, Pattern
from serai.systems.simcards.service.search import Wish
from serai.systems.simcards.service.showing import Viewer

SESSIONS = 30
TRIES = 8


def guest(shop: Shop, session: int, address: str) -> Viewer:
    """A browser with a cookie of its own, behind an address."""
    return Viewer.of(Principal(shop.tenant, "guest", f"cookie {session}", address=address), shop.inside.settings)


async def everything(ask: Callable[[], Awaitable[list[str]]]) -> list[str]:
    """All that somebody is shown who asks again and again."""
    seen: list[str] = []
    for _ in range(TRIES):
        try:
            seen += await ask()
        except QuotaUsed:
            continue
    return seen


async def test_an_attacker_with_n_sessions_learns_at_most_the_quota(open_shop: OpenShop) -> None:
    shop = await open_shop(
        simcards_candidates_per_day_max=20, simcards_numbers_per_day_max=4, simcards_address_factor=3
    )
    await shop.pool("212555", "Large")
    (pool,) = await shop.inside.pools.all(shop.tenant)
    wish = Wish(Pattern(), 10, pool.pool_id)

    async def browse(viewer: Viewer) -> list[str]:
        found: list[Candidate] = await shop.inside.search.find(shop.tenant, wish, viewer)
        return [each.masked for each in found]

    async def hold(viewer: Viewer) -> list[str]:
        held = await shop.inside.holds.draw(shop.tenant, pool.pool_id, viewer, holder="attacker", holds_max=None)
        await shop.inside.holds.release(shop.tenant, held.capability)
        return [str(held.number)]

    one = guest(shop, 0, "203.0.113.9")
    assert len(await everything(lambda: browse(one))) == 20
    assert len(await everything(lambda: hold(one))) == 4
    many = [guest(shop, session, "198.51.100.7") for session in range(SESSIONS)]
    masked = await asyncio.gather(*(everything(lambda viewer=viewer: browse(viewer)) for viewer in many))
    whole = await asyncio.gather(*(everything(lambda viewer=viewer: hold(viewer)) for viewer in many))
    assert sum(map(len, masked)) == 20 * 3, "many sessions of one address are shown what the address may see"
    assert sum(map(len, whole)) == 4 * 3
    assert all(number.count(HIDDEN) >= 3 for numbers in masked for number in numbers)
    # Three hidden digits: what was shown of a number is true of a thousand.
    learnt = {number for numbers in whole for number in numbers}
    assert len(learnt) <= 12
    # Without the quota the same attacker reads on and on: the tries were many enough to prove something.
    seller = Viewer(())
    assert len(await everything(lambda: browse(seller))) == 10 * TRIES


async def test_the_quota_holds_against_requests_at_once(open_shop: OpenShop) -> None:
    shop = await open_shop(simcards_numbers_per_day_max=3, simcards_holds_per_guest_max=50)
    pool = await shop.pool()
    async with httpx.AsyncClient(base_url=shop.site.url) as browser:
        await browser.get("/api/identity/v1/session")
        answers = await asyncio.gather(
            *(browser.post(f"{V1}/holds", json={"pool_id": pool}, headers={"Cookie": "x=y"}) for _ in range(40))
        )
    shown = [answer for answer in answers if answer.status_code == 201]
    assert len(shown) == 3 * shop.inside.settings.address_factor
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"quota_used"}


async def test_a_used_up_quota_refuses_also_who_finds_nothing(open_shop: OpenShop) -> None:
    shop = await open_shop(simcards_candidates_per_day_max=1, simcards_address_factor=1)
    pool = await shop.pool("2125550")
    nothing = {"pool_id": pool, "prefix": "0", "contains": "", "ends": "00", "count": 3}
    first = await shop.post("/search", {"pool_id": pool, "count": 3})
    assert len(first.json()["items"]) == 1
    refused = await shop.post("/search", nothing)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_used")
    assert int(refused.headers["retry-after"]) > 0


async def test_yesterdays_quota_is_forgotten(open_shop: OpenShop) -> None:
    shop = await open_shop(simcards_numbers_per_day_max=1, simcards_address_factor=1)
    pool = await shop.pool()
    assert [(await shop.hold(pool)).status_code for _ in range(2)] == [201, 429]
    shop.sql("update simcards.shown set day = day - 1")
    assert (await shop.hold(pool)).status_code == 201
