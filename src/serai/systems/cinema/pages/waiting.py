"""A place in line, as its holder sees it: where it stands, the offer while there is one, and how it ended.

The entry's state says what happened; the hold behind an offer and the show say what holds right now, a second before
the jobs process has noticed. Each of these has words, in one table, so that nobody is left with a state's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serai.kernel.ids import Capability
from serai.kernel.ports import Clock
from serai.runtime.http.principal import Asking, Principal
from serai.systems.allocation.api import ClaimState
from serai.systems.cinema.errors import NoSuchEntry, NotWaiting
from serai.systems.cinema.http import Cinema
from serai.systems.cinema.model import Show
from serai.systems.cinema.service.holds import Hold
from serai.systems.cinema.service.waiting import Standing
from serai.systems.cinema.waiting import EntryState
from serai.systems.identity.api import leave_flash
from serai.web.shell import Shell

LOOK_AGAIN_S = 4
"""How often a page that waits asks again."""


class Phase(StrEnum):
    """What the page tells."""

    IN_LINE = "in_line"
    OFFERED = "offered"
    PAYING = "paying"
    TAKEN = "taken"
    LAPSED = "lapsed"
    LEFT = "left"
    BEGUN = "begun"
    CALLED_OFF = "called_off"


@dataclass(frozen=True, slots=True)
class Words:
    """A phase in words. `waits`: the page asks again by itself."""

    title: str
    sentence: str
    icon: str
    waits: bool = False


WORDS: Mapping[Phase, Words] = {
    Phase.IN_LINE: Words(
        "You are on the list",
        "We write to you as soon as seats come free for you. This page shows it too; keep its address to yourself.",
        "hourglass",
        waits=True,
    ),
    Phase.OFFERED: Words(
        "Seats came free for you",
        "They are held for you until the time is up. After that they go to the next in line.",
        "armchair",
    ),
    Phase.PAYING: Words(
        "Your payment is on its way", "The seats stay yours until the bank has answered.", "credit-card", waits=True
    ),
    Phase.TAKEN: Words("You got your seats", "Nothing is left to wait for. Enjoy the film.", "circle-check"),
    Phase.LAPSED: Words(
        "This offer is over",
        "The seats went to the next in line, and nothing was charged. You can join the list again, at its end.",
        "hourglass",
    ),
    Phase.LEFT: Words("You left the list", "Nobody keeps a place for you any more, and nothing was charged.", "undo-2"),
    Phase.BEGUN: Words("The show has begun", "No more seats came free. Nothing was charged.", "clock"),
    Phase.CALLED_OFF: Words("This show was called off", "It does not take place. Nothing was charged.", "ban"),
}
assert WORDS.keys() == set(Phase), "every phase has words"


_ENDED = {EntryState.TAKEN: Phase.TAKEN, EntryState.LAPSED: Phase.LAPSED, EntryState.LEFT: Phase.LEFT}

_PAID = {
    ClaimState.PAYING: Phase.PAYING,
    ClaimState.UNKNOWN: Phase.PAYING,
    ClaimState.CONFIRMED: Phase.TAKEN,
    ClaimState.CANCELLED: Phase.TAKEN,
}
"""Offers whose holder has gone on to pay."""


def phase_of(entry: EntryState, hold: ClaimState | None, *, begun: bool, cancelled: bool) -> Phase:
    """What to tell of an entry. `hold` is the state of the claim that was offered, EXPIRED once its time is over."""
    if decided := _ENDED.get(entry) or (hold and _PAID.get(hold)):
        return decided
    if cancelled:
        return Phase.CALLED_OFF
    if begun or entry is EntryState.OVER:
        return Phase.BEGUN
    if entry is EntryState.WAITING:
        return Phase.IN_LINE
    return Phase.OFFERED if hold is ClaimState.HELD else Phase.LAPSED


class WaitingPages:
    """/cinema/waiting/{entry}."""

    def __init__(self, cinema: Cinema, shell: Shell, clock: Clock) -> None:
        self._cinema = cinema
        self._shell = shell
        self._clock = clock

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/waiting/{entry_id}", self.show, methods=["GET"])
        pages.add_api_route("/waiting/{entry_id}/leave", self.leave, methods=["POST"])

    async def show(self, request: Request, principal: Asking, entry_id: str) -> Response:
        """Where the entry stands."""
        standing = await self._cinema.waiting.get(principal.tenant, _capability(entry_id))
        show = await self._cinema.shows.get(principal.tenant, standing.entry.show_id)
        hold = await self._cinema.holds.get(principal.tenant, standing.offer) if standing.offer else None
        now = self._clock.now()
        claim = hold.state if hold else None
        phase = phase_of(standing.entry.state, claim, begun=show.starts_at <= now, cancelled=show.cancelled)
        return self._shell.render(
            request,
            "cinema/waiting.html",
            system="cinema",
            headers={"cache-control": "no-store"},
            show=show,
            entry=standing.entry,
            entry_id=standing.entry.capability.text(),
            place=standing.place,
            phase=phase,
            words=WORDS[phase],
            look_again_s=LOOK_AGAIN_S,
            offer=_offer(hold) if hold and phase is Phase.OFFERED else None,
            hold_id=standing.offer.text() if standing.offer else "",
            booking_id=await self._booking(principal, standing) if phase is Phase.TAKEN else "",
            now=now,
        )

    async def leave(self, request: Request, principal: Asking, entry_id: str) -> Response:
        """Off the list; the page then says so."""
        back = RedirectResponse(f"/cinema/waiting/{entry_id}", 303)
        try:
            await self._cinema.waiting.leave(principal.tenant, _capability(entry_id))
        except NotWaiting as error:
            leave_flash(request, back, "info", error.message)
        return back

    async def _booking(self, principal: Principal, standing: Standing) -> str:
        """The id of what was bought, which is as secret as the entry that led to it."""
        hold = standing.taken or standing.offer
        found = await self._cinema.bookings.of_hold(principal.tenant, hold) if hold else None
        return found.booking.capability.text() if found else ""


def _offer(hold: Hold) -> dict[str, Any]:
    show: Show = hold.show
    seats = [show.plan.seat(key) for key in hold.seat_keys]
    return {
        "seats": [
            {"row": seat.row, "number": seat.number, "category": seat.category, "price": show.price(seat)}
            for seat in seats
        ],
        "total": hold.total,
        "expires_at": hold.expires_at,
    }


def _capability(text: str) -> Capability:
    if (found := Capability.parse(text)) is None:
        raise NoSuchEntry("There is no such entry on a waiting list.")
    return found
