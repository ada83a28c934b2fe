"""Doors with and without a network: admitted once, refused with the reason, late scans joined and conflicts kept."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.systems.cinema.conftest import SECRET, Site
from tests.systems.cinema.naive_door import naive_admit
from tests.systems.cinema.staff import V1, bearer, other_house

from serai.kernel.ids import Capability
from serai.systems.cinema.http.door import CheckInOut, DoorListOut, UploadOut
from serai.systems.cinema.service import doors
from serai.systems.cinema.service.tickets import KEY_ID
from serai.systems.cinema.tickets import Bundle, Scan, Ticket, TicketKey, decide_offline
from serai.systems.cinema.tickets.checkin import Outcome

SOON = timedelta(minutes=30)


async def tickets(site: Site, show_id: str, count: int = 1) -> tuple[dict[str, Any], list[str]]:
    """A booking of `count` free seats, and the tokens of its tickets."""
    free = [seat for seat, state in (await site.seats(show_id)).items() if state == "available"]
    hold = (await site.hold(show_id, free[:count])).json()
    answer = await site.book(hold["id"], key=hold["id"])
    assert answer.status_code == 201, answer.text
    booking = answer.json()
    capability = Capability.parse(booking["id"])
    assert capability is not None
    return booking, tokens_of(site, capability.id)


def tokens_of(site: Site, booking_id: UUID, *, valid: bool = True) -> list[str]:
    """What the QR codes of a booking carry, made with the site's own key."""
    key = TicketKey.from_seed(KEY_ID, SECRET)
    rows = site.sql(
        "select t.show_id, t.seat_key, t.serial, s.starts_at, s.ends_at from cinema.tickets t"
        " join cinema.shows s using (tenant_id, show_id) where t.booking_id = %s and (t.revoked_at is null) = %s"
        " order by t.seat_key",
        booking_id,
        valid,
    )
    return [
        key.sign(Ticket(show, seat, serial, starts - timedelta(hours=1), ends))
        for show, seat, serial, starts, ends in rows
    ]


async def scan(site: Site, door: dict[str, str], token: str, **more: Any) -> httpx.Response:
    return await site.client.post(f"{V1}/checkins", json={"token": token, **more}, headers=door)


async def test_a_ticket_admits_once_and_the_same_nonce_again(site: Site) -> None:
    door = await bearer(site, "door-staff")
    show_id = await site.make_show(starts_in=SOON)
    booking, (token,) = await tickets(site, show_id)
    admitted = await scan(site, door, token, show_id=show_id, nonce="nonce-0001", device="door 1")
    assert admitted.status_code == 200, admitted.text
    assert CheckInOut.model_validate_json(admitted.content)
    document = admitted.json()
    assert (document["outcome"], document["repeated"]) == ("admitted", False)
    assert document["seat"]["number"] == booking["seats"][0]["number"]
    assert document["confirmation_code"] == booking["confirmation_code"]
    again = await scan(site, door, token, show_id=show_id, nonce="nonce-0001", device="door 1")
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    assert again.json()["used_at"] == document["used_at"]
    second = await scan(site, door, token, show_id=show_id, nonce="nonce-0002")
    assert (second.status_code, second.json()["code"]) == (409, "already_used")
    assert second.json()["used_at"] and second.json()["seat"] == document["seat"]
    without = await scan(site, door, token)
    assert (without.status_code, without.json()["code"]) == (409, "already_used")
    assert site.sql("select device, nonce, conflict from cinema.scans") == [("door 1", "nonce-0001", "")]
    late = await site.client.post(f"{V1}/bookings/{booking['id']}/cancel")
    assert late.status_code == 409, "a used ticket is not given back"


async def test_every_refusal_has_its_code(site: Site) -> None:
    door = await bearer(site, "cinema:door")
    soon, later = await site.make_show(starts_in=SOON), await site.make_show(starts_in=timedelta(hours=30))
    _, (token,) = await tickets(site, soon)
    booking, (early,) = await tickets(site, later)
    assert (await site.client.post(f"{V1}/bookings/{booking['id']}/cancel")).status_code == 200
    revoked = early
    _, (early,) = await tickets(site, later)
    foreign = TicketKey.from_seed(KEY_ID, bytes(32))
    unknown = TicketKey.from_seed(9, SECRET)
    now = datetime.now(UTC)
    forged = Ticket(UUID(soon), 1, 1, now - SOON, now + SOON)
    never = TicketKey.from_seed(KEY_ID, SECRET).sign(Ticket(UUID(soon), 7, 999_999, now - SOON, now + SOON))
    table = [
        ("nonsense", soon, "bad_signature", "bad_signature"),
        (foreign.sign(forged), soon, "bad_signature", "bad_signature"),
        (unknown.sign(forged), soon, "bad_signature", "unknown_key"),
        (never, soon, "revoked", "unknown_ticket"),
        (revoked, later, "revoked", "revoked"),
        (token, later, "wrong_show", "wrong_show"),
        (early, later, "not_yet", "not_yet"),
    ]
    for shown, at, code, reason in table:
        answer = await scan(site, door, shown, show_id=at, nonce="nonce-table")
        assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (409, code, reason)
    assert site.sql("select count(*) from cinema.scans") == [(0,)]
    assert (await scan(site, door, token, show_id=soon, nonce="nonce-table")).status_code == 200
    _, (other,) = await tickets(site, soon)
    taken = await scan(site, door, other, show_id=soon, nonce="nonce-table")
    assert (taken.status_code, taken.json()["reason"]) == (409, "nonce_taken")
    for body in ({"token": ""}, {"token": token, "nonce": "short"}, {"token": token, "show_id": "x"}, {}):
        assert (await site.client.post(f"{V1}/checkins", json=body, headers=door)).status_code == 422


