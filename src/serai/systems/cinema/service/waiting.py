"""Waiting for seats: who comes first is served first, as seats come free.

The jobs process serves: for each show that somebody waits for, it looks at the line when a seat or the line has
changed, and holds the best seats for as many as it can. A party for which not enough seats are free keeps its place
while smaller ones behind it are served: seats do not stay empty for it. The claim and the entry change in one
transaction, so an entry has one offer, whatever many jobs processes do at once. Seats that come free are open to all
buyers until the line is looked at, within SERVE_EVERY_S.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.runtime.jobs import Queue
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation, Claim, ClaimLost, ClaimState, UnitState, pool_versions, pool_views
from serai.systems.cinema.errors import (
    AlreadyWaiting,
    NoSuchEntry,
    NotWaiting,
    SeatsUnavailable,
    ShowCancelled,
    ShowChanged,
    ShowStarted,
    WaitingListFull,
)
from serai.systems.cinema.model import Show
from serai.systems.cinema.seating import best
from serai.systems.cinema.service.holds import Holds
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.settings import CinemaSettings
from serai.systems.cinema.store import waiting as store
from serai.systems.cinema.store.waiting import Entry, Line
from serai.systems.cinema.waiting import LIVE, OFFER_HOLDER, EntryState, Move, after, meaning

SERVE_EVERY_S = 1.0

SERVED_MAX = 200
"""Entries of one show that one round looks at, from the front."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry as its owner sees it. `offer` is the hold, once there is one; `taken` the hold that was bought."""

    entry: Entry
    place: int
    offer: Capability | None = None
    offer_expires_at: datetime | None = None
    taken: Capability | None = None


class _Moved(Exception):
    """Another process has moved the entry; its claim must not stand."""


