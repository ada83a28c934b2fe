"""Bad input is a problem document that names the field, and changes nothing."""

import asyncio
import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from tests.systems.cinema.conftest import Site
from tests.systems.cinema.staff import bearer
from tests.systems.cinema.verdict import counts

API = "/api/cinema/v1"
GOOD_SECRET = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()


def is_problem(answer: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    """RFC 9457, with the field that was wrong."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert {"type", "title", "status", "detail", "code", "request_id", "errors", "retryable"} <= document.keys()
    assert (document["status"], document["code"]) == (status, code), document
    if field is not None:
        assert field in [error["field"] for error in document["errors"]], document


class Unchanged:
    """No row of any table came or went."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def __enter__(self) -> None:
        self._before = counts(self._site)

    def __exit__(self, *_: object) -> None:
        assert counts(self._site) == self._before


async def test_bad_holds(site: Site) -> None:
    show_id = await site.make_show()
    other = await site.make_show()
    seats, foreign = list(await site.seats(show_id)), next(iter(await site.seats(other)))
    pool = seats[0].split("-")[0]
    many = [f"{pool}-{number}" for number in range(1, 1001)]
    cases: list[tuple[Mapping[str, Any], str, str]] = [
        ({"show_id": str(uuid4()), "seat_ids": seats[:1]}, "unknown_show", "show_id"),
        ({"show_id": "nonsense", "seat_ids": seats[:1]}, "unknown_show", "show_id"),
        ({"show_id": "", "seat_ids": seats[:1]}, "unknown_show", "show_id"),
        ({"show_id": show_id, "seat_ids": [seats[0], foreign]}, "unknown_seat", "seat_ids[1]"),
        ({"show_id": show_id, "seat_ids": [f"{pool}-0"]}, "unknown_seat", "seat_ids[0]"),
        ({"show_id": show_id, "seat_ids": [f"{pool}-99999"]}, "unknown_seat", "seat_ids[0]"),
        ({"show_id": show_id, "seat_ids": [f"{pool}-01"]}, "unknown_seat", "seat_ids[0]"),
        ({"show_id": show_id, "seat_ids": [f"{pool}-\u0661"]}, "unknown_seat", "seat_ids[0]"),
        ({"show_id": show_id, "seat_ids": ["'; drop table cinema.shows"]}, "unknown_seat", "seat_ids[0]"),
        ({"show_id": show_id, "seat_ids": [seats[0], seats[1], seats[0]]}, "duplicate", "seat_ids[2]"),
        ({"show_id": show_id, "seat_ids": []}, "too_short", "seat_ids"),
        ({"show_id": show_id, "seat_ids": seats[:11]}, "too_long", "seat_ids"),
        ({"show_id": show_id, "seat_ids": many}, "too_long", "seat_ids"),
        ({"show_id": show_id, "seat_ids": [*many, many[0]]}, "too_long", "seat_ids"),
        ({"show_id": show_id}, "missing", "seat_ids"),
        ({"show_id": 7, "seat_ids": seats[:1]}, "string_type", "show_id"),
        ({"show_id": show_id, "seat_ids": "1-1"}, "list_type", "seat_ids"),
        ({"show_id": show_id, "seat_ids": [1]}, "string_type", "seat_ids[0]"),
        ({"show_id": show_id, "seat_ids": [None]}, "string_type", "seat_ids[0]"),
        ({"show_id": show_id, "seat_ids": ["x" * 33]}, "string_too_long", "seat_ids[0]"),
        ({"show_id": show_id, "seat_ids": seats[:1], "price": -1}, "extra_forbidden", "price"),
    ]
    with Unchanged(site):
        for body, code, field in cases:
            answer = await site.client.post(f"{API}/holds", json=body)
            is_problem(answer, 422, "invalid_request", field)
            assert code in [error["code"] for error in answer.json()["errors"]], (body, answer.text)
        for raw in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"show_id": "\\ud800", "seat_ids": ["1-1"]}'):
            refused = await site.client.post(f"{API}/holds", content=raw, headers={"Content-Type": "application/json"})
            is_problem(refused, 422, "invalid_request")
        deep = await site.client.post(
            f"{API}/holds", content=b"[" * 20_000, headers={"Content-Type": "application/json"}
        )
        is_problem(deep, 400, "bad_request")
        large = await site.client.post(f"{API}/holds", content=b" " * 70_000)
        is_problem(large, 413, "body_too_large")


