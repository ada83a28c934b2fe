"""The pages of those who run the shop, /simcards/desk. Who sells sees them, who manages changes things there.

`overview` shows how the shop stands, `pools` makes pools and shows one with its evidence of chance, `numbers` tells a
number's story, `sales`, `cards` and `portings` are what people work through.
"""

from fastapi import APIRouter

from serai.runtime.system import World
from serai.systems.simcards.http.parts import Simcards
from serai.systems.simcards.pages.desk.cards import CardsPages
from serai.systems.simcards.pages.desk.numbers import NumbersPages
from serai.systems.simcards.pages.desk.overview import OverviewPage
from serai.systems.simcards.pages.desk.parts import Desk
from serai.systems.simcards.pages.desk.pools import PoolsPages
from serai.systems.simcards.pages.desk.portings import PortingsPages
from serai.systems.simcards.pages.desk.sales import SalesPages
from serai.web.shell import Shell


def add_desk_pages(pages: APIRouter, world: World, shop: Simcards) -> None:
    """Adds the routes to the shop's pages. A fixed path stands before one with an id in the same place."""
    desk = Desk(shop, world.need(Shell), world.random)
    OverviewPage(desk).add_to(pages)
    PoolsPages(desk).add_to(pages)
    NumbersPages(desk).add_to(pages)
    SalesPages(desk).add_to(pages)
    CardsPages(desk).add_to(pages)
    PortingsPages(desk).add_to(pages)
