"""The console's own pages over the real site."""

import importlib.util
import mailbox
import sys
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

HTML = {"accept": "text/html"}
CINEMA = Path(__file__).parents[1] / "systems" / "cinema" / "conftest.py"


def _cinema() -> Any:
    name = "serai_test_cinema"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, CINEMA)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


open_site = _cinema().open_site


async def test_home_has_a_tile_with_a_figure_for_every_system(open_site: Any) -> None:
    site = await open_site()
    page = (await site.client.get("/")).text
    for name in ("cinema", "simcards", "stock", "payments", "allocation", "identity", "coordination"):
        assert f'id="tile-{name}"' in page
    assert "7 of 7 ready" in page and "seats sold" in page and "answers in" in page
    assert (await site.client.get("/fragments/home")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs/api", "/docs/errors", "/sign-in", "/nowhere"])
async def test_every_page_forbids_foreign_code(open_site: Any, path: str) -> None:
    site = await open_site()
    answer = await site.client.get(path, headers=HTML)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_every_problem_type_leads_to_its_code(open_site: Any) -> None:
    site = await open_site()
    answer = await site.client.get("/api/cinema/v1/holds/x")
    page, _, anchor = answer.json()["type"].partition("#")
    assert f'id="{anchor}"' in (await site.client.get(page)).text


async def test_an_error_page_greets_who_is_signed_in(open_site: Any) -> None:
    site = await open_site()
    page = await site.client.get("/nowhere", headers=HTML)
    assert page.status_code == 404 and "Sign in" in page.text and page.headers["set-cookie"].startswith("serai_guest")
    assert (await site.client.get("/api/nowhere", headers=HTML)).headers["content-type"] == "application/problem+json"


def a_mail(site: Any) -> str:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "t@serai.example", "ada@example.org", "Your <b>tickets</b>"
    message.set_content("Two seats")
    message.add_alternative("<html><head></head><body><h1>Hello</h1></body></html>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename='x"; y.pdf')
    return mailbox.Maildir(site.world.data / "mail", create=True).add(message.as_bytes())


async def test_the_mailbox_shows_mails_bodies_and_attachments(open_site: Any) -> None:
    site = await open_site(smtp_url="smtp://127.0.0.1:8427")
    key = a_mail(site)
    page = (await site.client.get(f"/mailbox?mail={key}")).text
    assert "Your &lt;b&gt;tickets&lt;/b&gt;" in page and "Two seats" in page
    body = await site.client.get(f"/mailbox/{key}/body")
    assert "sandbox" in body.headers["content-security-policy"] and '<head><base target="_blank">' in body.text
    part = await site.client.get(f"/mailbox/{key}/1")
    assert part.content == b"%PDF" and part.headers["content-disposition"].startswith("attachment;")
    assert (await site.client.get(f"/mailbox/{key}/2")).status_code == 404
    assert (await site.client.get("/mailbox?mail=none")).status_code == 404


async def test_the_mailbox_of_a_public_site_is_the_owners(open_site: Any) -> None:
    site = await open_site(smtp_url="smtp://127.0.0.1:8427", public_url="https://tickets.example")
    assert (await site.client.get("/mailbox")).status_code == 401
    assert "Mailbox" not in (await site.client.get("/docs/errors")).text


async def test_with_a_real_relay_there_is_no_mailbox(open_site: Any) -> None:
    site = await open_site(smtp_url="smtp://mail.example:25")
    assert (await site.client.get("/mailbox")).status_code == 404
