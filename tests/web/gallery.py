"""A console with one page per template and believable content, for the tests of the shell."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

import serai.systems.identity
from serai.kernel.errors import Forbidden, NotFound, SeraiError
from serai.kernel.money import Money
from serai.runtime.postgres.keyset import Slice
from serai.runtime.system import Figure
from serai.web.forms import Form
from serai.web.home import home_routes
from serai.web.listing import Column, Filter, Listing, read_listing
from serai.web.security import SecurityHeaders
from serai.web.shell import Account, Flash, NavEntry, Shell, SystemEntry
from serai.web.tiles import Health, Home, Tile, TileState

NOW = datetime(2026, 11, 23, 19, 30, tzinfo=UTC)
IDENTITY_TEMPLATES = Path(serai.systems.identity.__file__).parent / "templates"
GALLERY_TEMPLATES = Path(__file__).parent / "templates"

SYSTEMS = (
    SystemEntry("cinema", "Cinema", "/cinema", "clapperboard"),
    SystemEntry("payments", "Payments", "/payments", "credit-card"),
    SystemEntry("identity", "Identity", "/identity", "fingerprint"),
    SystemEntry("allocation", "Allocation", "/allocation", "armchair"),
)
NAVIGATION = (
    NavEntry("Overview", "/", "layout-dashboard"),
    NavEntry("Mailbox", "/mailbox", "mail"),
    NavEntry("Shows", "/gallery", "film", "cinema"),
    NavEntry("Bookings", "/cinema/bookings", "ticket", "cinema"),
    NavEntry("Theaters", "/cinema/theaters", "building-2", "cinema"),
    NavEntry("Check-in", "/cinema/check-in", "scan-line", "cinema"),
    NavEntry("Reports", "/cinema/reports", "activity", "cinema"),
)


class StoppedClock:
    """A clock that shows NOW for ever."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


@dataclass
class Gallery:
    """What the pages show; a test changes it before it asks."""

    account: Account | None = field(default_factory=lambda: Account("Mina Farahani", "mina@lantern.example", "Lantern"))
    flashes: tuple[Flash, ...] = ()
    home: Home = field(default_factory=lambda: HOME)
    broken: bool = False


def believable_home() -> Home:
    series = (31, 34, 30, 38, 44, 41, 52, 49, 58, 63, 60, 71, 69, 78, 84, 81)
    tiles = (
        Tile("cinema", "Cinema", "Seat maps, ten-minute holds and tickets for every screen.", "clapperboard", "/cinema",
             TileState.READY, Figure(84, "bookings / min", series)),
        Tile("payments", "Payments", "Authorise, capture and refund, with nothing lost between.", "credit-card",
             "/payments", TileState.READY, Figure(99.7, "% settled at once", (99.1, 99.4, 99.2, 99.6, 99.5, 99.7), 1)),
        Tile("identity", "Identity", "People, sessions, keys and what each may do.", "fingerprint", "/identity",
             TileState.READY, Figure(1284, "active sessions", (1190, 1203, 1198, 1220, 1241, 1238, 1260, 1284))),
        Tile("allocation", "Allocation", "One engine for everything that can be sold only once.", "armchair",
             "/allocation", TileState.STARTING, None),
        Tile("stock", "Stock", "What each store has, held and promised.", "store", "/stock",
             TileState.DOWN, Figure(0, "moves / s", (12, 14, 13, 15, 12, 4, 0, 0))),
        Tile("leaderboard", "Leaderboard", "Ranks of millions of players, as they play.", "trophy", "/leaderboard",
             TileState.READY, Figure(2_418_300, "players", (2.31, 2.33, 2.34, 2.36, 2.38, 2.39, 2.41, 2.42))),
    )  # fmt: skip
    health = (
        Health("PostgreSQL", TileState.READY, "18.6 · 12 connections", "database"),
        Health("Jobs", TileState.READY, "0 waiting · 0 dead", "layers"),
        Health("Payments gateway", TileState.STARTING, "answers in 41 ms", "wallet"),
        Health("Mailbox", TileState.READY, "37 mails today", "inbox"),
    )
    return Home(tiles, health)


