"""What other systems and the command line may use of identity. Write functions take the caller's transaction first."""

from uuid import UUID

from serai.kernel.errors import NotFound
from serai.kernel.ids import uuid7
from serai.kernel.ports import Clock, Random
from serai.runtime.passwords import Verdict
from serai.runtime.postgres.database import Database, Transaction
from serai.runtime.system import World
from serai.systems.identity import store
from serai.systems.identity.browser import (
    CsrfProtected,
    PageRoute,
    account_of,
    csrf_token,
    done,
    flashes_of,
    leave_flash,
    refused,
    settle,
)
from serai.systems.identity.credentials import key_hint, new_key, parse_key
from serai.systems.identity.errors import SiteMissing, TooManyKeys
from serai.systems.identity.model import (
    NAMED_ROLES,
    Credentials,
    Member,
    NewKey,
    NewUser,
    Organisation,
    checked_email,
    checked_name,
    checked_password,
    checked_roles,
    checked_slug,
)
from serai.systems.identity.passwords import Passwords
from serai.systems.identity.settings import IdentitySettings

__all__ = [
    "NAMED_ROLES",
    "CsrfProtected",
    "IdentityApi",
    "Member",
    "NewKey",
    "NewUser",
    "Organisation",
    "PageRoute",
    "account_of",
    "csrf_token",
    "demo_users_present",
    "done",
    "flashes_of",
    "leave_flash",
    "refused",
    "settle",
]

DAY_S = 86_400


async def demo_users_present(tx: Transaction) -> bool:
    """Whether anybody can sign in with a password that the demo printed: such a site listens on loopback only."""
    return bool(await store.demo_emails(tx))


async def tenant_of(world: World, slug: str | None) -> UUID:
    """The organisation that a command is about: the one named, else the site's. Raises NotFound."""
    asked = slug or world.settings.site_tenant
    async with world.database.transaction(None) as tx:
        organisation = await store.organisation_of(tx, checked_slug(asked))
    if organisation is None:
        raise NotFound(f"No organisation has the slug {asked!r}; `serai organisations create {asked}` makes it.")
    return organisation.id


class IdentityApi:
    """Organisations, users and keys, for those who build upon them. `World.need(IdentityApi)` finds it."""

    def __init__(
        self,
        *,
        clock: Clock,
        random: Random,
        database: Database,
        passwords: Passwords,
        settings: IdentitySettings,
        site_slug: str,
    ) -> None:
        self._clock = clock
        self._random = random
        self._database = database
        self._passwords = passwords
        self._settings = settings
        self.site_slug = site_slug
        self._site: UUID | None = None

    def new_tenant(self) -> UUID:
        """An id for an organisation to be made: open its transaction with it, then `create_organisation`."""
        return uuid7(self._clock, self._random)

    async def create_organisation(self, tx: Transaction, slug: str, name: str) -> Organisation:
        """The organisation of the transaction's tenant. Raises Invalid (slug, name), SlugTaken."""
        return await store.add_organisation(tx, checked_slug(slug), checked_name(name))

    async def organisation_of(self, slug: str) -> Organisation | None:
        """Whose slug this is; a transaction of its own, for any caller."""
        async with self._database.transaction(None) as tx:
            return await store.organisation_of(tx, checked_slug(slug))

    async def site_tenant(self) -> UUID:
        """The tenant whose site guests see. Asked once a process: slugs never change. Raises SiteMissing."""
        if self._site is None:
            organisation = await self.organisation_of(self.site_slug)
            if organisation is None:
                raise SiteMissing(
                    f"No organisation has the slug {self.site_slug!r}; create it, or set SERAI_SITE_TENANT to one "
                    "that exists."
                )
            self._site = organisation.id
        return self._site

    async def ensure_site(self, name: str) -> None:
        """The organisation whose site guests see; made at the first start, so that a fresh site can answer."""
        if await self.organisation_of(self.site_slug) is None:
            async with self._database.transaction(self.new_tenant()) as tx:
                await self.create_organisation(tx, self.site_slug, name)

    async def hash_password(self, password: str) -> str:
        """A hash for NewUser; before the transaction opens, since it takes tens of milliseconds. Raises Invalid."""
        return await self._passwords.hash(checked_password(password))

    async def verify_password(self, known: Credentials | None, password: str) -> Verdict:
        """Whether the password is right; for nobody (None) it never is, after the same work. Raises HashingBusy."""
        return await self._passwords.verify(known.password_hash if known else None, password)

    async def ensure_user(self, tx: Transaction, new: NewUser) -> tuple[Member, bool]:
        """The member with this e-mail address, and whether the membership is new.

        A person who exists keeps name and password, whoever asks: an organisation must not set the password of a
        member of another one. A membership that exists keeps its roles.
        """
        roles = checked_roles(new.roles)
        wanted = NewUser(checked_email(new.email), checked_name(new.name), new.password_hash, roles, new.demo)
        user, _ = await store.add_user(tx, uuid7(self._clock, self._random), wanted)
        joined = await store.add_member(tx, user, roles)
        member = await store.member(tx, user)
        assert member is not None, "the membership was written in this transaction"
        return member, joined

    async def create_key(
        self, tx: Transaction, *, name: str, roles: tuple[str, ...], created_by: str, life_days: int | None = None
    ) -> NewKey:
        """A key of the transaction's tenant; its text is known only now. Raises Invalid, TooManyKeys."""
        if await store.live_keys(tx) >= self._settings.keys_max:
            raise TooManyKeys(f"The organisation has {self._settings.keys_max} live API keys; revoke one first.")
        text = new_key(tx.owner, self._random)
        token = parse_key(text)
        assert token is not None and token.tenant == tx.owner, "we read what we write"
        key = await store.add_key(
            tx,
            key_id=uuid7(self._clock, self._random),
            digest=token.digest,
            hint=key_hint(text),
            name=checked_name(name),
            roles=checked_roles(roles),
            created_by=created_by,
            life_s=None if life_days is None else life_days * DAY_S,
        )
        return NewKey(key, text)
