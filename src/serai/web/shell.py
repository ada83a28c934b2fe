"""The shell of the console: one Jinja environment, one layout, one way to answer with a page.

A value that a template was not given fails the render (StrictUndefined), and every value is escaped unless our own
code drew it. Who is signed in, their messages and their CSRF token come from functions given at construction, so
the shell knows no system, and a page cannot forget to carry them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from serai.kernel.errors import SeraiError
from serai.kernel.ports import Clock
from serai.web import formats
from serai.web.assets import Assets
from serai.web.security import FOREIGN_HTML
from serai.web.states import look
from serai.web.tiles import sparkline

HERE = Path(__file__).parent
SPRITE = "vendor/lucide-1.62.0/icons.svg"
CSRF_FIELD = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NavEntry:
    """One entry of a system's navigation. `system` is the folder's name; "" is the console itself."""

    title: str
    href: str
    icon: str
    system: str = ""
    role: str = ""
    """Only those who may do this see it; empty: everybody."""


@dataclass(frozen=True, slots=True)
class SystemEntry:
    """One system of the switcher."""

    name: str
    title: str
    href: str
    icon: str


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in, as the account menu shows them."""

    name: str
    email: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Flash:
    """A message that the next page shows once. `tone`: ok, info, warn or bad."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where the account menu leads."""

    sign_in: str = "/sign-in"
    sign_out: str = "/sign-out"
    account: str = "/account"
    keys: str = "/account/keys"


def nobody(_request: Request) -> Account | None:
    """The account of a console without identity."""
    return None


def silence(_request: Request) -> Sequence[Flash]:
    """The messages of a console without sessions."""
    return ()


def nothing_allowed(_request: Request, _role: str) -> bool:
    """What a visitor of a console without identity may do beyond looking."""
    return False


