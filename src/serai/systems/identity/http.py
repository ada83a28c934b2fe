"""The JSON API of identity, under /api/identity/v1."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from serai.kernel.errors import Invalid, Unauthenticated
from serai.runtime.http.edge import client_address
from serai.runtime.http.models import PAGE_MAX, Instant, Model, Page
from serai.runtime.http.principal import Asking, Principal, Requires
from serai.runtime.http.routing import Router
from serai.systems.identity import model
from serai.systems.identity.browser import browser_of, device_in
from serai.systems.identity.service import Identity, SignIn

PREFIX = "/api/identity/v1"
MANAGE = "identity:manage"

Managing = Annotated[Principal, Depends(Requires(MANAGE))]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, Query(max_length=100)]
Text = Annotated[str, Field(max_length=1_000)]
"""Any text of a request; what it may be is decided, and said, in model.py."""

Roles = Annotated[list[Text], Field(min_length=1, max_length=model.ROLES_MAX)]


class OrganisationView(Model):
    """An organisation."""

    id: UUID
    slug: str
    name: str

    @classmethod
    def of(cls, organisation: model.Organisation) -> "OrganisationView":
        """As JSON shows it."""
        return cls(id=organisation.id, slug=organisation.slug, name=organisation.name)


class UserView(Model):
    """A member of the organisation."""

    id: UUID
    email: str
    name: str
    roles: list[str]
    created_at: Instant

    @classmethod
    def of(cls, member: model.Member) -> "UserView":
        """As JSON shows it."""
        return cls(
            id=member.id, email=member.email, name=member.name, roles=list(member.roles), created_at=member.created_at
        )


class KeyView(Model):
    """An API key without its secret."""

    id: UUID
    hint: str
    name: str
    roles: list[str]
    created_by: str
    created_at: Instant
    last_used_at: Instant | None
    expires_at: Instant | None
    revoked_at: Instant | None
    state: str

    @classmethod
    def of(cls, key: model.ApiKey) -> "KeyView":
        """As JSON shows it."""
        return cls(
            id=key.id,
            hint=key.hint,
            name=key.name,
            roles=list(key.roles),
            created_by=key.created_by,
            created_at=key.created_at,
            last_used_at=key.last_used_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            state=key.state,
        )


class SessionView(Model):
    """A session that was just opened; its token travels in the cookie only."""

    user: UserView
    organisation: OrganisationView
    expires_at: Instant
    csrf_token: str


class MeView(Model):
    """Who asks. A guest has neither id nor name."""

    kind: Literal["guest", "user", "key"]
    id: str | None
    name: str | None
    email: str | None
    roles: list[str]
    organisation: OrganisationView


class SignInRequest(Model):
    """`organisation` is a slug; without it the session opens at the site's own, else where the user was first."""

    email: Text
    password: Text
    organisation: Annotated[str, Field(max_length=63)] | None = None


class NewPasswordRequest(Model):
    """A change of one's own password."""

    current_password: Text
    new_password: Text


class NewKeyRequest(Model):
    """A key to be made. Without `expires_in_days` it lives until it is revoked."""

    name: Text
    roles: Roles
    expires_in_days: Annotated[int, Field(ge=1, le=model.KEY_LIFE_DAYS_MAX)] | None = None


class NewKeyView(Model):
    """A key and, this once, its text."""

    key: KeyView
    secret: str


class NewUserRequest(Model):
    """A member to be made. Somebody who has an account elsewhere joins with the password they have."""

    email: Text
    name: Text
    password: Text
    roles: Roles


class RolesRequest(Model):
    """A member's roles from now on."""

    roles: Roles


class NewOrganisationRequest(Model):
    """An organisation to be made; its maker becomes the owner."""

    slug: Text
    name: Text


def routers(identity: Identity) -> list[APIRouter]:
    """The API's routes."""
    api = Router(prefix=PREFIX, tags=["identity"])
    Sessions(identity).add_to(api)
    Keys(identity).add_to(api)
    Users(identity).add_to(api)
    Organisations(identity).add_to(api)
    return [api]