async def test_of_32_doors_one_admits(site: Site) -> None:
    door = await bearer(site, "cinema:door")
    show_id = await site.make_show(starts_in=SOON)
    _, (token,) = await tickets(site, show_id)
    answers = await asyncio.gather(*(scan(site, door, token, nonce=f"nonce-{n:04}") for n in range(32)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 31
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"already_used"}
    assert len(site.sql("select 1 from cinema.scans")) == 1


async def test_the_control_admits_one_ticket_twice(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same race over a door that reads and then writes: if this admits once, the race above proves nothing."""
    monkeypatch.setattr(doors.store, "admit", naive_admit)
    door = await bearer(site, "cinema:door")
    show_id = await site.make_show(starts_in=SOON)
    _, (token,) = await tickets(site, show_id)
    answers = await asyncio.gather(*(scan(site, door, token, nonce=f"nonce-{n:04}") for n in range(32)))
    assert sum(answer.status_code == 200 for answer in answers) > 1


async def test_one_nonce_at_32_doors_is_one_scan(site: Site) -> None:
    door = await bearer(site, "cinema:door")
    show_id = await site.make_show(starts_in=SOON)
    _, (first, second) = await tickets(site, show_id, 2)
    answers = await asyncio.gather(*(scan(site, door, first, nonce="nonce-same") for _ in range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(not answer.json()["repeated"] for answer in answers) == 1
    assert (await scan(site, door, second, nonce="nonce-same")).json()["reason"] == "nonce_taken"


async def test_a_check_in_and_a_cancellation_cannot_both_pass(site: Site) -> None:
    door = await bearer(site, "cinema:door")
    show_id = await site.make_show(starts_in=SOON)
    site.sql("update cinema.shows set cancel_until_min = 0")
    for turn in range(6):
        booking, (token,) = await tickets(site, show_id)
        admitted, cancelled = await asyncio.gather(
            scan(site, door, token, nonce=f"nonce-{turn:04}"),
            site.client.post(f"{V1}/bookings/{booking['id']}/cancel"),
        )
        assert sorted((admitted.status_code, cancelled.status_code)) == [200, 409], (admitted.text, cancelled.text)


async def test_a_door_takes_along_what_it_needs(site: Site) -> None:
    door = await bearer(site, "cinema:door")
    show_id = await site.make_show(starts_in=SOON)
    site.sql("update cinema.shows set cancel_until_min = 0")
    booking, (cancelled,) = await tickets(site, show_id)
    assert (await site.client.post(f"{V1}/bookings/{booking['id']}/cancel")).status_code == 200
    _, (used, fresh) = await tickets(site, show_id, 2)
    assert (await scan(site, door, used, nonce="nonce-0001")).status_code == 200
    path = f"{V1}/shows/{show_id}/door-bundle"
    answer = await site.client.get(path, headers=door)
    assert DoorListOut.model_validate_json(answer.content)
    listed = answer.json()
    assert (listed["version"], len(listed["revoked"]), len(listed["used"]), listed["tickets"]) == (1, 1, 1, 2)
    raw = (await site.client.get(path, params={"format": "binary"}, headers=door)).content
    bundle = Bundle.decode(raw)
    assert sorted(bundle.revocations.serials) == listed["revoked"]
    admitted: dict[int, Scan] = {}
    outcomes = [
        decide_offline(
            token, bundle, show_id=UUID(show_id), at=datetime.now(UTC), admitted=admitted, nonce="nonce-0009"
        )[0].outcome
        for token in (cancelled, fresh)
    ]
    assert outcomes == [Outcome.REVOKED, Outcome.ADMITTED]


async def test_scans_of_cut_off_doors_are_joined_and_conflicts_kept(site: Site) -> None:
    door = await bearer(site, "cinema:door")
    show_id = await site.make_show(starts_in=SOON)
    _, (a, b, c) = await tickets(site, show_id, 3)
    now = datetime.now(UTC).replace(microsecond=0)

    async def upload(device: str, *scans: tuple[str, str, datetime]) -> dict[str, Any]:
        body = {
            "device": device,
            "scans": [{"token": token, "nonce": nonce, "at": at.isoformat()} for token, nonce, at in scans],
        }
        answer = await site.client.post(f"{V1}/checkins/offline", json=body, headers=door)
        assert answer.status_code == 200, answer.text
        assert UploadOut.model_validate_json(answer.content)
        document: dict[str, Any] = answer.json()
        return document

    assert (await scan(site, door, a, nonce="online-a")).status_code == 200
    first = await upload("door 1", (b, "door1-b1", now), (a, "door1-a1", now + timedelta(seconds=30)))
    assert (first["recorded"], first["known"], first["rejected"]) == (2, 0, [])
    assert [(each["reason"], each["device"]) for each in first["conflicts"]] == [("double_admission", "door 1")]
    again = await upload("door 1", (b, "door1-b1", now), (a, "door1-a1", now + timedelta(seconds=30)))
    assert (again["recorded"], again["known"], again["conflicts"]) == (0, 2, first["conflicts"])

    earlier = await upload("door 2", (b, "door2-b1", now - timedelta(minutes=1)))
    assert [(each["device"], each["first"]["device"]) for each in earlier["conflicts"]] == [("door 1", "door 2")]
    assert (await scan(site, door, b, nonce="online-b")).json()["code"] == "already_used"

    mixed = await upload(
        "door 3",
        ("nonsense", "door3-x1", now),
        (c, "door3-c1", now + timedelta(hours=2)),
        (c, "door3-c2", now),
    )
    assert mixed["rejected"] == [{"index": 0, "code": "bad_signature"}, {"index": 1, "code": "from_the_future"}]
    kept = site.sql("select device, conflict from cinema.scans where conflict <> '' order by device, nonce")
    assert kept == [("door 1", "double_admission"), ("door 1", "double_admission")]
    assert site.sql("select used_by from cinema.tickets order by serial") != []
    assert {used for (used,) in site.sql("select used_by from cinema.tickets")} >= {"door 2", "door 3"}


async def test_a_visitor_let_in_after_cancelling_is_a_conflict(site: Site) -> None:
    door = await bearer(site, "cinema:door")
    show_id = await site.make_show(starts_in=SOON)
    site.sql("update cinema.shows set cancel_until_min = 0")
    booking, (token,) = await tickets(site, show_id)
    assert (await site.client.post(f"{V1}/bookings/{booking['id']}/cancel")).status_code == 200
    at = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    body = {"device": "door 1", "scans": [{"token": token, "nonce": "door1-a1", "at": at}]}
    answer = (await site.client.post(f"{V1}/checkins/offline", json=body, headers=door)).json()
    assert [each["reason"] for each in answer["conflicts"]] == ["revoked"]
    assert site.sql("select used_at, conflict from cinema.tickets join cinema.scans using (serial)") == [
        (None, "revoked")
    ]


async def test_uploads_from_all_sides_settle_on_one_admission(site: Site) -> None:
    door = await bearer(site, "cinema:door")
    show_id = await site.make_show(starts_in=SOON)
    _, found = await tickets(site, show_id, 4)
    now = datetime.now(UTC)

    async def upload(n: int) -> int:
        scans = [
            {"token": token, "nonce": f"door{n}-{i:04}", "at": (now - timedelta(seconds=n + i)).isoformat()}
            for i, token in enumerate(found if n % 2 else reversed(found))
        ]
        body = {"device": f"door {n}", "scans": scans}
        return (await site.client.post(f"{V1}/checkins/offline", json=body, headers=door)).status_code

    online = [scan(site, door, token, nonce=f"online-{i:04}") for i, token in enumerate(found)]
    outcome = await asyncio.gather(*(upload(n) for n in range(8)), *online)
    assert set(outcome[:8]) == {200}
    rightful = site.sql(
        "select count(*) from cinema.tickets t join cinema.scans s using (tenant_id, serial)"
        " where s.conflict = '' and (s.device, s.nonce, s.scanned_at) = (t.used_by, t.nonce, t.used_at)"
        " and not exists (select from cinema.scans o where o.serial = t.serial and o.scanned_at < t.used_at)"
    )
    assert rightful == [(4,)]
    assert site.sql("select count(*) from cinema.scans where conflict = ''") == [(4,)]


async def test_another_house_admits_nobody_of_ours(site: Site) -> None:
    _, stranger = await other_house(site)
    show_id = await site.make_show(starts_in=SOON)
    _, (token,) = await tickets(site, show_id)
    answer = await scan(site, stranger, token, nonce="nonce-0001")
    assert (answer.status_code, answer.json()["reason"]) == (409, "unknown_ticket")
    assert "seat" not in answer.json()
    assert (await site.client.get(f"{V1}/shows/{show_id}/door-bundle", headers=stranger)).status_code == 404
    body = {"device": "d", "scans": [{"token": token, "nonce": "nonce-0001", "at": datetime.now(UTC).isoformat()}]}
    uploaded = (await site.client.post(f"{V1}/checkins/offline", json=body, headers=stranger)).json()
    assert (uploaded["recorded"], uploaded["rejected"]) == (0, [{"index": 0, "code": "unknown_ticket"}])
    for headers, status in (({}, 401), (await bearer(site, "cinema:view"), 403)):
        assert (await scan(site, headers, token)).status_code == status
        assert (await site.client.get(f"{V1}/shows/{show_id}/door-bundle", headers=headers)).status_code == status
    assert site.sql("select count(*) from cinema.scans") == [(0,)]
