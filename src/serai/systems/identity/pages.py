"""The pages of identity: sign in and out, one's account, the organisation's API keys.

Every form carries a token of its browser's cookie. A refused form is shown again with what was typed, except passwords.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from serai.kernel.errors import Forbidden, Invalid, SeraiError
from serai.runtime.http.edge import client_address
from serai.runtime.http.principal import Asking, Principal
from serai.systems.identity.browser import CsrfProtected, PageRoute, browser_of, device_in, leave_flash, to_sign_in
from serai.systems.identity.demo import Demo
from serai.systems.identity.errors import (
    HashingBusy,
    InvalidCredentials,
    NoOrganisation,
    RoleNotHeld,
    TooManyKeys,
    TooManySignIns,
)
from serai.systems.identity.http import MANAGE, cursor_id, next_cursor
from serai.systems.identity.model import NAMED_ROLES, ApiKey, NewKey, SignedIn, expand_roles
from serai.systems.identity.service import Identity, SignIn
from serai.web.shell import Shell

KEYS_SHOWN_MAX = 50

SHOWN_AGAIN = (Invalid, InvalidCredentials, TooManySignIns, NoOrganisation, HashingBusy, RoleNotHeld, TooManyKeys)
"""Refusals that a form shows beside its fields; others become the error page."""

ROLE_WORDS = {
    "viewer": ("Viewer", "Sees everything, changes nothing."),
    "door-staff": ("Door staff", "Checks tickets in."),
    "stock-staff": ("Stock staff", "Moves and counts goods."),
    "manager": ("Manager", "Runs the shows, the goods, the money and the people."),
    "owner": ("Owner", "May do everything."),
}
assert ROLE_WORDS.keys() == NAMED_ROLES.keys(), "every named role is explained"

Typed = Annotated[str, Form(max_length=1_000)]


def routers(identity: Identity, shell: Shell, demo: Demo) -> list[APIRouter]:
    """The pages' routes."""
    pages = APIRouter(route_class=PageRoute, dependencies=[CsrfProtected], include_in_schema=False)
    SignInPage(identity, shell, demo).add_to(pages)
    AccountPage(identity, shell).add_to(pages)
    KeysPage(identity, shell).add_to(pages)
    return [pages]


class SignInPage:
    """/sign-in and /sign-out."""

    def __init__(self, identity: Identity, shell: Shell, demo: Demo) -> None:
        self._identity = identity
        self._shell = shell
        self._demo = demo

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/sign-in", self.show, methods=["GET"])
        pages.add_api_route("/sign-in", self.sign_in, methods=["POST"])
        pages.add_api_route("/sign-out", self.sign_out, methods=["POST"])

    async def show(
        self, request: Request, principal: Asking, onward: Annotated[str, Query(alias="next")] = ""
    ) -> Response:
        """The form; those who are signed in go on at once."""
        if principal.kind == "user":
            return see_other(local_address(onward) or "/")
        return await self._form(request, email="", onward=onward, error=None)

    async def sign_in(
        self,
        request: Request,
        email: Typed = "",
        password: Typed = "",
        onward: Annotated[str, Form(alias="next")] = "",
    ) -> Response:
        """Opens a session and leads on; a refusal shows the form again."""
        browser = browser_of(request)
        asked = SignIn(
            email=email,
            password=password,
            address=client_address(request.scope),
            device=device_in(request),
            replaces=browser.session_token(request),
        )
        try:
            signed_in = await self._identity.sign_in(asked)
        except SHOWN_AGAIN as error:
            return await self._form(request, email=email, onward=onward, error=error)
        response = see_other(local_address(onward) or "/")
        browser.open_session(request, response, signed_in.token, self._identity.settings.session_absolute_s)
        return response

    async def sign_out(self, request: Request, principal: Asking) -> Response:
        """Ends this browser's session."""
        browser = browser_of(request)
        if (token := browser.session_token(request)) and principal.kind == "user":
            await self._identity.sign_out(token)
        response = see_other("/sign-in")
        browser.close_session(request, response)
        leave_flash(request, response, "ok", "You are signed out.")
        return response

    async def _form(self, request: Request, *, email: str, onward: str, error: SeraiError | None) -> Response:
        return self._shell.render(
            request,
            "identity/sign_in.html",
            status=error.status if error else 200,
            headers=retry_after(error),
            email=email,
            error=error.message if error else None,
            next=local_address(onward),
            demo_users=await self._demo.users(),
        )