class Waiting:
    """The waiting lists of all shows."""

    def __init__(
        self,
        database: Database,
        jobs: Database,
        allocation: Allocation,
        shows: Shows,
        holds: Holds,
        queue: Queue,
        clock: Clock,
        random: Random,
        settings: CinemaSettings,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._allocation = allocation
        self._shows = shows
        self._holds = holds
        self._queue = queue
        self._clock = clock
        self._random = random
        self._settings = settings
        self._seen: dict[tuple[UUID, UUID], tuple[int, int]] = {}
        """By line: the version of the show's seats and the newest place, when it was served last."""

    async def join(self, tenant: UUID, show_id: UUID, email: str, seats: int, category: str | None) -> Standing:
        """A place at the end of the line. NoSuchShow, ShowStarted, ShowCancelled, AlreadyWaiting, WaitingListFull."""
        if not 1 <= seats <= self._settings.seats_per_hold_max:
            message = f"Wait for 1 to {self._settings.seats_per_hold_max} seats; you asked for {seats}."
            raise Invalid.of("count", "out_of_range", message)
        async with self._database.transaction(tenant) as tx:
            show = await self._shows.on_sale(tx, show_id)
            if category is not None and category not in show.prices:
                raise Invalid.of("category", "unknown_category", f"This show has no category {category!r}.")
            if await store.live_entries(tx, show_id) >= self._settings.waiting_per_show_max:
                raise WaitingListFull("The waiting list of this show is full; choose another show.")
            capability = Capability.new(self._clock, self._random)
            entry = await store.join(tx, capability, show_id, email, seats, category)
            if entry is None:
                raise AlreadyWaiting("This e-mail address waits for this show already.")
            return await self._standing(tx, entry)

    async def get(self, tenant: UUID, capability: Capability) -> Standing:
        """Where an entry stands; NoSuchEntry."""
        async with self._database.transaction(tenant) as tx:
            return await self._standing(tx, await self._open(tx, capability))

    async def leave(self, tenant: UUID, capability: Capability) -> None:
        """Off the list; seats that were offered go to the next. Leaving what is over changes nothing. NotWaiting."""
        async with self._database.transaction(tenant) as tx:
            entry = await self._open(tx, capability)
            if (to := after(entry.state, Move.LEAVE)) is None:
                return
            if not await store.move(tx, entry, to):
                raise NotWaiting("The entry was changed at this moment; look at it again.")
            if entry.claim_id is not None:
                await self._give_back(tx, entry.claim_id)

    async def serve(self) -> int:
        """One round over all lines; returns how many offers were made."""
        async with self._jobs.transaction(None) as tx:
            lines = await store.lines(tx)
        offers = 0
        seen: dict[tuple[UUID, UUID], tuple[int, int]] = {}
        for tenant in sorted({line.tenant for line in lines}):
            ours = [line for line in lines if line.tenant == tenant]
            async with self._database.transaction(tenant) as tx:
                versions = await pool_versions(tx, [line.pool_no for line in ours])
            for line in ours:
                now = versions[line.pool_no], line.newest
                try:
                    offers += await self._look_at(line, self._seen.get((tenant, line.show_id)) != now)
                except ShowChanged:
                    continue  # the next round sees the new prices
                seen[tenant, line.show_id] = now
        self._seen = seen
        return offers

    async def _look_at(self, line: Line, changed: bool) -> int:
        if not line.open:
            await self._end(line)
        return await self._serve(line) if line.open and changed else 0

    async def _serve(self, line: Line) -> int:
        await self._settle(line)
        async with self._database.transaction(line.tenant) as tx:
            show = await self._shows.reload(tx, line.show_id)
            entries = await store.live(tx, line.show_id, EntryState.WAITING, SERVED_MAX)
            view = (await pool_views(tx, [show.pool_no]))[0]
        free = {key for key, state in view.states.items() if state is UnitState.FREE}
        offers = 0
        for entry in entries:
            keys = best(show.plan, free, entry.seats, entry.category) if len(free) >= entry.seats else []
            if keys and await self._offer(line.tenant, show, entry, keys):
                free.difference_update(keys)
                offers += 1
        return offers

    async def _offer(self, tenant: UUID, show: Show, entry: Entry, keys: list[int]) -> bool:
        """Holds the seats for the entry and mails it. False if a buyer was faster; ShowChanged."""
        to = after(entry.state, Move.OFFER)
        assert to is not None, "only who waits is offered seats"

        async def note(tx: Transaction, claim: Claim) -> None:
            if not await store.move(tx, entry, to, claim.claim_id):
                raise _Moved
            await self._queue.defer(tx, "cinema.mail_offer", tenant=str(tenant), entry_id=str(entry.entry_id))

        try:
            await self._holds.offer(tenant, show, keys, f"{OFFER_HOLDER}{entry.entry_id}", note)
        except (_Moved, SeatsUnavailable, ShowStarted, ShowCancelled):
            return False
        return True

    async def _settle(self, line: Line) -> None:
        """Offers that were bought or have lapsed."""
        async with self._database.transaction(line.tenant) as tx:
            for entry in await store.live(tx, line.show_id, EntryState.OFFERED, SERVED_MAX):
                assert entry.claim_id is not None, "an offer has a claim"
                claim = await self._allocation.claim_by_id(tx, entry.claim_id)
                move = meaning(claim.state, claim.expired)
                if move is not None and (to := after(entry.state, move)):
                    await store.move(tx, entry, to)

    async def _end(self, line: Line) -> None:
        """The show has begun, or was called off, which those who wait are told. Being paid is not waiting."""
        await self._settle(line)
        async with self._database.transaction(line.tenant) as tx:
            show = await self._shows.reload(tx, line.show_id)
            entries = await store.live(tx, line.show_id, EntryState.WAITING, SERVED_MAX)
            entries += await store.live(tx, line.show_id, EntryState.OFFERED, SERVED_MAX)
            for entry in entries:
                await self._end_entry(tx, show, entry)

    async def _end_entry(self, tx: Transaction, show: Show, entry: Entry) -> None:
        to = after(entry.state, Move.END)
        assert to is not None, "every live entry can end"
        if entry.claim_id is not None and not await self._give_back(tx, entry.claim_id):
            return
        if await store.move(tx, entry, to) and show.cancelled:
            await self._queue.defer(tx, "cinema.mail_called_off", tenant=str(tx.owner), entry_id=str(entry.entry_id))

    async def _give_back(self, tx: Transaction, claim_id: UUID) -> bool:
        """Releases an offer that nobody is paying; false if somebody is."""
        claim = await self._allocation.claim_by_id(tx, claim_id)
        if claim.state is not ClaimState.HELD:
            return claim.state not in (ClaimState.PAYING, ClaimState.UNKNOWN)
        try:
            await self._allocation.release(tx, claim, "waiting list")
        except ClaimLost:
            return False
        return True

    async def _standing(self, tx: Transaction, entry: Entry) -> Standing:
        if entry.state in (EntryState.OFFERED, EntryState.TAKEN):
            assert entry.claim_id is not None, "an offer has a claim"
            claim = await self._allocation.claim_by_id(tx, entry.claim_id)
            if entry.state is EntryState.TAKEN:
                return Standing(entry, 0, taken=claim.capability)
            return Standing(entry, 0, claim.capability, claim.expires_at)
        return Standing(entry, await store.before(tx, entry) + 1 if entry.state in LIVE else 0)

    async def _open(self, tx: Transaction, capability: Capability) -> Entry:
        found = await store.entry_by_id(tx, capability.id)
        if found is None or not capability.opens(found.key):
            raise NoSuchEntry("There is no such entry on a waiting list.")
        return found
