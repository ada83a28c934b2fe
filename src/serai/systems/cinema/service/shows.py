"""What plays, and how a hall looks. Everything about a show that does not change is remembered in the process.

Plans and prices of a show never change while it is sold (an edited plan is a new one), so remembering them cannot lie.
What may change, its cancellation, is asked from the database by every use case that sells.
"""

from collections import OrderedDict
from uuid import UUID

from serai.runtime.postgres.database import Database, Transaction
from serai.systems.cinema.errors import NoSuchShow, ShowCancelled, ShowStarted
from serai.systems.cinema.model import Show
from serai.systems.cinema.store import catalogue

SHOWS_MAX = 500
"""Shows remembered in a process; the one not asked for longest goes first."""


class Shows:
    """Shows by id, remembered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[tuple[UUID, UUID], Show] = OrderedDict()

    async def get(self, tenant: UUID, show_id: UUID) -> Show:
        """The show, from memory if it was asked for before; NoSuchShow."""
        if (known := self._known.get((tenant, show_id))) is not None:
            self._known.move_to_end((tenant, show_id))
            return known
        async with self._database.transaction(tenant) as tx:
            return await self.read(tx, show_id)

    async def read(self, tx: Transaction, show_id: UUID) -> Show:
        """The show, from memory or the caller's transaction; NoSuchShow."""
        key = (tx.owner, show_id)
        if (known := self._known.get(key)) is not None:
            return known
        show = await catalogue.show_by_id(tx, show_id)
        if show is None:
            raise NoSuchShow(f"There is no show {show_id}.")
        self._known[key] = show
        while len(self._known) > SHOWS_MAX:
            self._known.popitem(last=False)
        return show

    def forget(self, tenant: UUID, show_id: UUID) -> None:
        """The show was edited."""
        self._known.pop((tenant, show_id), None)


async def require_on_sale(tx: Transaction, show: Show) -> None:
    """ShowStarted or ShowCancelled, by the database's clock."""
    found = await catalogue.show_begun(tx, show.show_id)
    assert found is not None, "shows are never deleted"
    begun, cancelled = found
    if cancelled:
        raise ShowCancelled(f"{show.movie.title} at {show.theater.name} does not take place.")
    if begun:
        raise ShowStarted(f"{show.movie.title} at {show.theater.name} has begun; choose a later show.")
