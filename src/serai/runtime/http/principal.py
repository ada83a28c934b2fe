"""Who is asking. The port that identity implements and the application wires; routes depend on it by name."""

from dataclasses import dataclass, field
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import Depends, Request

from serai.kernel.errors import Forbidden, Unauthenticated
from serai.runtime.http.edge import is_loopback


@dataclass(frozen=True, slots=True)
class Principal:
    """The one on whose behalf a request runs, and the tenant it runs in."""

    tenant: UUID
    kind: str
    """'guest', 'user' or 'key'."""
    id: str
    """A stable name within the kind: the guest cookie's value, a user's id, a key's id."""
    name: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    address: str = ""

    def may(self, role: str) -> bool:
        """Whether it has the role: itself, its system's wildcard ('cinema:*'), or all ('*')."""
        return bool(self.roles & {role, f"{role.partition(':')[0]}:*", "*"})

    @property
    def label(self) -> str:
        """How audit lines name it: 'user:0192…'."""
        return f"{self.kind}:{self.id}"


ADDRESS_FACTOR = 5
"""How many guests may stand behind one address that sends no cookie."""


def limit_of(principal: Principal, each_max: int) -> int | None:
    """How many live things one caller may have where a guest may have `each_max`; None: as many as it likes.

    Limits count by cookie. A bare address may stand for many people, and this machine's own for a test.
    """
    by_address = principal.kind == "guest" and principal.id.startswith("address ")
    if principal.kind == "key" or (by_address and is_loopback(principal.address)):
        return None
    return each_max * (ADDRESS_FACTOR if by_address else 1)


class Authenticate(Protocol):
    """Tells who a request comes from; raises Unauthenticated for a credential that is wrong."""

    async def __call__(self, request: Request) -> Principal:
        """The principal: a guest of the site if the request carries no credential."""


async def current_principal(request: Request) -> Principal:
    """The principal of this request, found once."""
    if (known := getattr(request.state, "principal", None)) is not None:
        assert isinstance(known, Principal)
        return known
    authenticate: Authenticate = request.app.state.authenticate
    request.state.principal = principal = await authenticate(request)
    return principal


Asking = Annotated[Principal, Depends(current_principal)]
"""`principal: Asking` in a route's signature."""


class Requires:
    """`Depends(Requires("cinema:manage"))`: 401 for a guest, 403 for a user without the role."""

    def __init__(self, role: str) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Principal:
        """The principal, if it may."""
        principal = await current_principal(request)
        if principal.may(self.role):
            return principal
        if principal.kind == "guest":
            raise Unauthenticated(f"This needs the role {self.role}; sign in, or send an API key as a bearer token.")
        raise Forbidden(f"{principal.name or principal.id} does not have the role {self.role}.")
