"""The use cases of identity: sign in and out, passwords, members, roles, keys. Each opens its own short transaction.

Passwords are hashed before a transaction opens. Whoever changes keys, roles or sessions makes this process forget what
it believed; other processes forget by themselves within `cache_life_s`.
"""

from dataclasses import dataclass
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.kernel.ids import uuid7
from serai.kernel.ports import Clock, Random
from serai.runtime.http.principal import Principal
from serai.runtime.passwords import Verdict
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.identity import store
from serai.systems.identity.api import IdentityApi
from serai.systems.identity.authenticator import Believed
from serai.systems.identity.credentials import new_token, parse_token
from serai.systems.identity.errors import (
    AlreadyMember,
    InvalidCredentials,
    KeyNotFound,
    LastOwner,
    NoOrganisation,
    RoleNotHeld,
    UserNotFound,
)
from serai.systems.identity.model import (
    KEY_LIFE_DAYS_MAX,
    ApiKey,
    Credentials,
    Member,
    Membership,
    NewKey,
    NewUser,
    Organisation,
    Session,
    SignedIn,
    checked_email,
    checked_password,
    checked_roles,
    expand_roles,
)
from serai.systems.identity.settings import IdentitySettings
from serai.systems.identity.throttle import Throttle


@dataclass(frozen=True, slots=True)
class SignIn:
    """What somebody who wants to sign in sends. `replaces` is the session token that the browser had before."""

    email: str
    password: str
    address: str
    device: str
    organisation: str | None = None
    replaces: str | None = None