class Sessions:
    """Signing in and out, and who one is."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def add_to(self, api: APIRouter) -> None:
        """Adds the routes."""
        api.add_api_route("/sessions", self.sign_in, methods=["POST"], summary="Sign in", status_code=201)
        api.add_api_route(
            "/sessions/current", self.sign_out, methods=["DELETE"], summary="Sign out here", status_code=204
        )
        api.add_api_route(
            "/sessions", self.sign_out_everywhere, methods=["DELETE"], summary="Sign out everywhere", status_code=204
        )
        api.add_api_route("/me", self.me, methods=["GET"], summary="Who asks, and what they may do")
        api.add_api_route("/me/password", self.change_password, methods=["PUT"], summary="Change one's own password")

    async def sign_in(self, request: Request, response: Response, body: SignInRequest) -> SessionView:
        """Opens a session; its token is in an HttpOnly cookie. 401 `invalid_credentials`, 429 `too_many_sign_ins`."""
        browser = browser_of(request)
        browser.refuse_foreign_call(request)
        signed_in = await self._identity.sign_in(
            SignIn(
                email=body.email,
                password=body.password,
                address=client_address(request.scope),
                device=device_in(request),
                organisation=body.organisation,
                replaces=browser.session_token(request),
            )
        )
        return self._opened(request, response, signed_in)

    async def sign_out(self, request: Request, response: Response, principal: Asking) -> None:
        """Ends this browser's session, if it has one."""
        browser = browser_of(request)
        token = browser.session_token(request)
        if token and principal.kind == "user":
            await self._identity.sign_out(token)
        browser.close_session(request, response)

    async def sign_out_everywhere(self, request: Request, response: Response, principal: Asking) -> None:
        """Ends every session of the user, in every browser and organisation."""
        await self._identity.sign_out_everywhere(signed_in_user(principal))
        browser_of(request).close_session(request, response)

    async def me(self, principal: Asking) -> MeView:
        """Who asks, and what they may do."""
        email = None
        if principal.kind == "user":
            organisation, member = await self._identity.account(principal)
            email = member.email
        else:
            organisation = await self._identity.organisation(principal)
        known = principal.kind != "guest"
        return MeView.model_validate(
            {
                "kind": principal.kind,
                "id": principal.id if known else None,
                "name": principal.name if known else None,
                "email": email,
                "roles": sorted(principal.roles),
                "organisation": OrganisationView.of(organisation),
            }
        )

    async def change_password(
        self, request: Request, response: Response, principal: Asking, body: NewPasswordRequest
    ) -> SessionView:
        """Sets a new password and ends all other sessions. 401 `invalid_credentials` for a wrong current one."""
        signed_in = await self._identity.change_password(
            signed_in_user(principal), body.current_password, body.new_password, device=device_in(request)
        )
        return self._opened(request, response, signed_in)

    def _opened(self, request: Request, response: Response, signed_in: model.SignedIn) -> SessionView:
        browser = browser_of(request)
        browser.open_session(request, response, signed_in.token, self._identity.settings.session_absolute_s)
        response.headers["Cache-Control"] = "no-store"
        return SessionView(
            user=UserView.of(signed_in.member),
            organisation=OrganisationView.of(signed_in.organisation),
            expires_at=signed_in.expires_at,
            csrf_token=browser.csrf_token_for(signed_in.token),
        )


