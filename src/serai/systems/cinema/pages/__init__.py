"""The pages of the cinema, from the programme to the ticket. Every form works without script; script only helps.

`programme` and `show` are looked at, `checkout` sells, `ticket` is what the buyer keeps and `swap` changes;
`waiting` is for those who came too late, `door` for those who let the others in, and `house` for those who run it.
"""

from fastapi import APIRouter

from serai.runtime.http.routing import Router
from serai.runtime.system import World
from serai.systems.checkout.api import PayForm
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.pages.checkout import CheckoutPages
from serai.systems.cinema.pages.door import DoorPages
from serai.systems.cinema.pages.house import add_house_pages
from serai.systems.cinema.pages.programme import ProgrammePages
from serai.systems.cinema.pages.show import ShowPages
from serai.systems.cinema.pages.swap import SwapPages
from serai.systems.cinema.pages.ticket import TicketPages
from serai.systems.cinema.pages.waiting import WaitingPages
from serai.systems.cinema.service.orders import WORDS
from serai.systems.cinema.service.programme import Programme
from serai.systems.identity.api import CsrfProtected, PageRoute
from serai.web.shell import Shell


def make_pages(world: World, cinema: Cinema) -> APIRouter:
    """The public pages."""
    shell = world.need(Shell)
    pages = Router(prefix="/cinema", route_class=PageRoute, dependencies=[CsrfProtected], include_in_schema=False)
    programme = Programme(world.database, world.clock)
    ProgrammePages(cinema, programme, shell, world.clock).add_to(pages)
    ShowPages(cinema, programme, shell, world.clock).add_to(pages)
    CheckoutPages(cinema, shell, world.clock, PayForm(world.settings, world.random, WORDS)).add_to(pages)
    TicketPages(cinema, shell, world.clock, world.settings.site_url).add_to(pages)
    SwapPages(cinema, shell, world.clock).add_to(pages)
    WaitingPages(cinema, shell, world.clock).add_to(pages)
    DoorPages(cinema, shell).add_to(pages)
    add_house_pages(pages, world.database, cinema, shell, world.clock)
    return pages