class Identity:
    """The use cases."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        random: Random,
        api: IdentityApi,
        throttle: Throttle,
        believed: Believed,
        settings: IdentitySettings,
    ) -> None:
        self._database = database
        self._clock = clock
        self._random = random
        self._api = api
        self._throttle = throttle
        self._believed = believed
        self.settings = settings

    # Sessions

    async def sign_in(self, asked: SignIn) -> SignedIn:
        """A new session. Raises InvalidCredentials (alike for unknown users), TooManySignIns, NoOrganisation."""
        known, verdict = await self._checked(checked_email(asked.email), asked.password, asked.address)
        organisation = await self._entered(known.user, asked.organisation)
        async with self._database.transaction(organisation.id) as tx:
            if verdict.rehashed:
                await store.renew_hash(tx, known.user, verdict.rehashed)
            signed_in = await self._open_session(tx, known.user, organisation, asked.device, asked.address)
        if asked.replaces:
            await self.sign_out(asked.replaces)
        return signed_in

    async def sign_out(self, token: str) -> None:
        """Ends the session of this token, if there is one."""
        parsed = parse_token(token)
        if parsed is None:
            return
        async with self._database.transaction(parsed.tenant) as tx:
            await store.end_session(tx, parsed.digest)
        self._believed.forget_all()

    async def sign_out_everywhere(self, principal: Principal) -> None:
        """Ends every session of the user, in every organisation and browser."""
        async with self._database.transaction(principal.tenant) as tx:
            await store.end_all_sessions(tx, UUID(principal.id))
        self._believed.forget_all()

    async def change_password(self, principal: Principal, current: str, new: str, *, device: str) -> SignedIn:
        """Sets a new password, ends every session and opens one here. Raises InvalidCredentials, Invalid."""
        checked_password(new, "new_password")
        organisation, member = await self.account(principal)
        await self._checked(member.email, current, principal.address)
        password_hash = await self._api.hash_password(new)
        async with self._database.transaction(principal.tenant) as tx:
            await store.replace_password(tx, member.id, password_hash)
            signed_in = await self._open_session(tx, member.id, organisation, device, principal.address)
        self._believed.forget_all()
        return signed_in

    async def _checked(self, email: str, password: str, address: str) -> tuple[Credentials, Verdict]:
        """The credentials, proven. The same work is done whether or not somebody has this address."""
        self._throttle.admit(email, address)
        async with self._database.transaction(None) as tx:
            known = await store.credentials_of(tx, email)
        verdict = await self._api.verify_password(known, password)
        if known is None or not verdict.right:
            raise InvalidCredentials("The e-mail address or the password is wrong.")
        return known, verdict

    async def _entered(self, user: UUID, slug: str | None) -> Organisation:
        """The organisation that a session opens in: the one asked for, else the site's, else the oldest."""
        async with self._database.transaction(None) as tx:
            open_to = [membership.organisation for membership in await store.memberships_of(tx, user)]
        if slug is not None:
            open_to = [organisation for organisation in open_to if organisation.slug == slug]
        if not open_to:
            raise NoOrganisation(
                f"You are not a member of {slug!r}." if slug else "You are not a member of any organisation."
            )
        site = self._api.site_slug
        return next((organisation for organisation in open_to if organisation.slug == site), open_to[0])

    async def _open_session(
        self, tx: Transaction, user: UUID, organisation: Organisation, device: str, address: str
    ) -> SignedIn:
        token = new_token(organisation.id, self._random)
        parsed = parse_token(token)
        assert parsed is not None, "we read what we write"
        expires_at = await store.add_session(
            tx,
            digest=parsed.digest,
            session_id=uuid7(self._clock, self._random),
            user=user,
            device=device,
            address=address,
            absolute_s=self.settings.session_absolute_s,
        )
        await store.end_oldest_sessions(tx, user, self.settings.sessions_per_user_max)
        member = await store.member(tx, user)
        assert member is not None, "a session opens only where its user is a member"
        return SignedIn(token, member, organisation, expires_at)

    async def sessions(self, principal: Principal, token: str | None) -> list[Session]:
        """Where the user is signed in, in this organisation; `token` is of the browser that asks."""
        parsed = parse_token(token or "")
        async with self._database.transaction(principal.tenant) as tx:
            return await store.sessions(
                tx,
                UUID(principal.id),
                parsed.digest if parsed else b"",
                self.settings.session_idle_s,
                self.settings.sessions_per_user_max,
            )

    async def end_session(self, principal: Principal, session_id: UUID) -> None:
        """Ends one of the user's own sessions, if it still lives."""
        async with self._database.transaction(principal.tenant) as tx:
            await store.end_session_of(tx, UUID(principal.id), session_id)
        self._believed.forget_all()

    # Organisations and members

    async def account(self, principal: Principal) -> tuple[Organisation, Member]:
        """A signed-in user, and where. Raises UserNotFound when the membership has just ended."""
        async with self._database.transaction(principal.tenant) as tx:
            return await _organisation(tx), await _member(tx, UUID(principal.id))

    async def memberships(self, principal: Principal) -> list[Membership]:
        """Where a user is a member, the oldest first."""
        async with self._database.transaction(None) as tx:
            return await store.memberships_of(tx, UUID(principal.id))

    async def organisation(self, principal: Principal) -> Organisation:
        """Where the principal is."""
        async with self._database.transaction(principal.tenant) as tx:
            return await _organisation(tx)

    async def organisations(self, principal: Principal) -> list[Organisation]:
        """Where a user is a member; for keys and guests, the one place where they are."""
        async with self._database.transaction(principal.tenant) as tx:
            if principal.kind == "user":
                return [found.organisation for found in await store.memberships_of(tx, UUID(principal.id))]
            return [await _organisation(tx)]

    async def found_organisation(self, principal: Principal, slug: str, name: str) -> Organisation:
        """A new organisation whose owner the principal becomes. Raises RoleNotHeld for one who is no user."""
        if principal.kind != "user":
            raise RoleNotHeld("Only a signed-in user can create an organisation: it needs an owner.")
        async with self._database.transaction(self._api.new_tenant()) as tx:
            organisation = await self._api.create_organisation(tx, slug, name)
            await store.add_member(tx, UUID(principal.id), ("owner",))
        return organisation

    async def members(self, principal: Principal, after: UUID | None, limit: int) -> list[Member]:
        """A page of the organisation's members."""
        async with self._database.transaction(principal.tenant) as tx:
            return await store.members(tx, after, limit)

    async def add_member(
        self, principal: Principal, *, email: str, name: str, password: str, roles: tuple[str, ...]
    ) -> Member:
        """A new member; a person who exists elsewhere keeps their own password. Raises AlreadyMember, RoleNotHeld."""
        refuse_more_than_held(principal, checked_roles(roles))
        password_hash = await self._api.hash_password(password)
        async with self._database.transaction(principal.tenant) as tx:
            member, joined = await self._api.ensure_user(tx, NewUser(email, name, password_hash, roles))
        if not joined:
            raise AlreadyMember(f"{member.email} is a member already; change their roles instead.")
        return member

    async def set_roles(self, principal: Principal, user: UUID, roles: tuple[str, ...]) -> Member:
        """Replaces a member's roles. Raises UserNotFound, RoleNotHeld, LastOwner."""
        wanted = checked_roles(roles)
        refuse_more_than_held(principal, wanted)
        async with self._database.transaction(principal.tenant) as tx:
            await _refuse_demotion(tx, principal, user, wanted)
            await store.set_roles(tx, user, wanted)
            member = await _member(tx, user)
        self._believed.forget_all()
        return member

    async def remove_member(self, principal: Principal, user: UUID) -> None:
        """Ends a membership and with it the sessions here. Raises UserNotFound, RoleNotHeld, LastOwner."""
        async with self._database.transaction(principal.tenant) as tx:
            await _refuse_demotion(tx, principal, user, ())
            await store.remove_member(tx, user)
        self._believed.forget_all()

    # Keys

    async def keys(self, principal: Principal, after: UUID | None, limit: int) -> list[ApiKey]:
        """A page of the organisation's keys, the newest first."""
        async with self._database.transaction(principal.tenant) as tx:
            return await store.keys(tx, after, limit)

    async def create_key(
        self, principal: Principal, *, name: str, roles: tuple[str, ...], life_days: int | None
    ) -> NewKey:
        """A key with no more roles than the principal holds. Raises Invalid, RoleNotHeld, TooManyKeys."""
        wanted = checked_roles(roles)
        refuse_more_than_held(principal, wanted)
        if life_days is not None and not 1 <= life_days <= KEY_LIFE_DAYS_MAX:
            message = f"Give between 1 and {KEY_LIFE_DAYS_MAX} days, or none for a key without an end."
            raise Invalid.of("expires_in_days", "range", message)
        async with self._database.transaction(principal.tenant) as tx:
            return await self._api.create_key(
                tx, name=name, roles=wanted, created_by=principal.label, life_days=life_days
            )

    async def revoke_key(self, principal: Principal, key_id: UUID) -> None:
        """The key stops working: here at once, everywhere within `cache_life_s`. Raises KeyNotFound, RoleNotHeld."""
        async with self._database.transaction(principal.tenant) as tx:
            key = await store.key(tx, key_id)
            if key is None:
                raise KeyNotFound(f"There is no API key {key_id}.")
            refuse_more_than_held(principal, key.roles)
            await store.revoke_key(tx, key_id)
        self._believed.forget_all()


