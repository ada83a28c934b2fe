"""Pages: complete, escaped, and never rendered with a value missing."""

import re
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError
from starlette.requests import Request

from serai.kernel.errors import TooMany
from serai.web.shell import Flash
from serai.web.states import LOOKS

PAGES = (
    "/", "/gallery", "/sign-in", "/sign-in-failed", "/account", "/account/keys", "/account/keys-made",
    "/account/keys-none", "/mailbox", "/mailbox-list",
)  # fmt: skip
PROBLEMS = {"/missing": 404, "/forbidden": 403, "/broken": 500}
VOID = {"meta", "link", "input", "br", "hr", "img", "use", "path", "rect", "circle"}


class Page(HTMLParser):
    """Collects what the tests ask of a page; fails on a tag that closes nothing."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert tag in VOID or self.open.pop() == tag, f"</{tag}> closes another element"


def request(path: str = "/") -> Request:
    return Request({"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""})


@pytest.mark.parametrize("path", [*PAGES, *PROBLEMS])
def test_every_page_is_whole_and_runs_nothing_inline(client, path):
    answer = client.get(path)
    assert answer.status_code == PROBLEMS.get(path, 200)
    page = Page(answer.text)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids)), "an id stands twice"
    for tag, attrs in page.tags:
        assert "style" not in attrs and tag != "style"
        assert not [name for name in attrs if name.startswith("on")]
        assert tag != "script" or "src" in attrs or attrs.get("type") == "application/json"
        for link in (attrs.get("src"), attrs.get("href")):
            assert link is None or not re.match(r"(https?:)?//", link), f"{link} leaves the host"


@pytest.mark.parametrize("path", [*PAGES, *PROBLEMS])
def test_every_file_that_a_page_names_is_served(client, path):
    page = Page(client.get(path).text)
    named = {value.split("#")[0] for _, attrs in page.tags for value in attrs.values() if value and "/static/" in value}
    assert len(named) >= 10
    assert {link: client.get(link).status_code for link in named} == dict.fromkeys(named, 200)


def test_every_post_form_carries_the_token_of_its_request(client):
    for path in PAGES:
        html = client.get(path).text
        posts = html.count('method="post"')
        assert html.count('name="csrf_token" value="token&lt;&#39;&#34;&amp;&gt;"') == posts, path
    assert 'hx-headers:inherited="{&#34;X-CSRF-Token&#34;:' in client.get("/").text


def test_values_are_escaped_wherever_they_stand(client, gallery):
    gallery.flashes = (Flash("ok", "<script>alert(1)</script>"),)
    html = client.get("/").text
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_a_value_that_was_not_given_fails_the_render(shell):
    with pytest.raises(UndefinedError, match="home"):
        shell.render(request(), "home.html", refresh_s=5)


def test_an_icon_that_is_not_in_the_sprite_is_named(shell):
    with pytest.raises(KeyError, match="unicorn"):
        shell.icon("unicorn")


def test_every_state_has_an_icon_that_exists(shell):
    assert all(shell.icon(look.icon) for look in LOOKS.values())


def test_navigation_shows_the_entries_of_the_system_and_where_one_is(client):
    nav = client.get("/gallery").text.split('<nav class="nav"')[1].split("</nav>")[0]
    assert re.findall(r"</svg> ([\w-]+)</a>", nav) == ["Shows", "Bookings", "Theaters", "Check-in", "Reports"]
    assert re.findall(r'href="([^"]+)" aria-current="page"', nav) == ["/gallery"]


def test_a_guest_is_offered_to_sign_in_and_no_account_menu(client, gallery):
    assert 'id="account-menu"' in client.get("/").text
    gallery.account = None
    html = client.get("/").text
    assert 'id="account-menu"' not in html
    assert 'href="/sign-in">Sign in</a>' in html


def test_an_inner_error_tells_its_reference_and_not_its_text(client):
    html = client.get("/broken").text
    assert "req-7K2M" in html and "psycopg" not in html
    assert "There is no show 42." in client.get("/missing").text


def test_a_limit_tells_when_to_come_back(shell):
    answer = shell.problem(request(), TooMany("60 requests a minute.", retry_after_s=7), request_id="r")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def test_the_polled_part_of_home_shows_the_figures_of_now_and_no_layout(client, gallery, gallery_module):
    first = client.get("/fragments/home")
    assert "<html" not in first.text and first.headers["cache-control"] == "private, no-store"
    assert "4 of 6 ready" in first.text and ">84<" in first.text
    tile = gallery_module.Tile("x", "X", "Y.", "zap", "/x", gallery_module.TileState.DOWN)
    gallery.home = gallery_module.Home((tile,), ())
    second = client.get("/fragments/home").text
    assert "0 of 1 ready" in second and "Down" in second and ">84<" not in second


def test_a_console_without_systems_says_so(client, gallery, gallery_module):
    gallery.home = gallery_module.Home((), ())
    assert "No systems are installed" in client.get("/").text


def test_a_failed_field_names_its_error_and_hint_to_a_screen_reader(client):
    field = re.search(r"<input[^>]*id=\"email\"[^>]*>", client.get("/gallery").text)
    assert field and 'aria-invalid="true"' in field[0] and 'aria-describedby="email-error email-hint"' in field[0]
