"""Auth: users, roles, permissions, sign-in.

Passwords are hashed here, off the event loop, since that needs chance and time; rights are checked in the state.
"""

from typing import Any

from serai.protocols.etcd.messages import rpc
from serai.runtime.grpc.calls import Call
from serai.systems.coordination.errors import (
    AuthFailed,
    AuthNotEnabled,
    InvalidAuthManagement,
    NotCapable,
    PermissionDenied,
    PermissionNotGiven,
    RoleNotFound,
    UserNameEmpty,
    UserNotFound,
)
from serai.systems.coordination.handlers.family import Family
from serai.systems.coordination.member import Caller
from serai.systems.coordination.state import access as words
from serai.systems.coordination.state.access import Access, AskAccess, Management
from serai.systems.coordination.tokens import SECRET_BYTES, issue

EVERYTHING = (words.Permission(words.Permit.READWRITE, b"", b"\0"),)
"""What the role root may, whatever was granted to it."""


class Auth(Family):
    """Users and roles."""

    async def _manage(self, word: Management, call: Call, kind: Any) -> Any:
        outcome = await self._member.propose(word, self._callers.of(call))
        return self._answer(kind, outcome.revision)

    async def _access(self) -> Access:
        """As of now, not as of what this member has."""
        outcome = await self._member.read(AskAccess())
        assert isinstance(outcome.result, Access), "the question's answer"
        return outcome.result

    def _seen_by(self, caller: Caller, access: Access, *, allowed: bool) -> None:
        if access.enabled and not access.is_root(caller.user) and not allowed:
            raise PermissionDenied(f"user {caller.user!r}")

    # Whether it counts ------------------------------------------------------------------------------------------------

    async def auth_enable(self, request: Any, call: Call) -> Any:
        """From now on everybody must sign in."""
        secret = self._context.random.token(SECRET_BYTES)
        return await self._manage(words.AuthEnable(secret), call, rpc.AuthEnableResponse)

    async def auth_disable(self, request: Any, call: Call) -> Any:
        """From now on nobody must."""
        return await self._manage(words.AuthDisable(), call, rpc.AuthDisableResponse)

    async def auth_status(self, request: Any, call: Call) -> Any:
        """Whether everybody must; anybody may ask."""
        access = await self._access()
        answer = self._answer(rpc.AuthStatusResponse)
        answer.enabled, answer.authRevision = access.enabled, access.revision
        return answer

    async def authenticate(self, request: Any, call: Call) -> Any:
        """A token for a name and its password. AuthNotEnabled, AuthFailed."""
        access = await self._access()
        if not access.enabled:
            raise AuthNotEnabled
        known = access.users.get(request.name)
        verdict = await self._context.passwords.verify(known.password_hash if known else None, request.password)
        if known is None or not known.password_hash or not verdict.right:
            raise AuthFailed
        ends_at_s = int(self._context.clock.now().timestamp()) + self._context.settings.token_ttl_s
        answer = self._answer(rpc.AuthenticateResponse)
        answer.token = issue(access, request.name, ends_at_s)
        return answer

    # Users ------------------------------------------------------------------------------------------------------------

    async def user_add(self, request: Any, call: Call) -> Any:
        """One more; without a password for one who comes by a certificate."""
        if not request.name:
            raise UserNameEmpty
        hashed = "" if request.options.no_password else await self._hashed(request)
        return await self._manage(words.UserAdd(request.name, hashed), call, rpc.AuthUserAddResponse)

    async def _hashed(self, request: Any) -> str:
        if request.hashedPassword and not request.password:
            raise NotCapable("passwords are hashed here; send the password over TLS")
        return await self._context.passwords.hash(request.password)

    async def user_get(self, request: Any, call: Call) -> Any:
        """A user's roles: for root, and for the user."""
        caller = self._callers.somebody(call)
        access = await self._access()
        self._seen_by(caller, access, allowed=caller.user == request.name)
        known = access.users.get(request.name)
        if known is None:
            raise UserNotFound(f"there is no user {request.name!r}")
        answer = self._answer(rpc.AuthUserGetResponse)
        answer.roles.extend(known.roles)
        return answer

    async def user_list(self, request: Any, call: Call) -> Any:
        """All names, for root."""
        caller = self._callers.somebody(call)
        access = await self._access()
        self._seen_by(caller, access, allowed=False)
        answer = self._answer(rpc.AuthUserListResponse)
        answer.users.extend(sorted(access.users))
        return answer

    async def user_delete(self, request: Any, call: Call) -> Any:
        """One less."""
        return await self._manage(words.UserDelete(request.name), call, rpc.AuthUserDeleteResponse)

    async def user_change_password(self, request: Any, call: Call) -> Any:
        """Another one. Who came without a password goes on without."""
        known = self._member.access.users.get(request.name)
        without = known is not None and not known.password_hash
        hashed = "" if without else await self._hashed(request)
        word = words.UserChangePassword(request.name, hashed)
        return await self._manage(word, call, rpc.AuthUserChangePasswordResponse)

    async def user_grant_role(self, request: Any, call: Call) -> Any:
        """One role more."""
        return await self._manage(words.UserGrantRole(request.user, request.role), call, rpc.AuthUserGrantRoleResponse)

    async def user_revoke_role(self, request: Any, call: Call) -> Any:
        """One role less."""
        word = words.UserRevokeRole(request.name, request.role)
        return await self._manage(word, call, rpc.AuthUserRevokeRoleResponse)

    # Roles ------------------------------------------------------------------------------------------------------------

    async def role_add(self, request: Any, call: Call) -> Any:
        """One more, without permissions."""
        return await self._manage(words.RoleAdd(request.name), call, rpc.AuthRoleAddResponse)

    async def role_get(self, request: Any, call: Call) -> Any:
        """A role's permissions: for root, and for whoever has it."""
        caller = self._callers.somebody(call)
        access = await self._access()
        mine = access.users.get(caller.user)
        self._seen_by(caller, access, allowed=mine is not None and request.role in mine.roles)
        held = access.roles.get(request.role)
        if held is None:
            raise RoleNotFound(f"there is no role {request.role!r}")
        answer = self._answer(rpc.AuthRoleGetResponse)
        for one in EVERYTHING if request.role == words.ROOT else held:
            answer.perm.add(permType=one.permit, key=one.key, range_end=one.range_end)
        return answer

    async def role_list(self, request: Any, call: Call) -> Any:
        """All names, for root."""
        caller = self._callers.somebody(call)
        access = await self._access()
        self._seen_by(caller, access, allowed=False)
        answer = self._answer(rpc.AuthRoleListResponse)
        answer.roles.extend(sorted(access.roles))
        return answer

    async def role_delete(self, request: Any, call: Call) -> Any:
        """One less."""
        return await self._manage(words.RoleDelete(request.role), call, rpc.AuthRoleDeleteResponse)

    async def role_grant_permission(self, request: Any, call: Call) -> Any:
        """One permission more. PermissionNotGiven, InvalidAuthManagement for a range that ends before it begins."""
        if not request.HasField("perm") or request.perm.permType not in set(words.Permit):
            raise PermissionNotGiven
        given = request.perm
        if given.range_end not in (b"", b"\x00") and given.range_end <= given.key:
            raise InvalidAuthManagement(f"the range from {given.key!r} ends at {given.range_end!r}")
        permission = words.Permission(words.Permit(given.permType), given.key, given.range_end)
        word = words.RoleGrant(request.name, permission)
        return await self._manage(word, call, rpc.AuthRoleGrantPermissionResponse)

    async def role_revoke_permission(self, request: Any, call: Call) -> Any:
        """One permission less."""
        word = words.RoleRevoke(request.role, request.key, request.range_end)
        return await self._manage(word, call, rpc.AuthRoleRevokePermissionResponse)
