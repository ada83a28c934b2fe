"""Tickets: signing, printing and mailing them. Never on the booking path: a PDF costs as much as ten bookings."""

import asyncio
from datetime import datetime, timedelta
from importlib import import_module
from uuid import UUID

from serai.kernel.money import Money
from serai.kernel.ports import Clock
from serai.runtime.mail import Mailer
from serai.runtime.postgres.database import Database
from serai.systems.cinema.errors import NoSuchBooking, TicketNotValid
from serai.systems.cinema.mail import Envelope, cancellation_mail, ticket_mail
from serai.systems.cinema.model import Booking, BookingState, Show
from serai.systems.cinema.printed import PrintedBooking, PrintedSeat
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.store import bookings as store
from serai.systems.cinema.tickets import Ticket, TicketKey

DOORS_OPEN_MIN = 60
"""Minutes before the start from which a ticket admits."""

KEY_ID = 1
"""Number of the signing key in force; a rotation adds the next and keeps the public halves of the old ones."""

TERMS = "The ticket is valid once. Cancel online until {minutes} minutes before the show."


def opens_at(show: Show) -> datetime:
    """From when on the show's tickets admit."""
    return show.starts_at - timedelta(minutes=DOORS_OPEN_MIN)


class Tickets:
    """Prints and mails the tickets of bookings."""

    def __init__(
        self, database: Database, shows: Shows, mailer: Mailer, key: TicketKey, clock: Clock, site_url: str
    ) -> None:
        self._database = database
        self._shows = shows
        self._mailer = mailer
        self._key = key
        self._clock = clock
        self._site_url = site_url

    async def printed(self, tenant: UUID, booking_id: UUID) -> tuple[Show, Booking, PrintedBooking]:
        """A booking with a signed token for each of its valid tickets. NoSuchBooking."""
        async with self._database.transaction(tenant) as tx:
            booking = await store.booking_by_id(tx, booking_id)
            if booking is None:
                raise NoSuchBooking("There is no such booking.")
            show = await self._shows.read(tx, booking.show_id)
            serials = {key: serial for serial, key in await store.tickets_of(tx, booking_id)}
        return show, booking, self._print(show, booking, serials)

    async def pdf(self, tenant: UUID, booking_id: UUID) -> bytes:
        """The ticket of a confirmed booking. Raises TicketNotValid for any other."""
        _, booking, printed = await self.printed(tenant, booking_id)
        if booking.state is not BookingState.CONFIRMED:
            raise TicketNotValid(f"This booking is {booking.state}; it has no valid ticket.")
        return await self._rendered(printed)

    async def _rendered(self, printed: PrintedBooking) -> bytes:
        """Imports what draws when the first ticket is drawn, on a thread: it is a fifth of a second of every start."""
        drawing = await asyncio.to_thread(import_module, "serai.systems.cinema.ticket_pdf")
        pdf: bytes = drawing.render_ticket(printed, issued_at=self._clock.now())
        return pdf

    async def mail_ticket(self, tenant: str, booking_id: str) -> None:
        """The job that mails a confirmed booking's tickets. One that was cancelled meanwhile gets none."""
        _, booking, printed = await self.printed(UUID(tenant), UUID(booking_id))
        if booking.state is not BookingState.CONFIRMED:
            return
        pdf = await self._rendered(printed)
        link = f"{self._site_url}/cinema/bookings/{booking.capability.text()}"
        await self._mailer.send(
            ticket_mail(self._envelope(booking, f"ticket-{booking.version}"), printed, pdf, booking_url=link)
        )

    async def mail_cancelled(self, tenant: str, booking_id: str) -> None:
        """The job that tells of a cancellation and the refund."""
        _, booking, printed = await self.printed(UUID(tenant), UUID(booking_id))
        refund = Money(booking.refund_minor, booking.total.currency)
        await self._mailer.send(cancellation_mail(self._envelope(booking, "cancelled"), printed, refund=refund))

    async def mail_returned(self, tenant: str, booking_id: str) -> None:
        """The job that tells a buyer that the seats were gone and no money was taken."""
        _, booking, printed = await self.printed(UUID(tenant), UUID(booking_id))
        await self._mailer.send(cancellation_mail(self._envelope(booking, "returned"), printed, refund=None))

    def _envelope(self, booking: Booking, what: str) -> Envelope:
        # A stable id: a job that is run twice sends the same mail, which a mail reader shows once.
        message_id = f"<{what}.{booking.booking_id}@serai>"
        return Envelope(self._mailer.sender, booking.email, message_id, self._clock.now())

    def _print(self, show: Show, booking: Booking, serials: dict[int, int]) -> PrintedBooking:
        return PrintedBooking(
            confirmation_code=booking.confirmation_code,
            movie=show.movie.title,
            theater=show.theater.name,
            address=show.theater.address,
            screen=show.screen,
            starts_at=show.starts_at,
            time_zone=show.theater.time_zone,
            seats=tuple(self._seat(show, key, serials.get(key, 0)) for key in booking.seat_keys),
            total=booking.total,
            terms=TERMS.format(minutes=show.cancel_until_min),
        )

    def _seat(self, show: Show, key: int, serial: int) -> PrintedSeat:
        seat = show.plan.seat(key)
        ticket = Ticket(show.show_id, key, serial, opens_at(show), show.ends_at)
        token = self._key.sign(ticket) if serial else ""
        return PrintedSeat(seat.row, seat.number, seat.category, show.price(seat), token)