class Keys:
    """API keys of the organisation (role identity:manage)."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def add_to(self, api: APIRouter) -> None:
        """Adds the routes."""
        api.add_api_route("/keys", self.page, methods=["GET"], summary="API keys, newest first")
        api.add_api_route("/keys", self.create, methods=["POST"], summary="Make an API key", status_code=201)
        api.add_api_route(
            "/keys/{key_id}", self.revoke, methods=["DELETE"], summary="Revoke an API key", status_code=204
        )

    async def page(self, principal: Managing, limit: Limit = 50, cursor: Cursor = None) -> Page[KeyView]:
        """Keys, the newest first; revoked ones stay listed."""
        found = await self._identity.keys(principal, cursor_id(cursor), limit + 1)
        return Page(items=[KeyView.of(key) for key in found[:limit]], next_cursor=next_cursor(found, limit))

    async def create(self, response: Response, principal: Managing, body: NewKeyRequest) -> NewKeyView:
        """Makes a key. `secret` is shown this once; send it as 'Authorization: Bearer'."""
        made = await self._identity.create_key(
            principal, name=body.name, roles=tuple(body.roles), life_days=body.expires_in_days
        )
        response.headers["Cache-Control"] = "no-store"
        return NewKeyView(key=KeyView.of(made.key), secret=made.text)

    async def revoke(self, principal: Managing, key_id: UUID) -> None:
        """The key stops working within five seconds."""
        await self._identity.revoke_key(principal, key_id)


class Users:
    """Members of the organisation (role identity:manage)."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def add_to(self, api: APIRouter) -> None:
        """Adds the routes."""
        api.add_api_route("/users", self.page, methods=["GET"], summary="Members of the organisation")
        api.add_api_route("/users", self.create, methods=["POST"], summary="Add a member", status_code=201)
        api.add_api_route("/users/{user_id}/roles", self.set_roles, methods=["PUT"], summary="Replace a member's roles")
        api.add_api_route(
            "/users/{user_id}", self.remove, methods=["DELETE"], summary="End a membership", status_code=204
        )

    async def page(self, principal: Managing, limit: Limit = 50, cursor: Cursor = None) -> Page[UserView]:
        """Members, by id."""
        found = await self._identity.members(principal, cursor_id(cursor), limit + 1)
        return Page(items=[UserView.of(member) for member in found[:limit]], next_cursor=next_cursor(found, limit))

    async def create(self, principal: Managing, body: NewUserRequest) -> UserView:
        """Makes a member. 409 `already_member`, 403 `role_not_held`."""
        member = await self._identity.add_member(
            principal, email=body.email, name=body.name, password=body.password, roles=tuple(body.roles)
        )
        return UserView.of(member)

    async def set_roles(self, principal: Managing, user_id: UUID, body: RolesRequest) -> UserView:
        """Replaces a member's roles. 409 `last_owner`, 403 `role_not_held`."""
        return UserView.of(await self._identity.set_roles(principal, user_id, tuple(body.roles)))

    async def remove(self, principal: Managing, user_id: UUID) -> None:
        """Ends a membership; the person's account elsewhere stays."""
        await self._identity.remove_member(principal, user_id)


class Organisations:
    """Organisations of the one who asks."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def add_to(self, api: APIRouter) -> None:
        """Adds the routes."""
        api.add_api_route("/organisations", self.page, methods=["GET"], summary="Organisations of whoever asks")
        api.add_api_route(
            "/organisations", self.create, methods=["POST"], summary="Found an organisation", status_code=201
        )

    async def page(self, principal: Asking) -> Page[OrganisationView]:
        """Where the user is a member; for a key or a guest, where it is. One page: memberships are few."""
        found = await self._identity.organisations(principal)
        return Page(items=[OrganisationView.of(organisation) for organisation in found], next_cursor=None)

    async def create(self, principal: Asking, body: NewOrganisationRequest) -> OrganisationView:
        """Makes an organisation; the signed-in user becomes its owner. 409 `slug_taken`."""
        organisation = await self._identity.found_organisation(signed_in_user(principal), body.slug, body.name)
        return OrganisationView.of(organisation)


def signed_in_user(principal: Principal) -> Principal:
    """The principal, if it is a person; raises Unauthenticated for guests and keys."""
    if principal.kind != "user":
        raise Unauthenticated("This is for a signed-in user; POST /api/identity/v1/sessions first.")
    return principal


def cursor_id(cursor: str | None) -> UUID | None:
    """The id that a cursor names. Raises Invalid."""
    if cursor is None:
        return None
    try:
        return UUID(cursor)
    except ValueError:
        raise Invalid.of("cursor", "malformed", "Send the next_cursor of the page before, unchanged.") from None


def next_cursor(found: list[Any], limit: int) -> str | None:
    """The cursor behind a page for which one item more than `limit` was asked."""
    return str(found[limit - 1].id) if len(found) > limit else None
