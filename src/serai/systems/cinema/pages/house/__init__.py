"""The house's own pages, /cinema/house, for the role `cinema:manage`. Their forms go through the API's services.

`overview` shows how the house stands, `movies`, `theaters`, `screens` and `shows` change it, `show` is one show with
its seats, `occupancy` reports.
"""

from fastapi import APIRouter

from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Database
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.pages.house.movies import MoviesPages
from serai.systems.cinema.pages.house.occupancy import OccupancyPage
from serai.systems.cinema.pages.house.overview import OverviewPage
from serai.systems.cinema.pages.house.screens import ScreensPages
from serai.systems.cinema.pages.house.show import ShowPages
from serai.systems.cinema.pages.house.shows import ShowsPages
from serai.systems.cinema.pages.house.theaters import TheatersPages
from serai.systems.cinema.service.board import Board
from serai.web.shell import Shell


def add_house_pages(pages: APIRouter, database: Database, cinema: Cinema, shell: Shell, clock: Clock) -> None:
    """Adds the routes to the cinema's pages. A fixed path stands before one with an id in the same place."""
    board = Board(database, cinema.reports, clock)
    OverviewPage(board, shell).add_to(pages)
    MoviesPages(cinema, shell).add_to(pages)
    TheatersPages(cinema, shell).add_to(pages)
    ScreensPages(cinema, shell).add_to(pages)
    ShowsPages(cinema, board, shell).add_to(pages)
    ShowPages(cinema, board, shell, clock).add_to(pages)
    OccupancyPage(cinema, shell, clock).add_to(pages)
