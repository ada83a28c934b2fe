"""The doors of a show: who may enter, with a network and without.

What a token proves is judged by `tickets.verify`, what follows from it by the table in `tickets.checkin`; here the
ticket is used, in one guarded statement, so that two doors cannot both admit it. Doors without a network bring their
scans later; they are joined by `tickets.merge`, and what should not have been is kept and told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg.errors import UniqueViolation

from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.cinema.errors import (
    AlreadyUsed,
    BadSignature,
    CheckInRefused,
    NotYet,
    TicketRevoked,
    WrongShow,
)
from serai.systems.cinema.model import Show
from serai.systems.cinema.service.shows import Shows
from serai.systems.cinema.store import doors as store
from serai.systems.cinema.store.doors import DoorList, DoorTheater, TicketFacts, Tonight
from serai.systems.cinema.tickets import (
    Bundle,
    Decision,
    Merged,
    Outcome,
    PublicKey,
    Revocations,
    Scan,
    Ticket,
    TicketState,
    Use,
    Verification,
    decide,
    merge,
    verify,
)

SCANS_MAX = 1_000
"""Scans in one upload."""

AHEAD_S = 300
"""How far a device's clock may be ahead of ours."""

_REFUSALS: Mapping[Outcome, type[CheckInRefused]] = {
    Outcome.ALREADY_USED: AlreadyUsed,
    Outcome.REVOKED: TicketRevoked,
    Outcome.WRONG_SHOW: WrongShow,
    Outcome.NOT_YET: NotYet,
    Outcome.BAD_SIGNATURE: BadSignature,
}


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody may enter. `repeated`: this same scan had admitted them before."""

    decision: Decision
    show: Show
    facts: TicketFacts

    @property
    def repeated(self) -> bool:
        """Whether the answer to this scan was lost once."""
        return self.decision.reason == "repeated"


@dataclass(frozen=True, slots=True)
class OfflineScan:
    """What a device without a network let in, by its own clock."""

    token: str
    nonce: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of an upload. `rejected` names by place those that are no scans of tickets of ours."""

    merged: Merged
    rejected: tuple[tuple[int, str], ...]
    tickets: Mapping[int, tuple[UUID, int]]
    """(show, seat key) by serial."""


