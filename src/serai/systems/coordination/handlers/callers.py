"""On whose behalf a call runs: by its token, else by the client's certificate."""

from serai.kernel.ports import Clock
from serai.runtime.grpc.calls import Call
from serai.systems.coordination.errors import InvalidToken, NoLeader, PermissionDenied, UserEmpty
from serai.systems.coordination.member import NOBODY, Caller, Member
from serai.systems.coordination.state.access import Access
from serai.systems.coordination.tokens import user_of

BEARER = "Bearer "


class Callers:
    """Knows callers. `certificates`: whether a client's certificate says who it is."""

    def __init__(self, member: Member, clock: Clock, *, certificates: bool) -> None:
        self._member = member
        self._clock = clock
        self._certificates = certificates

    def of(self, call: Call) -> Caller:
        """Who calls; NOBODY while authentication is off or if nothing says so. InvalidToken, NoLeader."""
        self.led(call)
        access = self._member.access
        if not access.enabled:
            return NOBODY
        user = self._named(call, access)
        return Caller(user, access.revision) if user else NOBODY

    def led(self, call: Call) -> None:
        """NoLeader, if the call wants a member that knows a leader."""
        if b"hasleader" in call.metadata and not self._member.leader:
            raise NoLeader

    def _named(self, call: Call, access: Access) -> str:
        token = call.metadata.get(b"token") or call.metadata.get(b"authorization")
        if token is not None:
            try:
                text = token.decode("ascii")
            except UnicodeDecodeError as error:
                raise InvalidToken from error
            return user_of(access, text.removeprefix(BEARER), self._clock.now().timestamp())
        return (call.common_name or "") if self._certificates else ""

    # Of what does not go through the state, the rights are looked at here --------------------------------------------

    def somebody(self, call: Call) -> Caller:
        """Anybody who has signed in, while authentication is on. UserEmpty."""
        caller = self.of(call)
        if self._member.access.enabled and not caller.user:
            raise UserEmpty
        return caller

    def root(self, call: Call) -> Caller:
        """Whoever may do everything. PermissionDenied."""
        caller = self.somebody(call)
        access = self._member.access
        if access.enabled and not access.is_root(caller.user):
            raise PermissionDenied(f"user {caller.user!r} is not root")
        return caller