def keys_context() -> dict[str, Any]:
    ago = lambda **by: NOW - timedelta(**by)  # noqa: E731
    key = lambda n, name, prefix, role, state, used: {  # noqa: E731
        "id": f"k{n}", "name": name, "prefix": prefix, "role": role, "state": state, "created_by": "Mina Farahani",
        "created_at": ago(days=n * 9), "last_used_at": used,
    }  # fmt: skip
    return {
        "keys": [
            key(1, "Box office terminal", "sk_live_7KQ2", "cinema:sell", "active", ago(minutes=4)),
            key(2, "Website", "sk_live_M4XD", "cinema:sell", "active", ago(seconds=3)),
            key(3, "Night report", "sk_live_09AZ", "cinema:read", "active", None),
            key(7, "Old turnstile", "sk_live_TT3C", "cinema:check-in", "revoked", ago(days=40)),
        ],
        "roles": [
            {"name": "cinema:read", "title": "Read", "sentence": "See shows, seats and reports."},
            {"name": "cinema:sell", "title": "Sell", "sentence": "Hold seats, book and cancel."},
            {
                "name": "cinema:manage",
                "title": "Manage",
                "sentence": "All of it, and change movies and prices.",
            },
        ],
        "new_secret": None,
        "form": {"name": "", "role": "", "errors": {}},
        "previous": None,
        "next": None,
    }


def sign_in_context() -> dict[str, Any]:
    demo = [
        {"name": "Mina Farahani", "email": "mina@lantern.example", "password": "demo-mina", "role": "Owner of Lantern"},
        {"name": "Jonas Weber", "email": "jonas@lantern.example", "password": "demo-jonas", "role": "Box office"},
    ]
    return {"email": "", "error": None, "next": "/", "demo_users": demo}


def account_context() -> dict[str, Any]:
    return {
        "user": {"name": "Mina Farahani", "email": "mina@lantern.example", "created_at": NOW - timedelta(days=200)},
        "memberships": [{"organisation": "Lantern", "role": "Owner", "since": NOW - timedelta(days=200)}],
        "sessions": [
            {"id": "s1", "device": "Firefox on Linux", "address": "127.0.0.1", "last_seen_at": NOW, "current": True},
            {"id": "s2", "device": "Safari on iPhone", "address": "203.0.113.9", "last_seen_at": NOW, "current": False},
        ],
        "errors": {},
    }


def mailbox_context(opened: bool = True) -> dict[str, Any]:
    mails = [
        {"id": f"m{n}", "sender": "tickets@lantern.example", "recipients": [who], "subject": subject,
         "preview": preview, "at": NOW - timedelta(minutes=minutes), "href": f"/mailbox?mail=m{n}"}
        for n, (who, subject, preview, minutes) in enumerate((
            ("ada@example.org", "Your tickets for The Long Caravan", "Two seats in row F, at 20:15. Show the code.", 2),
            ("ravi@example.org", "Refund of €24.50", "Booking K7M2-QX4D is cancelled.", 19),
            ("lena@example.org", "A seat came free", "You are next in line for Night Train, until 21:40.", 48),
            ("sam@example.org", "Your tickets for Saffron Hill", "One seat in row B, tomorrow at 18:00.", 131),
            ("noor@example.org", "Join Lantern", "Mina Farahani invites you to the organisation Lantern.", 300),
        ))
    ]  # fmt: skip
    mail = {
        **mails[0],
        "html_href": "/mailbox/m0/body",
        "text": "",
        "attachments": [
            {"name": "tickets.pdf", "size": "48 KB", "media_type": "application/pdf", "href": "/mailbox/m0/1"}
        ],
    }
    return {
        "mails": mails,
        "mail": mail if opened else None,
        "previous": None,
        "next": "/mailbox?c=2",
        "mailbox_href": "/mailbox",
    }


def hostile_mailbox_context() -> dict[str, Any]:
    context = mailbox_context()
    return context | {"mail": context["mail"] | {"html_href": "/mailbox/hostile/body"}}


def believable_list() -> Listing:
    query = b"q=the&sort=-sold&state=shown"
    request = Request({"type": "http", "method": "GET", "path": "/gallery", "headers": [], "query_string": query})
    asked = read_listing(
        request,
        noun=("movie", "movies"),
        columns=(Column("Movie", "title"), Column("Sold", "sold")),
        usual="title",
        search="Title",
        filters=(Filter("state", "State", "film", (("", "All movies"), ("shown", "On offer"))),),
    )
    return asked.showing(Slice((("The Long Caravan", 62.5), ("The Salt Road", 4.2)), ("90", "a"), ("1", "b")))


