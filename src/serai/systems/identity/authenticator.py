"""Tells who a request comes from: an API key, a session cookie, or a guest of the site.

A key or session is believed for a few seconds after it was read, so that a busy key does not cost a query per request
and a revoked one stops working within those seconds, in every process, without any message between them.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

from fastapi import Request

from serai.kernel.ports import Clock
from serai.runtime.http.edge import client_address
from serai.runtime.http.principal import Principal
from serai.runtime.postgres.database import Database
from serai.systems.identity import store
from serai.systems.identity.browser import Browser
from serai.systems.identity.credentials import Token, parse_key, parse_token
from serai.systems.identity.errors import InvalidApiKey
from serai.systems.identity.model import expand_roles
from serai.systems.identity.settings import IdentitySettings
from serai.web.shell import Account

TOUCH_S = 60
"""How often at most the use of a key or session is written down."""

SiteTenant = Callable[[], Awaitable[UUID]]


@dataclass(frozen=True, slots=True)
class Known:
    """A credential's principal; for a session, also how the account menu shows its user."""

    principal: Principal
    account: Account | None = None


class Believed:
    """What is known, by the digest of their credential, for a short life; bounded, the oldest goes first."""

    def __init__(self, clock: Clock, *, life_s: float, entries_max: int) -> None:
        self._clock = clock
        self._life_s = life_s
        self._entries_max = entries_max
        self._entries: OrderedDict[bytes, tuple[Known, float]] = OrderedDict()

    def recall(self, digest: bytes) -> Known | None:
        """What is known, if it was read less than a life ago."""
        found = self._entries.get(digest)
        if found is None:
            return None
        known, ends_s = found
        if self._clock.monotonic() < ends_s:
            return known
        self._entries.pop(digest)
        return None

    def now_s(self) -> float:
        """To be asked before the row is read: a life counts from there."""
        return self._clock.monotonic()

    def believe(self, digest: bytes, known: Known, read_s: float) -> None:
        """Remembers what was read at `read_s`."""
        self._entries.pop(digest, None)
        self._entries[digest] = known, read_s + self._life_s
        while len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)

    def forget_all(self) -> None:
        """After a change of keys, roles or sessions in this process: it holds here at once."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


class Authenticator:
    """Implements `serai.runtime.http.principal.Authenticate`."""

    def __init__(
        self, database: Database, browser: Browser, believed: Believed, site: SiteTenant, settings: IdentitySettings
    ) -> None:
        self.browser = browser
        self._database = database
        self._believed = believed
        self._site = site
        self._settings = settings

    async def __call__(self, request: Request) -> Principal:
        """The principal. Raises InvalidApiKey, and CsrfFailed for an unsafe API call with a session cookie."""
        if header := request.headers.get("authorization"):
            return self._at(request, (await self._by_key(header)).principal)
        if text := self.browser.session_token(request):
            known = await self._by_session(text)
            if known is not None:
                if request.url.path.startswith("/api/"):
                    self.browser.refuse_forged_call(request)
                request.state.account = known.account
                return self._at(request, known.principal)
        address = client_address(request.scope)
        name = self.browser.guest_name(request) or f"address {address}"
        return Principal(await self._site(), "guest", name, address=address)

    def _at(self, request: Request, principal: Principal) -> Principal:
        return replace(principal, address=client_address(request.scope))

    async def _by_key(self, header: str) -> Known:
        scheme, _, text = header.partition(" ")
        token = parse_key(text.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise InvalidApiKey("Send 'Authorization: Bearer sk_serai_…', the whole text that was shown once.")
        known = self._believed.recall(token.digest) or await self._read_key(token)
        if known is None:
            raise InvalidApiKey("This API key does not exist, was revoked or has expired; create another one.")
        return known

    async def _read_key(self, token: Token) -> Known | None:
        read_s = self._believed.now_s()
        async with self._database.transaction(token.tenant) as tx:
            found = await store.live_key(tx, token.digest, TOUCH_S)
            if found is None:
                return None
            key, stale = found
            if stale:
                await store.touch_key(tx, key.id)
        principal = Principal(token.tenant, "key", str(key.id), key.name, expand_roles(key.roles))
        known = Known(principal)
        self._believed.believe(token.digest, known, read_s)
        return known

    async def _by_session(self, text: str) -> Known | None:
        token = parse_token(text)
        if token is None:
            return None
        return self._believed.recall(token.digest) or await self._read_session(token)

    async def _read_session(self, token: Token) -> Known | None:
        read_s = self._believed.now_s()
        async with self._database.transaction(token.tenant) as tx:
            found = await store.live_session(tx, token.digest, self._settings.session_idle_s, TOUCH_S)
            if found is None:
                return None
            member, organisation, stale = found
            if stale:
                await store.touch_session(tx, token.digest)
        principal = Principal(token.tenant, "user", str(member.id), member.name, expand_roles(member.roles))
        known = Known(principal, Account(member.name, member.email, organisation))
        self._believed.believe(token.digest, known, read_s)
        return known
