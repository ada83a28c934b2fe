"""The pages of the shop of numbers. Every form works without script; script only helps.

`search` finds, `hold` sells, `sale` is what the buyer keeps; `desk` is for those who run the shop.
"""

from fastapi import APIRouter

from serai.runtime.system import World
from serai.systems.checkout.api import PayForm
from serai.systems.identity.api import CsrfProtected, PageRoute
from serai.systems.simcards.http.parts import Simcards
from serai.systems.simcards.pages.desk import add_desk_pages
from serai.systems.simcards.pages.hold import HoldPages
from serai.systems.simcards.pages.sale import SalePages
from serai.systems.simcards.pages.search import SearchPages
from serai.systems.simcards.service.orders import WORDS
from serai.web.shell import Shell


def make_pages(world: World, shop: Simcards) -> APIRouter:
    """All pages. A fixed path stands before one with an id in the same place."""
    shell = world.need(Shell)
    pages = APIRouter(prefix="/simcards", route_class=PageRoute, dependencies=[CsrfProtected], include_in_schema=False)
    add_desk_pages(pages, world, shop)
    SearchPages(shop, shell).add_to(pages)
    HoldPages(shop, shell, world.clock, PayForm(world.settings, world.random, WORDS)).add_to(pages)
    SalePages(shop, shell).add_to(pages)
    return pages
