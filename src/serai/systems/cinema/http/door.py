"""The doors: check in, and what a door without a network takes along and brings back. Role `cinema:door`."""

import base64
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field, Strict

from serai.runtime.http.models import Instant, Model
from serai.runtime.http.routing import Router
from serai.systems.cinema.errors import NoSuchShow
from serai.systems.cinema.http.parts import (
    Cinema,
    Doorkeeper,
    ShowId,
    body_uuid,
    json_response,
    path_uuid,
)
from serai.systems.cinema.model import Show
from serai.systems.cinema.service.doors import SCANS_MAX, Admission, Joined, OfflineScan
from serai.systems.cinema.service.tickets import opens_at

Token = Annotated[str, Field(min_length=1, max_length=200)]
Nonce = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="The scanner's own random text")]
Device = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[!-~]+( [!-~]+)*$")]


class CheckInIn(Model):
    """A scanned ticket. `show_id` is the door's; without it the door is of all shows."""

    token: Token
    show_id: Annotated[str, Field(max_length=64)] | None = None
    nonce: Nonce | None = None
    device: Device | None = None


class DoorSeat(Model):
    """Where the visitor sits."""

    row: str
    number: str
    category: str


class DoorShow(Model):
    """What the visitor sees."""

    id: str
    title: str
    screen: str
    starts_at: Instant


class CheckInOut(Model):
    """Welcome. `repeated`: this same scan had been admitted before."""

    outcome: str
    reason: str
    message: str
    repeated: bool
    show: DoorShow
    seat: DoorSeat
    confirmation_code: str
    used_at: Instant


class DoorKey(Model):
    """A public Ed25519 key, in base64."""

    id: int
    public_key: str


class DoorListOut(Model):
    """All that a door without a network needs. `version` rises with every revocation."""

    show: DoorShow
    opens_at: Instant
    closes_at: Instant
    version: int
    taken_at: Instant
    keys: list[DoorKey]
    revoked: list[int]
    used: list[int]
    tickets: int


class ScanIn(Model):
    """One visitor whom the device let in, at a time of its own clock."""

    token: Token
    nonce: Nonce
    at: Annotated[AwareDatetime, Strict(False)]


class UploadIn(Model):
    """The scans of one device."""

    device: Device
    scans: Annotated[list[ScanIn], Field(max_length=SCANS_MAX)]


class FirstScan(Model):
    """The rightful admission beside a conflict."""

    device: str
    at: Instant


class ConflictOut(Model):
    """An admission that should not have been: `double_admission` or `revoked`."""

    reason: str
    serial: int
    show_id: str
    seat_id: str
    device: str
    at: Instant
    first: FirstScan | None


class RejectedOut(Model):
    """A scan that is of no ticket of ours; `index` is its place in the upload."""

    index: int
    code: str


class UploadOut(Model):
    """What came of an upload."""

    recorded: int
    known: int
    conflicts: list[ConflictOut]
    rejected: list[RejectedOut]


def door_router(cinema: Cinema) -> APIRouter:
    """The routes of the doors."""
    router = Router(prefix="/api/cinema/v1", tags=["cinema: doors"])

    @router.post("/checkins", response_model=CheckInOut, summary="Admit a ticket, once")
    async def check_in(principal: Doorkeeper, wanted: CheckInIn) -> Response:
        show_id = None if wanted.show_id is None else body_uuid("show_id", wanted.show_id, "show")
        device = wanted.device or principal.label
        admission = await cinema.doors.check_in(principal.tenant, wanted.token, show_id, device, wanted.nonce or "")
        return json_response(_welcome(admission))

    @router.get(
        "/shows/{show_id}/door-bundle",
        response_model=DoorListOut,
        summary="What a door takes along",
        responses={200: {"content": {"application/octet-stream": {}}}},
    )
    async def door_bundle(
        principal: Doorkeeper,
        show_id: ShowId,
        form: Annotated[Literal["json", "binary"], Query(alias="format")] = "json",
    ) -> Response:
        found = path_uuid(show_id, NoSuchShow, "show")
        show, listed = await cinema.doors.door_list(principal.tenant, found)
        bundle = cinema.doors.bundle(listed)
        if form == "binary":
            return Response(bundle.encode(), media_type="application/octet-stream")
        keys = [
            {"id": key.id, "public_key": base64.b64encode(key.raw).decode()} for _, key in sorted(bundle.keys.items())
        ]
        document = {
            "show": _show_json(show),
            "opens_at": opens_at(show),
            "closes_at": show.ends_at,
            "version": bundle.revocations.version,
            "taken_at": listed.taken_at,
            "keys": keys,
            "revoked": listed.revoked,
            "used": listed.used,
            "tickets": listed.valid,
        }
        return json_response(document)

    @router.post("/checkins/offline", response_model=UploadOut, summary="Scans of a door that had no network")
    async def upload(principal: Doorkeeper, wanted: UploadIn) -> Response:
        scans = [OfflineScan(scan.token, scan.nonce, scan.at) for scan in wanted.scans]
        joined = await cinema.doors.join(principal.tenant, wanted.device, scans)
        known = len(scans) - len(joined.rejected) - len(joined.merged.new)
        document = {
            "recorded": len(joined.merged.new),
            "known": known,
            "conflicts": await _conflicts(cinema, principal.tenant, joined),
            "rejected": [{"index": place, "code": code} for place, code in joined.rejected],
        }
        return json_response(document)

    return router


def _welcome(admission: Admission) -> dict[str, Any]:
    show, facts = admission.show, admission.facts
    seat = show.plan.seat(facts.seat_key)
    return {
        "outcome": admission.decision.outcome,
        "reason": admission.decision.reason,
        "message": admission.decision.message,
        "repeated": admission.repeated,
        "show": _show_json(show),
        "seat": {"row": seat.row, "number": seat.number, "category": seat.category},
        "confirmation_code": facts.confirmation_code,
        "used_at": facts.used_at,
    }


def _show_json(show: Show) -> dict[str, Any]:
    return {
        "id": str(show.show_id),
        "title": show.movie.title,
        "screen": show.screen,
        "starts_at": show.starts_at,
    }


async def _conflicts(cinema: Cinema, tenant: UUID, joined: Joined) -> list[dict[str, Any]]:
    found = []
    for conflict in joined.merged.conflicts:
        show_id, seat_key = joined.tickets[conflict.scan.serial]
        show = await cinema.shows.get(tenant, show_id)
        first = {"device": conflict.first.device, "at": conflict.first.at} if conflict.first else None
        found.append(
            {
                "reason": conflict.reason,
                "serial": conflict.scan.serial,
                "show_id": str(show_id),
                "seat_id": show.seat_id(seat_key),
                "device": conflict.scan.device,
                "at": conflict.scan.at,
                "first": first,
            }
        )
    return found
