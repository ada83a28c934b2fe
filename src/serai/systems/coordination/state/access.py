"""The words of users, roles and permissions, as etcd's auth store has them.

Hashes of passwords and the secret of tokens come with the commands, since they need chance.
"""

from enum import IntEnum

import msgspec

from serai.systems.coordination.state.words import Word

ROOT = "root"
"""The user that authentication needs, and the role that may do everything."""


class Permit(IntEnum):
    """What a permission allows."""

    READ = 0
    WRITE = 1
    READWRITE = 2


class Permission(Word, frozen=True):
    """Keys from `key` to `range_end`, said as in Range."""

    permit: Permit
    key: bytes
    range_end: bytes = b""


class AuthEnable(Word, frozen=True, tag="auth_enable"):
    """From now on everybody must say who they are. `secret` signs tokens."""

    secret: bytes


class AuthDisable(Word, frozen=True, tag="auth_disable"):
    """From now on nobody is asked."""


class UserAdd(Word, frozen=True, tag="user_add"):
    """`password_hash` is empty for one who comes by a certificate."""

    name: str
    password_hash: str


class UserDelete(Word, frozen=True, tag="user_delete"):
    """Not root, while authentication is on."""

    name: str


class UserChangePassword(Word, frozen=True, tag="user_password"):
    """Another one."""

    name: str
    password_hash: str


class UserGrantRole(Word, frozen=True, tag="user_grant"):
    """One role more."""

    name: str
    role: str


class UserRevokeRole(Word, frozen=True, tag="user_revoke"):
    """One role less."""

    name: str
    role: str


class RoleAdd(Word, frozen=True, tag="role_add"):
    """Without permissions."""

    name: str


class RoleDelete(Word, frozen=True, tag="role_delete"):
    """Whoever has it has it no more."""

    name: str


class RoleGrant(Word, frozen=True, tag="role_grant"):
    """A permission; one for the same range is replaced."""

    name: str
    permission: Permission


class RoleRevoke(Word, frozen=True, tag="role_revoke"):
    """The permission for exactly this range."""

    name: str
    key: bytes
    range_end: bytes = b""


Management = (
    AuthEnable | AuthDisable | UserAdd | UserDelete | UserChangePassword | UserGrantRole | UserRevokeRole
    | RoleAdd | RoleDelete | RoleGrant | RoleRevoke
)  # fmt: skip


class AskAccess(Word, frozen=True, tag="ask_access"):
    """All of it, for whoever signs somebody in or shows users and roles."""


class User(Word, frozen=True):
    """Who may come, how, and with which roles."""

    password_hash: str
    roles: tuple[str, ...] = ()


class Access(Word, frozen=True, tag="access"):
    """The whole of it. `revision` rises with each change."""

    enabled: bool = False
    revision: int = 1
    secret: bytes = b""
    users: dict[str, User] = msgspec.field(default_factory=dict)
    roles: dict[str, tuple[Permission, ...]] = msgspec.field(default_factory=dict)

    def permissions(self, user: str) -> list[Permission]:
        """All that a user's roles allow."""
        known = self.users.get(user)
        return [one for role in (known.roles if known else ()) for one in self.roles.get(role, ())]

    def is_root(self, user: str) -> bool:
        """Whether everything is allowed."""
        known = self.users.get(user)
        return known is not None and ROOT in known.roles