def refuse_more_than_held(principal: Principal, roles: tuple[str, ...]) -> None:
    """Raises RoleNotHeld if a role allows what the principal may not do: nobody raises themselves by a detour."""
    missing = sorted(allowed for allowed in expand_roles(roles) if not principal.may(allowed))
    if missing:
        raise RoleNotHeld(f"You do not hold {', '.join(missing)}, so you cannot give or take it.")


async def _refuse_demotion(tx: Transaction, principal: Principal, user: UUID, wanted: tuple[str, ...]) -> None:
    """Raises if the principal may not change this member's roles, or if no owner would remain."""
    held = await store.lock_roles(tx, user)
    if user not in held:
        raise UserNotFound(f"There is no member {user}.")
    refuse_more_than_held(principal, held[user])
    after = {**held, user: wanted}
    was_owned, is_owned = ("*" in expand_roles(held[user])), any("*" in expand_roles(roles) for roles in after.values())
    if was_owned and not is_owned:
        raise LastOwner("This is the only owner; make another member an owner first.")


async def _organisation(tx: Transaction) -> Organisation:
    organisation = await store.own_organisation(tx)
    assert organisation is not None, f"tenant {tx.owner} has no organisation"
    return organisation


async def _member(tx: Transaction, user: UUID) -> Member:
    member = await store.member(tx, user)
    if member is None:
        raise UserNotFound(f"There is no member {user}.")
    return member
