"""The words of coordination: what clients ask, what goes into the log, what comes back. Frozen values.

The meaning of every field is that of etcd's v3 API (rpc.proto); `protocols/etcd` turns wire messages into these and
back. Whatever needs a clock or chance (a lease's id, a password's hash) is decided before a command is proposed, so
that every member that applies it comes to the same state.

    Range, Put, DeleteRange, Txn, Compact        keys
    Grant, Revoke, Checkpoint                    leases
    RaiseAlarm, ClearAlarm                       what keeps a member from taking writes
    AddMember, UpdateMember, RemoveMember        who belongs to the cluster, beside the group's own configuration
    (users and roles: `access.py`)
"""

from enum import IntEnum

import msgspec


class Word(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The root of all words: a frozen value that MessagePack carries as an array."""


class KeyValue(Word, frozen=True):
    """A key as of one revision. `version` counts its changes since it was created; `lease` is 0 without one."""

    key: bytes
    create_revision: int
    mod_revision: int
    version: int
    value: bytes
    lease: int = 0


class EventKind(IntEnum):
    """What became of a key."""

    PUT = 0
    DELETE = 1


class KeyEvent(Word, frozen=True):
    """One change. Of a delete, `kv` has the key and the revision alone. `prev` is kept where it is still known."""

    kind: EventKind
    kv: KeyValue
    prev: KeyValue | None = None


# Keys ---------------------------------------------------------------------------------------------------------------


class Order(IntEnum):
    """How a range is sorted."""

    NONE = 0
    ASCEND = 1
    DESCEND = 2


class Field(IntEnum):
    """By what a range is sorted."""

    KEY = 0
    VERSION = 1
    CREATE = 2
    MOD = 3
    VALUE = 4


class Range(Word, frozen=True, tag="range"):
    """Keys from `key` to `range_end`: empty, that key alone; b"\\0", all from `key` on. `revision` 0: the newest."""

    key: bytes
    range_end: bytes = b""
    limit: int = 0
    revision: int = 0
    order: Order = Order.NONE
    sort_by: Field = Field.KEY
    keys_only: bool = False
    count_only: bool = False
    mod_min: int = 0
    mod_max: int = 0
    create_min: int = 0
    create_max: int = 0


class Put(Word, frozen=True, tag="put"):
    """Sets a key. ignore_value and ignore_lease keep what it has; then it must exist."""

    key: bytes
    value: bytes = b""
    lease: int = 0
    prev_kv: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False


class DeleteRange(Word, frozen=True, tag="delete"):
    """Deletes keys; the range is said as in Range."""

    key: bytes
    range_end: bytes = b""
    prev_kv: bool = False


class Target(IntEnum):
    """What of a key is compared."""

    VERSION = 0
    CREATE = 1
    MOD = 2
    VALUE = 3
    LEASE = 4


class Relation(IntEnum):
    """How it must compare."""

    EQUAL = 0
    GREATER = 1
    LESS = 2
    NOT_EQUAL = 3


class Compare(Word, frozen=True):
    """A condition on one key or, with range_end, on every key of a range. A key that is not there counts as all zero;
    its value compares as false."""

    key: bytes
    relation: Relation
    target: Target
    number: int = 0
    value: bytes = b""
    range_end: bytes = b""


class Txn(Word, frozen=True, tag="txn"):
    """If all conditions hold `success`, else `failure`, at one revision."""

    compare: tuple[Compare, ...] = ()
    success: tuple["Operation", ...] = ()
    failure: tuple["Operation", ...] = ()


Operation = Range | Put | DeleteRange | Txn


class Compact(Word, frozen=True, tag="compact"):
    """Forgets what no key needs as of `revision`."""

    revision: int


# Leases -------------------------------------------------------------------------------------------------------------


class Grant(Word, frozen=True, tag="grant"):
    """A lease of `ttl_s` seconds. The id was chosen by the client or, by chance, by the member that was asked."""

    id: int
    ttl_s: int


class Revoke(Word, frozen=True, tag="revoke"):
    """Ends a lease; its keys are deleted at one revision."""

    id: int


class Checkpoint(Word, frozen=True, tag="checkpoint"):
    """What the leader's clock says is left of leases, so that the next leader does not begin anew: (id, seconds)."""

    remaining_s: tuple[tuple[int, int], ...]


# Alarms and members -------------------------------------------------------------------------------------------------


class Alarm(IntEnum):
    """What keeps a member from taking writes."""

    NONE = 0
    NOSPACE = 1
    CORRUPT = 2


class RaiseAlarm(Word, frozen=True, tag="raise"):
    """A member has one."""

    member: int
    alarm: Alarm


class ClearAlarm(Word, frozen=True, tag="clear"):
    """An operator has mended it."""

    member: int
    alarm: Alarm


class MemberInfo(Word, frozen=True):
    """A member of the cluster. Its name in the group of consensus is `id` in hexadecimal, sixteen digits."""

    id: int
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...] = ()
    learner: bool = False
    joining: bool = False
    """It came to vote, and is a learner only until it has caught up."""