class Shell:
    """Renders the console's pages and serves its static files.

    `template_folders` are the systems' own (`systems/X/templates`, each with a folder X inside, so names never
    meet); `static_folders` maps a prefix such as "cinema/" to a system's static files. `csrf_token(request)` gives
    the token that identity will check.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        csrf_token: Callable[[Request], str],
        account: Callable[[Request], Account | None] = nobody,
        flashes: Callable[[Request], Sequence[Flash]] = silence,
        allows: Callable[[Request, str], bool] = nothing_allowed,
        systems: Sequence[SystemEntry] = (),
        navigation: Sequence[NavEntry] = (),
        template_folders: Sequence[Path] = (),
        static_folders: Mapping[str, Path] | None = None,
        places: Places | None = None,
        site_name: str = "Serai",
        locale: str = "en",
    ) -> None:
        self._clock = clock
        self._csrf_token = csrf_token
        self._account = account
        self._flashes = flashes
        self._allows = allows
        self._systems = {entry.name: entry for entry in systems}
        self._navigation = tuple(navigation)
        self.assets = Assets({"": HERE / "static", **(static_folders or {})})
        self._icons = frozenset(re.findall(r'<symbol id="([^"]+)"', self.assets.text(SPRITE)))
        self.environment = self._environment([HERE / "templates", *template_folders], locale)
        self.environment.globals.update(site_name=site_name, places=places or Places(), locale=locale)

    def routes(self) -> list[Route]:
        """The static files."""
        return [Route("/static/{version}/{name:path}", self.assets.respond, methods=["GET"])]

    def render(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        system: str = "",
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """The page `template` of `system` ("" for the console's own), which decides the navigation shown."""
        shadowed = context.keys() & self.environment.globals.keys()
        assert not shadowed, f"a page's context would hide what its layout shows: {shadowed}"
        html = self.environment.get_template(template).render(
            request=request,
            account=self._account(request),
            flashes=self._flashes(request),
            systems=tuple(self._systems.values()),
            system=self._systems.get(system),
            navigation=(navigation := self._seen_by(request, system)),
            current=_nearest(navigation, request.url.path),
            here=request.url.path,
            **context,
        )
        return HTMLResponse(html, status, {"cache-control": "private, no-cache", **(headers or {})})

    def fragment(self, request: Request, template: str, **context: Any) -> HTMLResponse:
        """A part of a page, for htmx to swap in; it has no layout and shows no messages, so it never eats one."""
        html = self.environment.get_template(template).render(request=request, **context)
        return HTMLResponse(html, headers={"cache-control": "private, no-store"})

    def problem(self, request: Request, error: SeraiError, *, request_id: str) -> HTMLResponse:
        """The page of `error`, with its status and, where a wait helps, Retry-After."""
        document = {"title": error.title, "status": error.status, "detail": error.message, "code": error.code}
        response = self.problem_page(request, document | {"request_id": request_id})
        if error.retry_after_s:
            response.headers["retry-after"] = str(error.retry_after_s)
        return response

    def problem_page(self, request: Request, document: Mapping[str, Any]) -> HTMLResponse:
        """A problem document (RFC 9457) as a page. What an unexpected failure says stays out of it."""
        return self.render(
            request,
            "error.html",
            status=document["status"],
            title=document["title"],
            detail=document["detail"] if document["status"] != HTTPStatus.INTERNAL_SERVER_ERROR else None,
            code=document["code"],
            problem_status=document["status"],
            request_id=document["request_id"],
        )

    def foreign_html(self, body: str) -> HTMLResponse:
        """Somebody else's HTML, for a sandboxed frame: its own origin, no script, no network. Links open a new tab."""
        head = _HEAD.search(body)
        at = head.end() if head else 0
        return HTMLResponse(
            f'{body[:at]}<base target="_blank">{body[at:]}',
            headers={"content-security-policy": FOREIGN_HTML, "cache-control": "private, no-cache"},
        )

    def icon(self, name: str, size: str = "") -> Markup:
        """The icon `name`, which says nothing to a screen reader: the text beside it does. KeyError if unknown."""
        if name not in self._icons:
            raise KeyError(f"no icon named {name!r} in the sprite; add it to tools/vendor_assets.py")
        sized = f" icon-{size}" if size else ""
        return Markup('<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>').format(
            sized, self.assets.url(SPRITE), name
        )

    def _environment(self, folders: Sequence[Path], locale: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader([str(folder) for folder in folders]),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(
            money=partial(formats.money, locale=locale),
            when=partial(_when, locale),
            number=partial(_number, locale),
            relative=partial(self._relative, locale),
            rfc3339=formats.rfc3339,
            qr=formats.qr,
            look=look,
            sparkline=sparkline,
        )
        environment.globals.update(
            icon=self.icon,
            static=self.assets.url,
            csrf_field=self._csrf_field,
            csrf_headers=self._csrf_headers,
        )
        return environment

    def _seen_by(self, request: Request, system: str) -> tuple[NavEntry, ...]:
        entries = (entry for entry in self._navigation if entry.system == system)
        return tuple(entry for entry in entries if not entry.role or self._allows(request, entry.role))

    def _relative(self, locale: str, at: datetime) -> str:
        return formats.relative(at, self._clock.now(), locale)

    @pass_context
    def _csrf_field(self, context: Context) -> Markup:
        token = self._csrf_token(context["request"])
        return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token)

    @pass_context
    def _csrf_headers(self, context: Context) -> dict[str, str]:
        return {CSRF_HEADER: self._csrf_token(context["request"])}


def _nearest(navigation: Sequence[NavEntry], path: str) -> NavEntry | None:
    """The entry under whose address the page stands: the longest one."""
    above = [entry for entry in navigation if path == entry.href or path.startswith(entry.href.rstrip("/") + "/")]
    exact = [entry for entry in above if entry.href != "/" or path == "/"]
    return max(exact, key=lambda entry: len(entry.href), default=None)


def _when(locale: str, at: datetime, zone: str = "UTC", style: formats.Style = "full") -> str:
    return formats.when(at, locale, zone, style)


def _number(locale: str, value: float, decimals: int | None = None) -> str:
    return formats.number(value, locale, decimals)
