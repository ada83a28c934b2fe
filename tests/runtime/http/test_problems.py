"""Every refusal is one document with a stable code; what failed inside is logged, and never told."""

import logging

import pytest

from .conftest import OpenSite, Site

MEMBERS = {"type", "title", "status", "detail", "code", "retryable", "request_id", "errors"}


@pytest.mark.parametrize(
    ("how", "status", "code", "retry_after"),
    [
        ("conflict", 409, "conflict", None),
        ("later", 503, "unavailable", "7"),
        ("soon", 503, "unavailable", "1"),
        ("database", 503, "unavailable", "1"),
        ("unexpected", 500, "internal", None),
    ],
)
async def test_what_leaves(site: Site, how: str, status: int, code: str, retry_after: str | None) -> None:
    answer = await site.client.get(f"/api/fails/{how}")
    document = answer.json()
    assert document.keys() >= MEMBERS
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("retry-after") == retry_after
    assert document["retryable"] is (retry_after is not None)
    assert answer.headers["cache-control"] == "no-store"
    assert "hunter2" not in answer.text


async def test_fields_and_further_members_are_told(site: Site) -> None:
    document = (await site.client.get("/api/fails/conflict")).json()
    assert document["errors"] == [{"field": "seats[0]", "code": "taken", "message": "taken"}]
    assert (document["taken"], document["type"]) == ([5], "/docs/errors#conflict")


@pytest.mark.parametrize("how", ["database", "unexpected"])
async def test_the_cause_is_logged_with_its_trace(site: Site, how: str, caplog: pytest.LogCaptureFixture) -> None:
    await site.client.get(f"/api/fails/{how}")
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(logged) == 1
    assert logged[0].exc_info and "hunter2" in str(logged[0].exc_info[1])


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        (b'{"seats":["1"]}', "seats[0]", "int_type"),
        (b'{"seats":[1],"sets":[]}', "sets", "extra_forbidden"),
        (b"{}", "seats", "missing"),
        (b'{"seats":[],"price":{"amount":-1,"currency":"EUR"}}', "price.amount", "greater_than_equal"),
        (b"[]", "body", "model_attributes_type"),
        (b"{", "body", "json_invalid"),
    ],
)
async def test_a_wrong_body_is_refused_by_the_name_of_its_field(site: Site, body: bytes, field: str, code: str) -> None:
    answer = await site.client.post("/api/orders", content=body, headers={"Content-Type": "application/json"})
    document = answer.json()
    assert (answer.status_code, document["code"]) == (422, "invalid_request")
    assert [(error["field"], error["code"]) for error in document["errors"]] == [(field, code)]


async def test_not_more_fields_are_named_than_anybody_reads(site: Site) -> None:
    document = (await site.client.post("/api/orders", json={"seats": ["x"] * 100})).json()
    assert len(document["errors"]) == 50


async def test_the_frameworks_refusals_are_documents_too(site: Site) -> None:
    nowhere = await site.client.get("/api/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
    wrong = await site.client.delete("/api/me")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (405, "method_not_allowed", "GET")


async def test_a_person_gets_a_page_and_the_api_never_does(open_site: OpenSite) -> None:
    client = (await open_site()).client
    browser = {"Accept": "text/html,*/*"}
    for how, status in (("conflict", 409), ("unexpected", 500)):
        page = await client.get(f"/page/{how}", headers=browser)
        assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert (await client.get(f"/api/fails/{how}", headers=browser)).json()["status"] == status
        assert (await client.get(f"/page/{how}")).json()["status"] == status
