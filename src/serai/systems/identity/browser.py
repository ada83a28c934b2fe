"""What a browser carries for us: the session cookie, the guest cookie, and the proof that our own page made a request.

A cookie travels with every request to us, also with one that a foreign page caused. So an unsafe request with a cookie
must show what a foreign page cannot know: a form token bound to that cookie. Nothing about it is stored.
"""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse

from serai.kernel.errors import SeraiError, Unauthenticated
from serai.kernel.ports import Random
from serai.runtime.http.principal import current_principal
from serai.systems.identity.credentials import Signer
from serai.systems.identity.errors import CsrfFailed
from serai.web.shell import Account, Flash

GUEST_LIFE_S = 365 * 86_400
"""How long a browser keeps its guest name."""

FLASH_LIFE_S = 60
"""A message that no page showed within this is old news."""

CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Browser:
    """Reads and writes cookies. `https` says that users reach the site by TLS, even if it ends before us."""

    def __init__(self, signer: Signer, random: Random, *, https: bool) -> None:
        self._signer = signer
        self._random = random
        self._https = https

    def session_token(self, request: Request) -> str | None:
        """The session cookie's text."""
        return request.cookies.get(self._name(request, "serai_session"))

    def guest_name(self, request: Request) -> str | None:
        """The guest's name, if the browser sent a cookie that we signed."""
        cookie = request.cookies.get(self._name(request, "serai_guest"))
        return self._signer.guest_name(cookie) if cookie else None

    def open_session(self, request: Request, response: Response, token: str, life_s: int) -> None:
        """Hands the browser its session."""
        self._set(request, response, "serai_session", token, life_s)

    def close_session(self, request: Request, response: Response) -> None:
        """Takes the session cookie back."""
        self._set(request, response, "serai_session", "", 0)

    def keep_guest(self, request: Request, response: Response) -> None:
        """Names a guest who has no name yet, so that limits count per browser and forms can be bound to it."""
        if self.session_token(request) is None and self.guest_name(request) is None:
            self._set(request, response, "serai_guest", self._new_guest(request), GUEST_LIFE_S)

    def leave_flash(self, request: Request, response: Response, flash: Flash) -> None:
        """A message for the next page, in a sealed cookie: no page may be made to say what we did not."""
        sealed = self._signer.seal(f"{flash.tone} {flash.text}")
        self._set(request, response, "serai_flash", sealed, FLASH_LIFE_S)

    def take_flash(self, request: Request) -> list[Flash]:
        """The message left for this page, if any; the page's answer removes it."""
        note = self._signer.unseal(request.cookies.get(self._name(request, "serai_flash"), ""))
        if not note:
            return []
        request.state.flash_taken = True
        tone, _, text = note.partition(" ")
        return [Flash(tone, text)]

    def settle(self, request: Request, response: Response) -> None:
        """After a page: names a new guest, and removes the message that was shown."""
        self.keep_guest(request, response)
        if getattr(request.state, "flash_taken", False):
            self._set(request, response, "serai_flash", "", 0)

    def csrf_token(self, request: Request) -> str:
        """For a hidden field or an htmx header of the page that answers this request."""
        binding = self._binding(request) or self._signer.guest_name(self._new_guest(request))
        assert binding is not None, "we sign the names that we make"
        return self.csrf_token_for(binding)

    def csrf_token_for(self, binding: str) -> str:
        """For a session that this very answer opens: `binding` is its token."""
        return self._signer.new_csrf(binding, self._random)

    async def refuse_forged_form(self, request: Request) -> None:
        """For pages: the header or the form field must carry a token of this browser's cookie."""
        if request.method in SAFE_METHODS or _is_bearer(request):
            return
        token = request.headers.get(CSRF_HEADER) or await _form_token(request)
        if not self._fits(request, token):
            raise CsrfFailed("This form was not made by a page of this site, or has expired; reload and try again.")

    def refuse_forged_call(self, request: Request) -> None:
        """For the JSON API with a session cookie: the header's token, or the browser's word that the page is ours."""
        if request.method in SAFE_METHODS or request.headers.get("sec-fetch-site") == "same-origin":
            return
        if not self._fits(request, request.headers.get(CSRF_HEADER)):
            raise CsrfFailed(
                "A call with a session cookie must come from our own page: send the X-CSRF-Token of the session, "
                "or use an API key as a bearer token."
            )

    def refuse_foreign_call(self, request: Request) -> None:
        """For the call that opens a session: no other site may sign a browser in as somebody of its choice."""
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise CsrfFailed("Another site cannot sign you in here; open the sign-in page.")

    def _fits(self, request: Request, token: str | None) -> bool:
        binding = self._binding(request)
        return token is not None and binding is not None and self._signer.csrf_fits(token, binding)

    def _binding(self, request: Request) -> str | None:
        return self.session_token(request) or self.guest_name(request)

    def _new_guest(self, request: Request) -> str:
        """One new name per request: the form's token and the cookie must agree."""
        if not hasattr(request.state, "new_guest"):
            request.state.new_guest = self._signer.new_guest(self._random)
        cookie: str = request.state.new_guest
        return cookie

    def _secure(self, request: Request) -> bool:
        return self._https or request.url.scheme == "https"

    def _name(self, request: Request, name: str) -> str:
        # With the prefix a browser refuses the cookie from subdomains and without TLS (RFC 6265bis section 4.1.3.2).
        return f"__Host-{name}" if self._secure(request) else name

    def _set(self, request: Request, response: Response, name: str, value: str, life_s: int) -> None:
        response.set_cookie(
            self._name(request, name),
            value,
            max_age=life_s,
            path="/",
            secure=self._secure(request),
            httponly=True,
            samesite="lax",
        )