class AddMember(Word, frozen=True, tag="add_member"):
    """Proposed before consensus takes it in, so that all know where it is."""

    member: MemberInfo


class UpdateMember(Word, frozen=True, tag="update_member"):
    """What an operator changes, and that it votes."""

    member: MemberInfo


class Introduce(Word, frozen=True, tag="introduce"):
    """What a member says of itself. Nothing else of it changes, whatever became of it meanwhile."""

    id: int
    name: str
    client_urls: tuple[str, ...]


class RemoveMember(Word, frozen=True, tag="remove_member"):
    """Proposed after consensus has let it go. Its id never comes back."""

    id: int


# Questions that change nothing ----------------------------------------------------------------------------------------


class GetLease(Word, frozen=True, tag="get_lease"):
    """A lease as it was granted and last checkpointed; what is left now only the leader knows."""

    id: int
    keys: bool = False


class ListLeases(Word, frozen=True, tag="list_leases"):
    """All of them."""


class ListMembers(Word, frozen=True, tag="list_members"):
    """All of them."""


class ListAlarms(Word, frozen=True, tag="list_alarms"):
    """All that are on."""


class Hash(Word, frozen=True, tag="hash"):
    """What the keyspace is up to a revision, as a number that is the same on every member. 0: up to now."""

    revision: int = 0


# What comes back ----------------------------------------------------------------------------------------------------


class RangeResult(Word, frozen=True, tag="range"):
    """`count` is of all that match, however few were asked for; `more` says that there are others."""

    kvs: tuple[KeyValue, ...]
    count: int
    more: bool = False


class PutResult(Word, frozen=True, tag="put"):
    """`prev` where it was asked for."""

    prev: KeyValue | None = None


class DeleteResult(Word, frozen=True, tag="delete"):
    """How many, and which, where it was asked for."""

    deleted: int
    prevs: tuple[KeyValue, ...] = ()


class TxnResult(Word, frozen=True, tag="txn"):
    """One result an operation that was done."""

    succeeded: bool
    results: tuple["Result", ...] = ()


class Nothing(Word, frozen=True, tag="nothing"):
    """It was done; there is no more to say than the revision."""


class Members(Word, frozen=True, tag="members"):
    """All that are known now."""

    members: tuple[MemberInfo, ...]


class Alarms(Word, frozen=True, tag="alarms"):
    """All that are on: (member, alarm)."""

    alarms: tuple[tuple[int, Alarm], ...]


class LeaseResult(Word, frozen=True, tag="lease"):
    """A lease as granted, or as asked for. `keys` only where they were asked for."""

    id: int
    ttl_s: int
    granted_ttl_s: int = 0
    keys: tuple[bytes, ...] = ()


class LeaseIds(Word, frozen=True, tag="leases"):
    """All leases."""

    ids: tuple[int, ...]


class HashResult(Word, frozen=True, tag="hash"):
    """`hash` of the history behind `compact_revision` up to `revision`."""

    hash: int
    revision: int
    compact_revision: int


class Fault(Word, frozen=True, tag="fault"):
    """It was not done and changed nothing. `code` is that of a leaf of errors.py."""

    code: str
    detail: str = ""


Result = (
    RangeResult
    | PutResult
    | DeleteResult
    | TxnResult
    | Nothing
    | Members
    | Alarms
    | LeaseResult
    | LeaseIds
    | HashResult
    | Fault
)


class Outcome(Word, frozen=True):
    """A result with the store's revision after it: what the header of every answer says."""

    result: object
    revision: int


# Watches ------------------------------------------------------------------------------------------------------------


class WatchSpec(Word, frozen=True):
    """What a watcher wants: the range, from which revision on (0: from now on), and how."""

    key: bytes
    range_end: bytes = b""
    start_revision: int = 0
    prev_kv: bool = False
    no_put: bool = False
    no_delete: bool = False
    progress_notify: bool = False
    fragment: bool = False


class Delivery(Word, frozen=True):
    """What one watch is told at once: whole revisions, in order, of which `revision` is the last. Without events it is
    a progress notice (all up to `revision` were sent), or, with `canceled`, the end. `compact_revision` is not 0 where
    the history that was asked for is gone. Whoever sends it cuts it where its client takes fragments."""

    watch_id: int
    revision: int
    events: tuple[KeyEvent, ...] = ()
    canceled: str = ""
    compact_revision: int = 0
    compaction_near: bool = False
    """A notice that a compaction is about to overtake this watch, which is slow."""
