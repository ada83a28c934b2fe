"""Believable people for a first look: an organisation and three users, whose passwords everybody can read here.

So they exist only where nobody else can reach the site: elsewhere the demo makes the organisation without them, and a
site that has them refuses to start there (`demo_users_present`).
"""

from dataclasses import dataclass

from serai.runtime.postgres.database import Database
from serai.runtime.system import Progress
from serai.systems.identity import store
from serai.systems.identity.api import IdentityApi
from serai.systems.identity.model import NewUser

ORGANISATION_NAME = "Serai Demo"


@dataclass(frozen=True, slots=True)
class DemoUser:
    """Somebody who can sign in at once; `serai up` prints them."""

    email: str
    name: str
    password: str
    role: str


DEMO_USERS = (
    DemoUser("owner@demo.serai.example", "Olga Owner", "owner-of-the-demo", "owner"),
    DemoUser("manager@demo.serai.example", "Malik Manager", "manager-of-the-demo", "manager"),
    DemoUser("door@demo.serai.example", "Dora Door", "door-of-the-demo", "door-staff"),
)


class Demo:
    """Makes what is missing and leaves the rest as it is, so it may run daily."""

    def __init__(self, database: Database, api: IdentityApi, *, slug: str, with_users: bool) -> None:
        self._database = database
        self._api = api
        self._slug = slug
        self._with_users = with_users

    async def users(self) -> list[DemoUser]:
        """Those whose printed password still opens the site, for the sign-in page."""
        async with self._database.transaction(None) as tx:
            present = await store.demo_emails(tx)
        return [user for user in DEMO_USERS if user.email in present]

    async def load(self, progress: Progress) -> None:
        """The organisation, then its users one by one."""
        users = DEMO_USERS if self._with_users else ()
        progress("people", 0, len(users) + 1)
        organisation = await self._api.organisation_of(self._slug)
        tenant = organisation.id if organisation else self._api.new_tenant()
        if organisation is None:
            async with self._database.transaction(tenant) as tx:
                await self._api.create_organisation(tx, self._slug, ORGANISATION_NAME)
        for done, user in enumerate(users, 1):
            progress("people", done, len(users) + 1)
            hashed = await self._api.hash_password(user.password)
            async with self._database.transaction(tenant) as tx:
                await self._api.ensure_user(tx, NewUser(user.email, user.name, hashed, (user.role,), demo=True))
        progress("people", len(users) + 1, len(users) + 1)
