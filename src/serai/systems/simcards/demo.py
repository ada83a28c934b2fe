"""Believable numbers for a first look: three pools, a stock of cards, buyers who paid at the gateway.

Loading again adds what is missing: pools are known by their names, cards by their ICCIDs, and buyers come once.
"""

from uuid import UUID

from serai.kernel.errors import SeraiError
from serai.kernel.ports import Random
from serai.runtime.http.idempotency import Key
from serai.runtime.sheets import write_sheet
from serai.runtime.system import Progress
from serai.systems.simcards.http.parts import Simcards
from serai.systems.simcards.model import Identity
from serai.systems.simcards.numbering.cards import luhn_digit
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.patterns import Pattern
from serai.systems.simcards.numbering.plans import Kind, Wanted
from serai.systems.simcards.service.pools import NewPool
from serai.systems.simcards.service.sales import Purchase
from serai.systems.simcards.service.search import Wish
from serai.systems.simcards.service.showing import Viewer

CARDS = 200
BUYERS = 40

NAMES = ("Ada Okafor", "Bruno Keller", "Chiyo Tanaka", "Dmitri Orlov", "Esther Lindqvist", "Farid Haddad")


def _prices(plain: int, premium: int, gold: int) -> dict[NumberClass, int]:
    return {NumberClass.PLAIN: plain, NumberClass.PREMIUM: premium, NumberClass.GOLD: gold}


POOLS = (
    NewPool("Manhattan 212 23", Wanted("US", Kind.MOBILE, "21223"), _prices(900, 4_900, 24_900), "USD", 45),
    NewPool("Berlin 1512 345", Wanted("DE", Kind.MOBILE, "1512345"), _prices(500, 2_900, 14_900), "EUR", 90),
    NewPool("Lyon 6 12 34", Wanted("FR", Kind.MOBILE, "61234"), _prices(500, 2_900, 14_900), "EUR", 90),
)
"""Small enough for a first start: 100,000, 10,000 and 10,000 numbers."""


async def load(shop: Simcards, tenant: UUID, random: Random, progress: Progress) -> None:
    """Adds what is missing."""
    known = {pool.name: pool for pool in await shop.pools.all(tenant)}
    for number, new in enumerate(POOLS):
        pool = known.get(new.name) or await shop.pools.plan(tenant, new, later=False)
        if pool.opened_at is None:
            await shop.pools.fill(tenant, pool.pool_id)
        progress("pools of numbers", number + 1, len(POOLS))
    if await _load_cards(shop, tenant):
        await _load_buyers(shop, tenant, random, progress)
        await shop.portings.ask_in(tenant, 4915201234567, "Nordlicht Mobil", "Esther Lindqvist")
        looking = Wish(Pattern(ends="7"), 5, region="US")
        await shop.search.find(tenant, looking, Viewer((("guest:demo", 1),)))


async def _load_cards(shop: Simcards, tenant: UUID) -> bool:
    rows = [(_iccid(number), f"26207{number:010d}", "demo") for number in range(CARDS)]
    raw = write_sheet(("iccid", "imsi", "batch"), rows).encode()
    return (await shop.cards.load(tenant, raw, dry_run=False)).imported > 0


def _iccid(number: int) -> str:
    start = f"894920{number:012d}"
    return f"{start}{luhn_digit(start)}"


async def _load_buyers(shop: Simcards, tenant: UUID, random: Random, progress: Progress) -> None:
    pools = await shop.pools.all(tenant)
    for buyer in range(BUYERS):
        name = NAMES[buyer % len(NAMES)]
        pool = pools[buyer % len(pools)]
        hold = await shop.holds.draw(tenant, pool.pool_id, Viewer(()), holder="demo", holds_max=None)
        identity = Identity(name, pool.region, "passport", f"D{random.below(10**8):08d}")
        email = f"{name.split()[0].lower()}@example.org"
        key = Key.of(f"demo-{buyer}", owner=hold.capability.text(), method="POST", path="demo", body=b"")
        try:
            await shop.sales.sell(tenant, Purchase(hold.capability, "pm_card_visa", email, identity), key)
        except SeraiError:
            return  # without a gateway there are no buyers yet; the rest of the demo stands
        progress("buyers of numbers", buyer + 1, BUYERS)
