"""A whole shop of numbers per test: the real site and gateway on real sockets, over a database of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.systems.cinema.conftest import Site, opened_site
from tests.systems.cinema.staff import bearer

from serai.app.registry import chosen_systems
from serai.systems.allocation.api import Allocation
from serai.systems.simcards.http.parts import Simcards
from serai.systems.simcards.numbering.cards import luhn_digit
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.plans import Kind, Wanted
from serai.systems.simcards.service.audit import audit
from serai.systems.simcards.service.pools import NewPool
from serai.systems.simcards.system import make_simcards

V1 = "/api/simcards/v1"
PRICES = {NumberClass.PLAIN: 900, NumberClass.PREMIUM: 4_900, NumberClass.GOLD: 24_900}
IDENTITY = {"name": "Ada Okafor", "country": "US", "document_kind": "passport", "document_number": "P1234567"}


def iccid(number: int) -> str:
    """A card's number with its check digit."""
    start = f"894411{number:012d}"
    return f"{start}{luhn_digit(start)}"


@dataclass
class Shop:
    """What a test drives: HTTP from outside, the use cases and SQL from inside."""

    site: Site
    inside: Simcards

    @property
    def client(self) -> httpx.AsyncClient:
        return self.site.client

    @property
    def tenant(self) -> UUID:
        return self.site.tenant

    def sql(self, statement: str, *params: object) -> list[tuple[Any, ...]]:
        return self.site.sql(statement, *params)

    async def pool(self, prefix: str = "2125550", name: str = "Small", tenant: UUID | None = None) -> str:
        """An open pool of US numbers: 2125550 has 900, 212555 has 9,900."""
        new = NewPool(name, Wanted("US", Kind.MOBILE, prefix), PRICES, "USD", 45)
        pool = await self.inside.pools.plan(tenant or self.tenant, new, later=False)
        await self.inside.pools.fill(tenant or self.tenant, pool.pool_id)
        return str(pool.pool_id)

    async def staff(self, *roles: str, tenant: UUID | None = None) -> dict[str, str]:
        """Headers of an API key with these roles."""
        return await bearer(self.site, *(roles or ("simcards:*",)), tenant=tenant)

    async def hold(self, pool_id: str, headers: dict[str, str] | None = None, **wanted: str) -> httpx.Response:
        return await self.client.post(f"{V1}/holds", json={"pool_id": pool_id, **wanted}, headers=headers)

    async def pay(self, hold_id: str, *, method: str = "pm_card_visa", key: str = "first") -> httpx.Response:
        body = {"hold_id": hold_id, "payment_method": method, "email": "buyer@example.org", "identity": IDENTITY}
        return await self.client.post(f"{V1}/sales", json=body, headers={"Idempotency-Key": key})

    async def sold(self, pool_id: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """A number that was held and paid for."""
        held = await self.hold(pool_id, headers)
        assert held.status_code == 201, held.text
        paid = await self.pay(held.json()["id"])
        assert paid.status_code == 201, paid.text
        document: dict[str, Any] = paid.json()
        return document

    async def cards(self, count: int = 3) -> list[str]:
        """Cards in stock."""
        numbers = [iccid(number) for number in range(count)]
        rows = "".join(f"{card},31015{number:010d},test\n" for number, card in enumerate(numbers))
        headers = await self.staff()
        answer = await self.client.post(f"{V1}/cards/import", content=f"iccid,imsi,batch\n{rows}", headers=headers)
        assert answer.json()["imported"] == count, answer.text
        return numbers

    async def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.client.post(f"{V1}{path}", json=body, headers=headers)

    async def story(self, number: str) -> dict[str, Any]:
        answer = await self.client.get(f"{V1}/numbers/{number}", headers=await self.staff())
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def prove(self) -> None:
        """The audit finds nothing, and the money at the gateway is what the sales say."""
        report = await audit(self.site.world.database, self.tenant, self.site.world.need(Allocation))
        assert report.findings == ()
        (owed,) = self.sql(
            "select coalesce(sum(total_minor - refund_minor) filter (where state in ('sold', 'active', 'returned')), 0)"
            " from simcards.sales"
        )
        captured, refunded = await self.site.money()
        assert captured - refunded == owed[0]


OpenShop = Callable[..., Awaitable[Shop]]


@pytest.fixture
async def open_shop(database_url: Callable[[str], str], tmp_path: Path) -> AsyncIterator[OpenShop]:
    """Opens the shop, with settings of the test's choice."""
    async with AsyncExitStack() as stack:

        async def make(gateway_url: str | None = None, **settings: object) -> Shop:
            systems = chosen_systems(["simcards"])
            opened = opened_site(database_url, tmp_path, systems, gateway_url, **settings)
            site = await stack.enter_async_context(opened)
            return Shop(site, make_simcards(site.world))

        yield make


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    return await open_shop()