class Doors:
    """Checks people in."""

    def __init__(self, database: Database, shows: Shows, keys: Mapping[int, PublicKey], clock: Clock) -> None:
        self._database = database
        self._shows = shows
        self._keys = keys
        self._clock = clock

    async def theaters(self, tenant: UUID) -> list[DoorTheater]:
        """Where a door can stand."""
        async with self._database.transaction(tenant) as tx:
            return await store.theaters(tx)

    async def tonight(self, tenant: UUID, theater_id: UUID) -> list[Tonight]:
        """What a theater's doors may be kept for today: shows that run, or begin before its midnight."""
        async with self._database.transaction(tenant) as tx:
            return await store.tonight(tx, theater_id)

    async def check_in(self, tenant: UUID, token: str, show_id: UUID | None, device: str, nonce: str) -> Admission:
        """Admits once. The same nonce gets the same yes again. Raises a CheckInRefused that says why not.

        `show_id` is the door's; None is a door of all shows. An empty nonce is never the same as another.
        """
        checked = verify(token, self._keys, show_id=show_id, at=self._clock.now())
        if checked.ticket is None:
            raise _refusal(decide(checked.verification, TicketState.UNKNOWN, Use.FRESH), None, None)
        decision, facts = await self._decide(tenant, checked.verification, checked.ticket, device, nonce)
        show = await self._shows.get(tenant, facts.show_id) if facts else None
        if not decision.admitted:
            raise _refusal(decision, show, facts)
        assert show is not None and facts is not None, "only a ticket on record is admitted"
        return Admission(decision, show, facts)

    async def door_list(self, tenant: UUID, show_id: UUID) -> tuple[Show, DoorList]:
        """What a door of this show takes along; NoSuchShow."""
        show = await self._shows.get(tenant, show_id)
        async with self._database.transaction(tenant) as tx:
            return show, await store.door_list(tx, show_id)

    def bundle(self, listed: DoorList) -> Bundle:
        """The same in the form that devices keep."""
        return Bundle(self._keys, Revocations(len(listed.revoked), listed.taken_at, frozenset(listed.revoked)))

    @property
    def keys(self) -> Mapping[int, PublicKey]:
        """Public keys by id."""
        return self._keys

    async def join(self, tenant: UUID, device: str, uploaded: Sequence[OfflineScan]) -> Joined:
        """Joins the scans of a device that had no network. Sending them twice changes nothing."""
        assert len(uploaded) <= SCANS_MAX, "the edge has limited it"
        read = [(place, scan, self._ticket(scan)) for place, scan in enumerate(uploaded)]
        rejected = [(place, ticket) for place, _, ticket in read if isinstance(ticket, str)]
        candidates = [(place, scan, ticket) for place, scan, ticket in read if isinstance(ticket, Ticket)]
        async with self._database.transaction(tenant) as tx:
            known = await store.lock_tickets(tx, sorted({ticket.serial for _, _, ticket in candidates}))
            scans = []
            for place, scan, ticket in candidates:
                if known.get(ticket.serial, ())[:2] == (ticket.show_id, ticket.seat_key):
                    scans.append(Scan(ticket.serial, device, scan.nonce, scan.at))
                else:
                    rejected.append((place, "unknown_ticket"))
            merged = await self._merge(tx, scans, {serial: at for serial, (_, _, at) in known.items() if at})
        tickets = {serial: (show, seat) for serial, (show, seat, _) in known.items()}
        return Joined(merged, tuple(sorted(rejected)), tickets)

    async def _decide(
        self, tenant: UUID, verification: Verification, ticket: Ticket, device: str, nonce: str
    ) -> tuple[Decision, TicketFacts | None]:
        try:
            async with self._database.transaction(tenant) as tx:
                used = verification is Verification.OK and await store.admit(tx, ticket, device, nonce)
                facts = await self._facts(tx, ticket, nonce)
        except UniqueViolation:
            used = None
            async with self._database.transaction(tenant) as tx:
                facts = await self._facts(tx, ticket, nonce)
        if used:
            return decide(verification, TicketState.VALID, Use.FRESH), facts
        decision = decide(verification, _state(facts), _use(facts, nonce))
        assert not decision.admitted or decision.reason == "repeated", "a fresh, valid ticket is used by `admit`"
        return decision, facts

    @staticmethod
    async def _facts(tx: Transaction, ticket: Ticket, nonce: str) -> TicketFacts | None:
        facts = await store.ticket_facts(tx, ticket.serial, nonce)
        return facts if facts is not None and facts.is_of(ticket) else None

    @staticmethod
    async def _merge(tx: Transaction, scans: Sequence[Scan], revoked_at: Mapping[int, datetime]) -> Merged:
        serials = sorted({scan.serial for scan in scans})
        merged = merge(await store.scans_of(tx, serials), scans, revoked_at)
        if scans:
            await store.add_scans(tx, merged.new)
            await store.judge_scans(tx, serials, {each.scan: each.reason for each in merged.conflicts})
            await store.use_tickets(tx, merged.admissions.values())
        return merged

    def _ticket(self, scan: OfflineScan) -> Ticket | str:
        """The ticket of a scan, or why it is none. That it came too early or late does not undo the admission."""
        if scan.at > self._clock.now() + timedelta(seconds=AHEAD_S):
            return "from_the_future"
        checked = verify(scan.token, self._keys, show_id=None, at=scan.at)
        return checked.ticket or checked.verification.value


def _state(facts: TicketFacts | None) -> TicketState:
    if facts is None:
        return TicketState.UNKNOWN
    return TicketState.REVOKED if facts.revoked_at else TicketState.VALID


def _use(facts: TicketFacts | None, nonce: str) -> Use:
    if facts is None:
        return Use.FRESH
    if facts.used_at is not None:
        return Use.SAME_SCAN if nonce and facts.nonce == nonce else Use.OTHER_SCAN
    return Use.NONCE_TAKEN if facts.nonce_taken else Use.FRESH


def _refusal(decision: Decision, show: Show | None, facts: TicketFacts | None) -> CheckInRefused:
    extra: dict[str, object] = {"reason": decision.reason}
    if show is not None and facts is not None:
        seat = show.plan.seat(facts.seat_key)
        extra |= {
            "show": {
                "id": str(show.show_id),
                "title": show.movie.title,
                "screen": show.screen,
                "starts_at": _moment(show.starts_at),
            },
            "seat": {"row": seat.row, "number": seat.number, "category": seat.category},
            "used_at": facts.used_at and _moment(facts.used_at),
            "used_by": facts.used_by or None,
        }
    return _REFUSALS[decision.outcome](decision.message, extra=extra)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
