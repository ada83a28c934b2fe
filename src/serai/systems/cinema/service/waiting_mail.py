"""What those who wait are told by mail: seats came free, or the show does not take place."""

from uuid import UUID

from serai.kernel.money import Money
from serai.kernel.ports import Clock
from serai.runtime.mail import Mailer
from serai.runtime.postgres.database import Database
from serai.systems.allocation.api import Allocation, Claim, ClaimState
from serai.systems.cinema.errors import NoSuchEntry
from serai.systems.cinema.mail import Envelope, called_off_mail, offer_mail
from serai.systems.cinema.model import Show
from serai.systems.cinema.printed import PrintedBooking, PrintedSeat
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.store import waiting as store
from serai.systems.cinema.store.waiting import Entry
from serai.systems.cinema.waiting import EntryState


class WaitingMail:
    """The jobs that write to those who wait."""

    def __init__(
        self, database: Database, allocation: Allocation, shows: Shows, mailer: Mailer, clock: Clock, site_url: str
    ) -> None:
        self._database = database
        self._allocation = allocation
        self._shows = shows
        self._mailer = mailer
        self._clock = clock
        self._site_url = site_url

    async def offer(self, tenant: str, entry_id: str) -> None:
        """The job that tells of an offer. One that is over by now is not told."""
        async with self._database.transaction(UUID(tenant)) as tx:
            entry = await store.entry_by_id(tx, UUID(entry_id))
            if entry is None or entry.state is not EntryState.OFFERED or entry.claim_id is None:
                return
            claim = await self._allocation.claim_by_id(tx, entry.claim_id)
            show = await self._shows.read(tx, entry.show_id)
        if claim.state is not ClaimState.HELD or claim.expired:
            return
        letter = offer_mail(
            self._envelope(entry, "offer"),
            _printed(show, claim),
            offer_url=f"{self._site_url}/cinema/checkout/{claim.capability.text()}",
            leave_url=f"{self._site_url}/cinema/waiting/{entry.capability.text()}",
            expires_at=claim.expires_at,
        )
        await self._mailer.send(letter)

    async def called_off(self, tenant: str, entry_id: str) -> None:
        """The job that tells that there is nothing to wait for any more."""
        async with self._database.transaction(UUID(tenant)) as tx:
            entry = await store.entry_by_id(tx, UUID(entry_id))
            if entry is None:
                raise NoSuchEntry(f"There is no entry {entry_id}.")
            show = await self._shows.read(tx, entry.show_id)
        first = PrintedSeat(*_seat(show, 1), token="")
        about = _about(show, (first,), Money(0, show.currency))
        await self._mailer.send(called_off_mail(self._envelope(entry, "called-off"), about))

    def _envelope(self, entry: Entry, what: str) -> Envelope:
        # A stable id: a job that is run twice sends the same mail, which a mail reader shows once.
        message_id = f"<{what}.{entry.entry_id}@serai>"
        return Envelope(self._mailer.sender, entry.email, message_id, self._clock.now())


def _printed(show: Show, claim: Claim) -> PrintedBooking:
    seats = tuple(PrintedSeat(*_seat(show, unit.key), token="") for unit in claim.units)
    return _about(show, seats, Money(claim.terms["total"], claim.terms["currency"]))


def _seat(show: Show, key: int) -> tuple[str, str, str, Money]:
    seat = show.plan.seat(key)
    return seat.row, seat.number, seat.category, show.price(seat)


def _about(show: Show, seats: tuple[PrintedSeat, ...], total: Money) -> PrintedBooking:
    return PrintedBooking(
        confirmation_code="",
        movie=show.movie.title,
        theater=show.theater.name,
        address=show.theater.address,
        screen=show.screen,
        starts_at=show.starts_at,
        time_zone=show.theater.time_zone,
        seats=seats,
        total=total,
    )