def style_guide_context() -> dict[str, Any]:
    minutes = [int(NOW.timestamp()) + 60 * n for n in range(-59, 1)]
    bookings = [60 + (n * 7 % 23) + n // 3 for n in range(60)]
    return {
        "movies": believable_list(),
        "refused_form": Form(
            {"title": "The Long Caravan", "prices.Front row": "12.505", "hall": "2"},
            {"prices.Front row": "Write an amount such as 12.50."},
        ),
        "price": Money(1250, "EUR"),
        "yen": Money(1250, "JPY"),
        "now": NOW,
        "earlier": NOW - timedelta(minutes=5),
        "chart": {"x": minutes, "series": [{"label": "Bookings", "unit": "/ min", "values": bookings},
                                           {"label": "Holds", "unit": "/ min", "values": [n + 25 for n in bookings]}]},
    }  # fmt: skip


MAIL_HTML = """<body style="margin:0;font:16px system-ui;background:#faf7f2;color:#231e18"><div style="max-width:34rem;
margin:0 auto;padding:2rem 1.5rem"><h1 style="font-size:22px">See you tonight, Ada</h1><p>Two seats for <b>The Long
Caravan</b> at Lantern Mitte, Screen 2.</p><table cellpadding="6"><tr><td>When</td><td><b>Mon 23 Nov, 20:15</b></td>
</tr>
<tr><td>Seats</td><td><b>F7, F8</b></td></tr><tr><td>Paid</td><td><b>&euro;25.00</b></td></tr></table>
<p>The code is in the attached PDF. Doors open twenty minutes
before.</p></div></body>"""
HOSTILE_HTML = "<body><h1>You have won</h1><script>parent.document.title = 'owned'</script></body>"


HOME = believable_home()


def _broken(_request: Request, error: Exception) -> Response:
    return Response(f"<p id='leak'>{error}</p>", 500, media_type="text/html")


def build(gallery: Gallery, systems: tuple[SystemEntry, ...] = SYSTEMS) -> tuple[Starlette, Shell]:
    """The application and its shell."""
    shell = Shell(
        clock=StoppedClock(),
        csrf_token=lambda _request: "token<'\"&>",
        account=lambda _request: gallery.account,
        flashes=lambda _request: gallery.flashes,
        systems=systems,
        navigation=NAVIGATION,
        template_folders=[IDENTITY_TEMPLATES, GALLERY_TEMPLATES],
    )

    async def read(_request: Request) -> Home:
        if gallery.broken:
            raise SeraiError("the figures cannot be read")
        return gallery.home

    def page(template: str, context: Callable[[], dict[str, Any]], system: str = "") -> Callable[[Request], Response]:
        return lambda request: shell.render(request, template, system=system, **context())

    def problem(error: SeraiError) -> Callable[[Request], Response]:
        return lambda request: shell.problem(request, error, request_id="req-7K2M")

    secret = {"name": "Website", "secret": "sk_live_M4XD_2h9Qm0cT7vY3nL8wZr5bK1"}
    routes = [
        *shell.routes(),
        *home_routes(shell, read),
        Route("/gallery", page("style_guide.html", style_guide_context, "cinema")),
        Route("/sign-in", page("identity/sign_in.html", sign_in_context)),
        Route("/sign-in", lambda _request: RedirectResponse("/", 303), methods=["POST"]),
        Route("/sign-in-failed", page("identity/sign_in.html", lambda: sign_in_context() | {
            "error": "That e-mail and password do not belong together.", "demo_users": []})),
        Route("/account", page("identity/account.html", account_context)),
        Route("/account/keys", page("identity/keys.html", keys_context)),
        Route("/account/keys-made", page("identity/keys.html", lambda: keys_context() | {"new_secret": secret})),
        Route("/account/keys-none", page("identity/keys.html", lambda: keys_context() | {"keys": []})),
        Route("/mailbox", page("mailbox.html", mailbox_context)),
        Route("/mailbox-list", page("mailbox.html", lambda: mailbox_context(opened=False))),
        Route("/mailbox/m0/body", lambda _request: shell.foreign_html(MAIL_HTML)),
        Route("/mailbox-hostile", page("mailbox.html", hostile_mailbox_context)),
        Route("/mailbox/hostile/body", lambda _request: shell.foreign_html(HOSTILE_HTML)),
        Route("/missing", problem(NotFound("There is no show 42. It may have been taken off the programme."))),
        Route("/forbidden", problem(Forbidden("Your role cannot see reports. Ask an owner of Lantern."))),
        Route("/broken", problem(SeraiError("psycopg: connection to 10.0.0.7 lost"))),
    ]  # fmt: skip
    return Starlette(
        routes=routes, middleware=[Middleware(SecurityHeaders)], exception_handlers={SeraiError: _broken}
    ), shell
