"""The pages of stock, /stock. Their forms are read into the API's requests and go through the same services.

`overview` shows how it stands; `products`, `policies` and `locations` what there is and where; `movements`, `moving`,
`transfers` and `counts` what moves, on a phone with a scanner as well as at a desk; `alerts` what to buy; `sheets`
takes CSV.
"""

from fastapi import APIRouter

from serai.runtime.http.routing import Router
from serai.runtime.system import World
from serai.systems.identity.api import CsrfProtected, PageRoute
from serai.systems.stock.pages.alerts import AlertsPages
from serai.systems.stock.pages.counts import CountsPages
from serai.systems.stock.pages.locations import LocationsPages
from serai.systems.stock.pages.movements import MovementsPages
from serai.systems.stock.pages.moving import MovingPages
from serai.systems.stock.pages.overview import OverviewPage
from serai.systems.stock.pages.parts import Floor
from serai.systems.stock.pages.policies import PoliciesPages
from serai.systems.stock.pages.products import ProductsPages
from serai.systems.stock.pages.sheets import SheetsPages
from serai.systems.stock.pages.transfers import TransfersPages
from serai.systems.stock.whole import Stock
from serai.web.shell import Shell


def make_pages(world: World, stock: Stock) -> APIRouter:
    """All pages. A fixed path stands before one with an id in the same place."""
    pages = Router(prefix="/stock", route_class=PageRoute, dependencies=[CsrfProtected], include_in_schema=False)
    floor = Floor(stock, world.need(Shell), world.clock, world.random)
    for part in (
        OverviewPage(floor),
        ProductsPages(floor),
        PoliciesPages(floor),
        LocationsPages(floor),
        MovingPages(floor),
        MovementsPages(floor),
        TransfersPages(floor),
        CountsPages(floor),
        AlertsPages(floor),
        SheetsPages(floor),
    ):
        part.add_to(pages)
    return pages
