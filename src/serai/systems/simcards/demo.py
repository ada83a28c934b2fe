"""Believable numbers for a first look: three pools, a stock of cards, and buyers who paid at the gateway.

Most of them use their number, some gave it back, some bring or take one along; later somebody buys every quarter of an
hour. Loading again adds what is missing: pools are known by their names, cards by their ICCIDs, and the first buyers
come once.
"""

from dataclasses import dataclass
from uuid import UUID

import orjson

from serai.kernel.errors import SeraiError
from serai.kernel.ids import Capability
from serai.kernel.ports import Random
from serai.runtime.http.idempotency import Key
from serai.runtime.postgres.keyset import Seek
from serai.runtime.sheets import write_sheet
from serai.runtime.system import Progress
from serai.systems.simcards.http.parts import Simcards
from serai.systems.simcards.model import Identity, Pool, SaleState
from serai.systems.simcards.numbering.cards import luhn_digit
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.patterns import Pattern
from serai.systems.simcards.numbering.plans import Kind, Wanted
from serai.systems.simcards.porting import PortingMove
from serai.systems.simcards.service.pools import NewPool
from serai.systems.simcards.service.sales import Purchase
from serai.systems.simcards.service.search import Wish
from serai.systems.simcards.service.showing import Viewer

CARDS = 200
BUYERS = 40

EVERY_S = 900.0
"""How often somebody buys afterwards."""

USE_PERCENT = 70
"""Of the buyers, those who put their number on a card at once."""

RETURN_PERCENT = 10
"""Of all, those who give it back."""

NAMES = (
    "Ada Okafor", "Bruno Keller", "Chiyo Tanaka", "Dmitri Orlov", "Esther Lindqvist", "Farid Haddad", "Grace Mbeki",
    "Hugo Lefèvre", "Imani Njoroge", "Jonas Vogel", "Keiko Mori",
)  # fmt: skip

CARRIERS = ("Nordlicht Mobil", "Harbour Wireless", "Ligne Claire")

BROUGHT = (4915201234567, 447400123456, 33612987654)
"""Numbers of other carriers, whose owners bring them along: one waits, one is agreed on, one has come."""


def _prices(plain: int, premium: int, gold: int) -> dict[NumberClass, int]:
    return {NumberClass.PLAIN: plain, NumberClass.PREMIUM: premium, NumberClass.GOLD: gold}


POOLS = (
    NewPool("Manhattan 212 23", Wanted("US", Kind.MOBILE, "21223"), _prices(900, 4_900, 24_900), "USD", 45),
    NewPool("Berlin 1512 345", Wanted("DE", Kind.MOBILE, "1512345"), _prices(500, 2_900, 14_900), "EUR", 90),
    NewPool("Lyon 6 12 34", Wanted("FR", Kind.MOBILE, "61234"), _prices(500, 2_900, 14_900), "EUR", 90),
)
"""Small enough for a first start: 100,000, 10,000 and 10,000 numbers."""


@dataclass
class Demo:
    """Fills the shop through its own use cases."""

    shop: Simcards
    tenant: UUID
    random: Random

    async def load(self, progress: Progress) -> None:
        """Adds what is missing."""
        known = {pool.name: pool for pool in await self.shop.pools.all(self.tenant)}
        for number, new in enumerate(POOLS):
            pool = known.get(new.name) or await self.shop.pools.plan(self.tenant, new, later=False)
            if pool.opened_at is None:
                await self.shop.pools.fill(self.tenant, pool.pool_id)
            progress("pools of numbers", number + 1, len(POOLS))
        if await self._load_cards():
            await self._rush(progress)
            await self._bring_along()
            looking = Wish(Pattern(ends="7"), 5, region="US")
            await self.shop.search.find(self.tenant, looking, Viewer((("guest:demo", 1),)))

    async def buy_one(self) -> Capability | None:
        """Somebody buys a number that chance draws, and mostly uses it. None where the gateway does not answer."""
        pools = [pool for pool in await self.shop.pools.all(self.tenant) if pool.opened_at is not None]
        if not pools:
            return None
        try:
            return await self._buy(pools[self.random.below(len(pools))])
        except SeraiError:
            return None  # sold out, or no gateway yet; the next one may have more luck

    async def _load_cards(self) -> bool:
        rows = [(_iccid(number), f"26207{number:010d}", "demo") for number in range(CARDS)]
        raw = write_sheet(("iccid", "imsi", "batch"), rows).encode()
        return (await self.shop.cards.load(self.tenant, raw, dry_run=False)).imported > 0

    async def _rush(self, progress: Progress) -> None:
        """The buyers before anybody looked; one of them is about to leave with the number."""
        for buyer in range(BUYERS):
            if await self.buy_one() is None:
                return
            progress("buyers of numbers", buyer + 1, BUYERS)
        listed = await self.shop.board.sales(self.tenant, "", SaleState.ACTIVE, Seek("at", 1))
        for line in listed.items:
            leaving = (await self.shop.sales.of_id(self.tenant, line.sale_id)).sale.capability
            await self.shop.portings.ask_out(self.tenant, leaving, CARRIERS[1], line.name)

    async def _bring_along(self) -> None:
        for number, carrier, name, moves in zip(BROUGHT, CARRIERS, NAMES, _MOVES, strict=False):
            asked = await self.shop.portings.ask_in(self.tenant, number, carrier, name)
            for move in moves:
                await self.shop.portings.move(self.tenant, asked.porting_id, move, "demo", "")

    async def _buy(self, pool: Pool) -> Capability | None:
        name = NAMES[self.random.below(len(NAMES))]
        hold = await self.shop.holds.draw(self.tenant, pool.pool_id, Viewer(()), holder="demo", holds_max=None)
        identity = Identity(name, pool.region, "passport", f"D{self.random.below(10**8):08d}")
        email = f"{name.split()[0].lower()}@example.org"
        key = Key.of("demo", owner=hold.capability.text(), method="POST", path="demo", body=b"")
        purchase = Purchase(hold.capability, "pm_card_visa", email, identity)
        reply = await self.shop.sales.sell(self.tenant, purchase, key)
        sale = Capability.parse(orjson.loads(reply.body).get("id", ""))
        if sale is None:
            return None
        if self.random.below(100) < USE_PERCENT:
            await self._use(sale)
        if self.random.below(100) < RETURN_PERCENT:
            await self.shop.sales.take_back(self.tenant, sale, "demo")
        return sale

    async def _use(self, sale: Capability) -> None:
        free = await self.shop.board.cards(self.tenant, "", False, Seek("iccid", 1))
        for card in free.items:
            await self.shop.sales.activate(self.tenant, sale, card.iccid, "demo")


_MOVES: tuple[tuple[PortingMove, ...], ...] = (
    (),
    (PortingMove.ACCEPT,),
    (PortingMove.ACCEPT, PortingMove.COMPLETE),
)


def _iccid(number: int) -> str:
    start = f"894920{number:012d}"
    return f"{start}{luhn_digit(start)}"
