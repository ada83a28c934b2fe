"""What plays, and how a hall looks, remembered in the process.

Plans never change (an edited plan is a new one), so one in memory cannot lie. Names, prices and terms of a show can:
browsing sees a change within FRESH_S, and whoever sells asks the database for the show's edition in the transaction of
the sale, so nothing is ever sold by prices that are not in force.
"""

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.cinema.errors import NoSuchShow, ShowCancelled, ShowStarted
from serai.systems.cinema.model import Show
from serai.systems.cinema.plan import Plan, import_plan
from serai.systems.cinema.store import catalogue

SHOWS_MAX = 500
"""Shows remembered in a process; the one not asked for longest goes first."""

PLANS_MAX = 200
"""Plans remembered; one of 200 seats takes about 100 KB."""

FRESH_S = 5.0
"""How long a show in memory is shown without asking whether it changed."""


@dataclass(frozen=True, slots=True)
class _Known:
    show: Show
    read_s: float


class Shows:
    """Shows by id, remembered."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[tuple[UUID, UUID], _Known] = OrderedDict()
        self._plans: OrderedDict[tuple[UUID, UUID], Plan] = OrderedDict()

    async def get(self, tenant: UUID, show_id: UUID) -> Show:
        """The show, at most FRESH_S old; NoSuchShow."""
        known = self._known.get((tenant, show_id))
        if known is not None and self._clock.monotonic() - known.read_s < FRESH_S:
            self._known.move_to_end((tenant, show_id))
            return known.show
        async with self._database.transaction(tenant) as tx:
            return await self.reload(tx, show_id)

    async def read(self, tx: Transaction, show_id: UUID) -> Show:
        """The show from memory, however old, or from the caller's transaction; NoSuchShow."""
        known = self._known.get((tx.owner, show_id))
        return known.show if known is not None else await self.reload(tx, show_id)

    async def on_sale(self, tx: Transaction, show_id: UUID) -> Show:
        """The show as it is in force for this transaction. NoSuchShow, ShowStarted or ShowCancelled."""
        standing = await catalogue.standing(tx, show_id)
        if standing is None:
            raise NoSuchShow(f"There is no show {show_id}.")
        show = await self.read(tx, show_id)
        if show.edition != standing.edition:
            show = await self.reload(tx, show_id)
        if standing.cancelled:
            raise ShowCancelled(f"{show.movie.title} at {show.theater.name} does not take place.")
        if standing.begun:
            raise ShowStarted(f"{show.movie.title} at {show.theater.name} has begun; choose a later show.")
        return show

    async def reload(self, tx: Transaction, show_id: UUID) -> Show:
        """The show from the database; NoSuchShow."""
        facts = await catalogue.show_facts(tx, show_id)
        if facts is None:
            raise NoSuchShow(f"There is no show {show_id}.")
        show = facts.show(await self._plan(tx, facts.plan_id))
        self._known[(tx.owner, show_id)] = _Known(show, self._clock.monotonic())
        self._known.move_to_end((tx.owner, show_id))
        while len(self._known) > SHOWS_MAX:
            self._known.popitem(last=False)
        return show

    def forget(self, tenant: UUID, show_id: UUID) -> None:
        """The show was edited; call it when the edit is committed."""
        self._known.pop((tenant, show_id), None)

    async def _plan(self, tx: Transaction, plan_id: UUID) -> Plan:
        key = (tx.owner, plan_id)
        if (plan := self._plans.get(key)) is None:
            document = await catalogue.plan_by_id(tx, plan_id)
            assert document is not None, "a show has a plan, and plans are never deleted"
            self._plans[key] = plan = import_plan(document)
            while len(self._plans) > PLANS_MAX:
                self._plans.popitem(last=False)
        return plan