class AccountPage:
    """/account: who one is, where one is signed in, a new password."""

    def __init__(self, identity: Identity, shell: Shell) -> None:
        self._identity = identity
        self._shell = shell

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/account", self.show, methods=["GET"])
        pages.add_api_route("/account/password", self.change_password, methods=["POST"])
        pages.add_api_route("/account/sessions/{session_id}/end", self.end_session, methods=["POST"])

    async def show(self, request: Request, principal: Asking) -> Response:
        """The account."""
        return await self._page(request, principal, None) if principal.kind == "user" else to_sign_in(request)

    async def change_password(
        self, request: Request, principal: Asking, current: Typed = "", new: Typed = ""
    ) -> Response:
        """Sets a new password; this browser stays signed in, others do not."""
        if principal.kind != "user":
            return to_sign_in(request)
        try:
            signed_in = await self._identity.change_password(principal, current, new, device=device_in(request))
        except SHOWN_AGAIN as error:
            return await self._page(request, principal, error)
        return self._changed(request, signed_in)

    async def end_session(self, request: Request, principal: Asking, session_id: UUID) -> Response:
        """Ends one session of one's own."""
        if principal.kind != "user":
            return to_sign_in(request)
        await self._identity.end_session(principal, session_id)
        response = see_other("/account")
        leave_flash(request, response, "ok", "The session has ended.")
        return response

    def _changed(self, request: Request, signed_in: SignedIn) -> Response:
        response = see_other("/account")
        life_s = self._identity.settings.session_absolute_s
        browser_of(request).open_session(request, response, signed_in.token, life_s)
        leave_flash(request, response, "ok", "Your password is changed, and your other sessions have ended.")
        return response

    async def _page(self, request: Request, principal: Principal, error: SeraiError | None) -> Response:
        _, member = await self._identity.account(principal)
        memberships = await self._identity.memberships(principal)
        sessions = await self._identity.sessions(principal, browser_of(request).session_token(request))
        return self._shell.render(
            request,
            "identity/account.html",
            status=error.status if error else 200,
            headers=retry_after(error),
            user=member,
            memberships=[
                {"organisation": one.organisation.name, "role": role_words(one.roles), "since": one.since}
                for one in memberships
            ],
            sessions=sessions,
            errors=_password_errors(error),
        )


class KeysPage:
    """/account/keys: the organisation's API keys."""

    def __init__(self, identity: Identity, shell: Shell) -> None:
        self._identity = identity
        self._shell = shell

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("/account/keys", self.show, methods=["GET"])
        pages.add_api_route("/account/keys", self.create, methods=["POST"])
        pages.add_api_route("/account/keys/{key_id}/revoke", self.revoke, methods=["POST"])

    async def show(self, request: Request, principal: Asking, cursor: str | None = None) -> Response:
        """A page of the keys."""
        if principal.kind == "guest":
            return to_sign_in(request)
        return await self._page(request, principal, cursor=cursor)

    async def create(self, request: Request, principal: Asking, name: Typed = "", role: Typed = "") -> Response:
        """Makes a key and shows its text on the page that answers, and never again."""
        refuse_without_manage(principal)
        try:
            made = await self._identity.create_key(principal, name=name, roles=(role,), life_days=None)
        except SHOWN_AGAIN as error:
            return await self._page(request, principal, typed=(name, role), error=error)
        return await self._page(request, principal, made=made)

    async def revoke(self, request: Request, principal: Asking, key_id: UUID) -> Response:
        """The key stops working."""
        refuse_without_manage(principal)
        await self._identity.revoke_key(principal, key_id)
        response = see_other("/account/keys")
        leave_flash(request, response, "ok", "The key is revoked.")
        return response

    async def _page(
        self,
        request: Request,
        principal: Principal,
        *,
        cursor: str | None = None,
        made: NewKey | None = None,
        typed: tuple[str, str] = ("", ""),
        error: SeraiError | None = None,
    ) -> Response:
        refuse_without_manage(principal)
        found = await self._identity.keys(principal, cursor_id(cursor), KEYS_SHOWN_MAX + 1)
        onward = next_cursor(found, KEYS_SHOWN_MAX)
        return self._shell.render(
            request,
            "identity/keys.html",
            status=error.status if error else 200,
            headers={"cache-control": "no-store"} if made else retry_after(error),
            keys=[_key_row(key) for key in found[:KEYS_SHOWN_MAX]],
            roles=_grantable(principal),
            new_secret={"name": made.key.name, "secret": made.text} if made else None,
            form={"name": typed[0], "role": typed[1], "errors": _key_errors(error)},
            previous="/account/keys" if cursor else None,
            next=f"/account/keys?cursor={onward}" if onward else None,
        )


def local_address(address: str) -> str:
    """An address of this site to go on to, or "": a sign-in must not end on a page of somebody else's choice."""
    local = address.startswith("/") and not address.startswith("//")
    plain = address.isascii() and address.isprintable() and "\\" not in address
    return address if local and plain and len(address) <= 2_000 else ""


def see_other(address: str) -> RedirectResponse:
    """Leads a form's browser on with GET."""
    return RedirectResponse(address, 303)


def refuse_without_manage(principal: Principal) -> None:
    """Raises Forbidden."""
    if not principal.may(MANAGE):
        raise Forbidden("Only those who manage the organisation see its API keys; ask one of its owners.")


def role_words(roles: tuple[str, ...]) -> str:
    """Roles for people: 'Manager, files:read'."""
    return ", ".join(ROLE_WORDS[role][0] if role in ROLE_WORDS else role for role in roles)


def retry_after(error: SeraiError | None) -> dict[str, str]:
    """The header that says when a retry helps."""
    return {"retry-after": str(error.retry_after_s)} if error and error.retry_after_s else {}


def _password_errors(error: SeraiError | None) -> dict[str, str]:
    if error is None:
        return {}
    if isinstance(error, Invalid):
        return {"new": error.message}
    wrong = isinstance(error, InvalidCredentials)
    return {"current": "This is not your current password." if wrong else error.message}


def _key_errors(error: SeraiError | None) -> dict[str, str]:
    if error is None:
        return {}
    return {found.field: found.message for found in error.errors} or {"name": error.message}


def _key_row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.hint,
        "role": role_words(key.roles),
        "created_by": key.created_by.partition(":")[0],
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "state": key.state,
    }


def _grantable(principal: Principal) -> list[dict[str, str]]:
    return [
        {"name": role, "title": title, "sentence": sentence}
        for role, (title, sentence) in ROLE_WORDS.items()
        if all(principal.may(allowed) for allowed in expand_roles((role,)))
    ]
