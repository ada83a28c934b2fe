"""Who may do what: checked where a command is applied, not where it is taken in.

It prevents a right that was taken away from being used by a command that was on its way: every caller says by which
revision of the rights it was let in, and another one is refused.
"""

import msgspec

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.access import Access, AskAccess, AuthEnable, Management, Permission, Permit
from serai.systems.coordination.state.buffered import Buffered
from serai.systems.coordination.state.managing import changed
from serai.systems.coordination.state.words import DeleteRange, Fault, ListMembers, Nothing, Put, Range, Txn

_STATE = layout.only("access")


class Door:
    """Who may do what, now."""

    def __init__(self, records: Buffered) -> None:
        self._records = records
        self.access = Access()

    def reload(self) -> None:
        """Knows what the map says."""
        record = self._records.get(_STATE)
        self.access = msgspec.msgpack.decode(record, type=Access) if record else Access()

    # Asking -----------------------------------------------------------------------------------------------------------

    def refusal(self, user: str, auth_revision: int, word: object) -> Fault | None:
        """Why this caller may not do this, or None."""
        access = self.access
        if not access.enabled or isinstance(word, AskAccess | ListMembers):  # asked before anybody has signed in
            return None
        if not user:
            return Fault("coordination_user_empty")
        if auth_revision < access.revision:
            return Fault("coordination_auth_old_revision", f"revision {auth_revision}; now {access.revision}")
        if user not in access.users:
            return Fault("coordination_permission_denied", f"there is no user {user!r}")
        if access.is_root(user):
            return None
        allowed = _may(access.permissions(user), word)
        return None if allowed else Fault("coordination_permission_denied", f"user {user!r}")

    def may_end(self, user: str, keys: list[bytes]) -> bool:
        """Whether a lease with these keys may be revoked, or another key be attached to it."""
        access = self.access
        if not access.enabled or access.is_root(user):
            return True
        mine = access.permissions(user)
        return all(_covered(mine, Permit.WRITE, key, b"") for key in keys)

    # Changing ---------------------------------------------------------------------------------------------------------

    def manage(self, word: Management) -> Nothing | Fault:
        """Changes users, roles or whether they count."""
        before = self.access
        after = changed(before, word)
        if isinstance(after, Fault):
            return after
        if after is not before:
            # Nobody has signed in before it: to enable is no change of rights, and etcd does not count it.
            self.access = msgspec.structs.replace(after, revision=before.revision + (type(word) is not AuthEnable))
            self._records.replace(_STATE, msgspec.msgpack.encode(self.access))
        return Nothing()


def _may(mine: list[Permission], word: object) -> bool:
    match word:
        case Range(key, range_end):
            return _covered(mine, Permit.READ, key, range_end)
        case Put(key):
            reads = not word.prev_kv or _covered(mine, Permit.READ, key, b"")
            return reads and _covered(mine, Permit.WRITE, key, b"")
        case DeleteRange(key, range_end):
            reads = not word.prev_kv or _covered(mine, Permit.READ, key, range_end)
            return reads and _covered(mine, Permit.WRITE, key, range_end)
        case Txn():
            asks = all(_covered(mine, Permit.READ, one.key, one.range_end) for one in word.compare)
            return asks and all(_may(mine, one) for one in (*word.success, *word.failure))
    return type(word).__name__ in _FOR_EVERY_USER


_FOR_EVERY_USER = frozenset(("Compact", "Grant", "Revoke", "GetLease", "ListLeases", "Watching"))
"""By their names: what any user who has signed in may do. All else that is not about keys is root's."""


def _covered(mine: list[Permission], wanted: Permit, key: bytes, range_end: bytes) -> bool:
    """Whether the permissions together cover the range: side by side they count as one."""
    first, end = layout.bounds(key, range_end)
    fitting = sorted(layout.bounds(one.key, one.range_end) for one in mine if one.permit in (wanted, Permit.READWRITE))
    for low, high in fitting:
        if low > first:
            return False
        if not high:
            return True
        first = max(first, high)
        if end and first >= end:
            return True
    return False