async def test_a_show_that_has_begun_or_was_cancelled_sells_nothing(site: Site) -> None:
    begun = await site.make_show(starts_in=timedelta(minutes=-1))
    cancelled = await site.make_show()
    seat = {show: list(await site.seats(show))[1] for show in (begun, cancelled)}
    hold = (await site.hold(cancelled, list(await site.seats(cancelled))[:1])).json()["id"]
    site.sql("update cinema.shows set cancelled_at = clock_timestamp() where show_id = %s", cancelled)
    with Unchanged(site):
        is_problem(await site.hold(begun, [seat[begun]]), 409, "show_started")
        is_problem(await site.hold(cancelled, [seat[cancelled]]), 409, "show_cancelled")
        is_problem(await site.book(hold), 409, "show_cancelled")
        listed = (await site.client.get(f"{API}/shows")).json()["items"]
        assert listed == []


async def test_bad_bookings(site: Site) -> None:
    show_id = await site.make_show()
    hold = (await site.hold(show_id, list(await site.seats(show_id))[:1])).json()["id"]
    good = {"hold_id": hold, "payment_method": "pm_card_visa", "email": "buyer@example.org"}
    cases: list[tuple[Mapping[str, Any], str]] = [
        ({"hold_id": "nonsense"}, "hold_id"),
        ({"hold_id": hold[:-1]}, "hold_id"),
        ({"hold_id": hold[:-1] + "é"}, "hold_id"),
        ({"hold_id": None}, "hold_id"),
        ({"payment_method": ""}, "payment_method"),
        ({"payment_method": "4242 4242 4242 4242"}, "payment_method"),
        ({"payment_method": "x" * 121}, "payment_method"),
        ({"payment_method": ["pm_card_visa"]}, "payment_method"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b@c.example"}, "email"),
        ({"email": "a@example.org\r\nBcc: all@example.org"}, "email"),
        ({"email": "x" * 250 + "@example.org"}, "email"),
        ({"email": 1}, "email"),
        ({"name": "x" * 121}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": None}, "name"),
        ({"total": 1}, "total"),
    ]
    with Unchanged(site):
        for change, field in cases:
            answer = await site.client.post(
                f"{API}/bookings", json={**good, **change}, headers={"Idempotency-Key": "k"}
            )
            is_problem(answer, 422, "invalid_request", field)
        for key in ({}, {"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 201}):
            answer = await site.client.post(f"{API}/bookings", json=good, headers=key)
            assert answer.status_code == 422, answer.text
            assert [error["field"].lower() for error in answer.json()["errors"]] == ["idempotency-key"]
        is_problem(
            await site.client.post(f"{API}/bookings", json=good, headers={"Idempotency-Key": "é".encode("latin-1")}),
            422,
            "invalid_request",
            "Idempotency-Key",
        )
        stranger = {**good, "hold_id": GOOD_SECRET}
        answer = await site.client.post(f"{API}/bookings", json=stranger, headers={"Idempotency-Key": "k"})
        is_problem(answer, 404, "hold_not_found")
    unknown_card = await site.book(hold, method="pm_card_unheard_of")
    is_problem(unknown_card, 402, "payment_declined")
    assert "does not know this payment method" in unknown_card.json()["detail"]


async def test_secrets_of_others_open_nothing(site: Site) -> None:
    show_id = await site.make_show()
    seats = list(await site.seats(show_id))
    hold = (await site.hold(show_id, seats[:1])).json()["id"]
    booking = (await site.buy(show_id, seats[1:2])).json()["id"]
    half = base64.urlsafe_b64decode(hold + "=")[:16]
    guessed = base64.urlsafe_b64encode(half + bytes(16)).rstrip(b"=").decode()
    half = base64.urlsafe_b64decode(booking + "=")[:16]
    guessed_booking = base64.urlsafe_b64encode(half + bytes(16)).rstrip(b"=").decode()
    with Unchanged(site):
        for wrong in (guessed, GOOD_SECRET, "short", "%2e%2e", booking, "x" * 64):
            for method, path in (("GET", ""), ("POST", "/extend"), ("DELETE", "")):
                is_problem(await site.client.request(method, f"{API}/holds/{wrong}{path}"), 404, "hold_not_found")
        for wrong in (guessed_booking, GOOD_SECRET, "short", hold):
            for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/continue"), ("GET", "/ticket.pdf")):
                answer = await site.client.request(method, f"{API}/bookings/{wrong}{path}")
                is_problem(answer, 404, "booking_not_found")
        assert (await site.client.get(f"{API}/holds/{'x' * 65}")).status_code in (404, 422)
    assert (await site.client.get(f"{API}/holds/{hold}")).json()["state"] == "held"
    assert (await site.client.get(f"{API}/bookings/{booking}")).json()["state"] == "confirmed"


async def test_bad_questions(site: Site) -> None:
    show_id = await site.make_show()
    naive = base64.urlsafe_b64encode(f"2026-11-24T12:00:00 {uuid4()}".encode()).decode()
    cases = [
        ({"date": "2026-02-30"}, "date"),
        ({"date": "tomorrow"}, "date"),
        ({"movie": "nonsense"}, "movie"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": naive}, "cursor"),
        ({"cursor": base64.urlsafe_b64encode(b"2026-11-24T12:00:00Z").decode()}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"q": "x" * 81}, "q"),
        ({"q": "a\u0000b"}, "q"),
        ({"city": "a\u0000b"}, "city"),
    ]
    with Unchanged(site):
        for params, field in cases:
            is_problem(await site.client.get(f"{API}/shows", params=params), 422, "invalid_request", field)
        for wrong in (str(uuid4()), "nonsense", "%00"):
            is_problem(await site.client.get(f"{API}/shows/{wrong}/seats"), 404, "show_not_found")
            is_problem(await site.client.get(f"{API}/shows/{wrong}/events"), 404, "show_not_found")
        for best, field in (
            ({"count": "0"}, "count"),
            ({}, "count"),
            ({"count": "2", "category": "Throne"}, "category"),
        ):
            answer = await site.client.get(f"{API}/shows/{show_id}/best", params=best)
            is_problem(answer, 422, "invalid_request", field)
        is_problem(await site.client.put(f"{API}/holds"), 405, "method_not_allowed")
        is_problem(await site.client.get(f"{API}/nothing"), 404, "not_found")


async def test_sql_wildcards_in_a_search_are_letters(site: Site) -> None:
    await site.make_show()
    found = {}
    for text in ("harvest", "odeon", "%", "_", "\\", "h%t", "long_harvest", "'", "' or 1=1 --"):
        found[text] = len((await site.client.get(f"{API}/shows", params={"q": text})).json()["items"])
    assert found == {"harvest": 1, "odeon": 1} | dict.fromkeys(list(found)[2:], 0)


async def test_pages_follow_each_other_without_gaps(site: Site) -> None:
    shows = [await site.make_show(starts_in=timedelta(hours=2 + number // 2)) for number in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(5):
        page = (
            await site.client.get(f"{API}/shows", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        ).json()
        seen += [show["id"] for show in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(shows)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_no_generated_request_breaks_the_site(site: Site, mode: GenerationMode) -> None:
    """Positive and negative data for every operation of the document that the site serves; the answers fit it."""
    await site.make_show()
    document = (await site.client.get("/openapi.json")).json()
    document["paths"] = {
        path: item for path, item in document["paths"].items() if path.startswith(API) and not path.endswith("/events")
    }

    await asyncio.to_thread(_ask_everything, document, site.url, mode, {})


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_no_generated_request_of_the_owner_breaks_the_site(site: Site, mode: GenerationMode) -> None:
    """The same for what only those who run the house may ask, under their limit of requests."""
    await site.make_show()
    owner = await bearer(site, "owner")
    document = (await site.client.get("/openapi.json")).json()
    staff = ("cinema: house", "cinema: doors")
    document["paths"] = {
        path: {method: each for method, each in item.items() if each.get("tags", [""])[0] in staff}
        for path, item in document["paths"].items()
        if path.startswith(API)
    }
    await asyncio.to_thread(_ask_everything, document, site.url, mode, owner)


def _ask_everything(document: dict[str, Any], url: str, mode: GenerationMode, headers: dict[str, str]) -> None:
    checks = [response_schema_conformance, content_type_conformance]

    def judge(case: schemathesis.Case) -> None:
        answer = case.call(base_url=url, headers=headers)
        assert answer.status_code < 500, f"{case.as_curl_command()}: {answer.text}"
        case.validate_response(answer, checks=checks)

    bounded = settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        bounded(given(case=result.ok().as_strategy(generation_mode=mode))(judge))()