def browser_of(request: Request) -> Browser:
    """The application's Browser: the authenticator that is wired into the application carries it."""
    browser = request.app.state.authenticate.browser
    assert isinstance(browser, Browser)
    return browser


async def _refuse_forged_form(request: Request) -> None:
    await browser_of(request).refuse_forged_form(request)


CsrfProtected = Depends(_refuse_forged_form)
"""`APIRouter(dependencies=[CsrfProtected])` for pages: GET passes, unsafe methods need the form's token."""


def csrf_token(request: Request) -> str:
    """The token that forms of this page must send back, as the field `csrf_token` or the header X-CSRF-Token."""
    return browser_of(request).csrf_token(request)


def account_of(request: Request) -> Account | None:
    """Who is signed in, for the account menu; known once the principal is."""
    account: Account | None = getattr(request.state, "account", None)
    return account


def flashes_of(request: Request) -> list[Flash]:
    """Messages that the page before left for this one."""
    return browser_of(request).take_flash(request)


def leave_flash(request: Request, response: Response, tone: str, text: str) -> None:
    """Leaves a message for the page that `response` leads to."""
    browser_of(request).leave_flash(request, response, Flash(tone, text))


def done(request: Request, href: str, said: str) -> Response:
    """Leads on from a form that was taken, and says so on the page that it leads to."""
    response = RedirectResponse(href, 303)
    leave_flash(request, response, "ok", said)
    return response


def refused(request: Request, href: str, error: SeraiError) -> Response:
    """Leads back from a button whose wish cannot be, and says why."""
    response = RedirectResponse(href, 303)
    leave_flash(request, response, "bad", error.message)
    return response


def settle(request: Request, response: Response) -> None:
    """What `PageRoute` does after its page, for a page that no route of it drew: an error's."""
    browser_of(request).settle(request, response)


def to_sign_in(request: Request) -> Response:
    """To the sign-in page, and back here afterwards."""
    query = f"?{request.url.query}" if request.url.query else ""
    back = f"{request.url.path}{query}" if request.method in SAFE_METHODS else "/account"
    there = f"/sign-in?next={quote(back, safe='')}"
    if "hx-request" in request.headers:  # a part of a page was asked for, in which the form must not appear
        return Response(status_code=204, headers={"hx-redirect": there})
    return RedirectResponse(there, 303)


def _is_a_persons(request: Request) -> bool:
    """Whether a browser asks for a page; a program is better told 401."""
    return "text/html" in request.headers.get("accept", "") or "hx-request" in request.headers


class PageRoute(APIRoute):
    """`APIRouter(route_class=PageRoute)` for pages: who asks is known, and a first visit leaves with a guest cookie.

    A guest at a page that needs a role is led to the sign-in page, and from there back.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler between its cookies."""
        handle = super().get_route_handler()

        async def handle_with_cookies(request: Request) -> Response:
            principal = await current_principal(request)
            try:
                response = await handle(request)
            except Unauthenticated:
                if principal.kind != "guest" or not _is_a_persons(request):
                    raise
                response = to_sign_in(request)
            browser_of(request).settle(request, response)
            return response

        return handle_with_cookies


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_MACHINES = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad")),
    *(("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux")),
)


def device_in(request: Request) -> str:
    """What made the request, as its user would call it: 'Firefox on Linux'. The first that fits is the most telling."""
    agent = request.headers.get("user-agent", "")
    browser = next((name for mark, name in _BROWSERS if mark in agent), "A program")
    machine = next((name for mark, name in _MACHINES if mark in agent), "")
    return f"{browser} on {machine}" if machine else browser


def _is_bearer(request: Request) -> bool:
    # No foreign page can make a browser send this header, so it needs no further proof.
    return request.headers.get("authorization", "").startswith("Bearer ")


async def _form_token(request: Request) -> str | None:
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return None
    token = (await request.form()).get(CSRF_FIELD)
    return None if isinstance(token, UploadFile) else token
