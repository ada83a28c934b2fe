"""What each change of users and roles makes of them, or why it cannot be made. One short function a word.

It prevents a store that nobody can get into any more: root and its role stay while authentication is on.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from serai.systems.coordination.state.access import (
    ROOT,
    Access,
    AuthDisable,
    AuthEnable,
    Management,
    Permission,
    RoleAdd,
    RoleDelete,
    RoleGrant,
    RoleRevoke,
    User,
    UserAdd,
    UserChangePassword,
    UserDelete,
    UserGrantRole,
    UserRevokeRole,
)
from serai.systems.coordination.state.words import Fault

_replace = msgspec.structs.replace


def changed(access: Access, word: Management) -> Access | Fault:
    """What there is afterwards; the same object if nothing changes."""
    return _CHANGES[type(word)](access, word)


def _enable(access: Access, word: AuthEnable) -> Access | Fault:
    if access.enabled:
        return access
    if ROOT not in access.users:
        return Fault("coordination_root_user_missing")
    if not access.is_root(ROOT):
        return Fault("coordination_root_role_missing")
    return _replace(access, enabled=True, secret=word.secret)


def _disable(access: Access, word: AuthDisable) -> Access | Fault:
    return _replace(access, enabled=False) if access.enabled else access


# Users --------------------------------------------------------------------------------------------------------------


def _with_user(access: Access, name: str, user: User) -> Access:
    return _replace(access, users={**access.users, name: user})


def _add_user(access: Access, word: UserAdd) -> Access | Fault:
    if not word.name:
        return Fault("coordination_user_name_empty")
    if word.name in access.users:
        return Fault("coordination_user_exists", word.name)
    return _with_user(access, word.name, User(word.password_hash))


def _delete_user(access: Access, word: UserDelete) -> Access | Fault:
    if access.enabled and word.name == ROOT:
        return Fault("coordination_invalid_auth_management", "root is needed while authentication is on")
    if word.name not in access.users:
        return Fault("coordination_user_not_found", word.name)
    return _replace(access, users={name: user for name, user in access.users.items() if name != word.name})


def _change_password(access: Access, word: UserChangePassword) -> Access | Fault:
    known = access.users.get(word.name)
    if known is None:
        return Fault("coordination_user_not_found", word.name)
    return _with_user(access, word.name, User(word.password_hash, known.roles))


def _grant_role(access: Access, word: UserGrantRole) -> Access | Fault:
    known = access.users.get(word.name)
    if known is None:
        return Fault("coordination_user_not_found", word.name)
    if word.role not in access.roles and word.role != ROOT:
        return Fault("coordination_role_not_found", word.role)
    roles = tuple(sorted({*known.roles, word.role}))
    return access if roles == known.roles else _with_user(access, word.name, User(known.password_hash, roles))


def _revoke_role(access: Access, word: UserRevokeRole) -> Access | Fault:
    if access.enabled and word.name == word.role == ROOT:
        return Fault("coordination_invalid_auth_management", "root keeps its role while authentication is on")
    known = access.users.get(word.name)
    if known is None:
        return Fault("coordination_user_not_found", word.name)
    if word.role not in known.roles:
        return Fault("coordination_role_not_granted", word.role)
    roles = tuple([role for role in known.roles if role != word.role])
    return _with_user(access, word.name, User(known.password_hash, roles))


# Roles --------------------------------------------------------------------------------------------------------------


def _with_role(access: Access, name: str, permissions: tuple[Permission, ...]) -> Access:
    return _replace(access, roles={**access.roles, name: permissions})


def _add_role(access: Access, word: RoleAdd) -> Access | Fault:
    if not word.name:
        return Fault("coordination_role_empty")
    if word.name in access.roles:
        return Fault("coordination_role_exists", word.name)
    return _with_role(access, word.name, ())


def _delete_role(access: Access, word: RoleDelete) -> Access | Fault:
    if access.enabled and word.name == ROOT:
        return Fault("coordination_invalid_auth_management", "the role root is needed while authentication is on")
    if word.name not in access.roles:
        return Fault("coordination_role_not_found", word.name)
    users = {
        name: User(user.password_hash, tuple([role for role in user.roles if role != word.name]))
        for name, user in access.users.items()
    }
    roles = {name: held for name, held in access.roles.items() if name != word.name}
    return _replace(access, users=users, roles=roles)


def _grant(access: Access, word: RoleGrant) -> Access | Fault:
    held = access.roles.get(word.name)
    if held is None:
        return Fault("coordination_role_not_found", word.name)
    given = word.permission
    others = [one for one in held if (one.key, one.range_end) != (given.key, given.range_end)]
    return _with_role(access, word.name, tuple(sorted([*others, given], key=lambda one: (one.key, one.range_end))))


def _revoke(access: Access, word: RoleRevoke) -> Access | Fault:
    held = access.roles.get(word.name)
    if held is None:
        return Fault("coordination_role_not_found", word.name)
    rest = tuple([one for one in held if (one.key, one.range_end) != (word.key, word.range_end)])
    if len(rest) == len(held):
        return Fault("coordination_permission_not_granted")
    return _with_role(access, word.name, rest)


_CHANGES: dict[type, Callable[[Access, Any], Access | Fault]] = {
    AuthEnable: _enable,
    AuthDisable: _disable,
    UserAdd: _add_user,
    UserDelete: _delete_user,
    UserChangePassword: _change_password,
    UserGrantRole: _grant_role,
    UserRevokeRole: _revoke_role,
    RoleAdd: _add_role,
    RoleDelete: _delete_role,
    RoleGrant: _grant,
    RoleRevoke: _revoke,
}
