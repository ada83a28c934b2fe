"""All methods of the table that are served, and what their errors are on the wire."""

import logging
import re

from google.protobuf.message import DecodeError

from serai.protocols.etcd.messages import message
from serai.protocols.etcd.table import RPCS, Rpc
from serai.protocols.grpc.wire import Status
from serai.runtime.grpc.calls import Method, Service, Streaming, Unary
from serai.systems.coordination.errors import CoordinationError
from serai.systems.coordination.handlers.auth import Auth
from serai.systems.coordination.handlers.cluster import Cluster
from serai.systems.coordination.handlers.election import Election
from serai.systems.coordination.handlers.family import Context, Family
from serai.systems.coordination.handlers.kv import KV
from serai.systems.coordination.handlers.lease import Lease
from serai.systems.coordination.handlers.lock import Lock
from serai.systems.coordination.handlers.maintenance import Maintenance
from serai.systems.coordination.handlers.watch import Watch

FAMILIES: dict[str, type[Family]] = {
    "etcdserverpb.KV": KV,
    "etcdserverpb.Watch": Watch,
    "etcdserverpb.Lease": Lease,
    "etcdserverpb.Cluster": Cluster,
    "etcdserverpb.Maintenance": Maintenance,
    "etcdserverpb.Auth": Auth,
    "v3lockpb.Lock": Lock,
    "v3electionpb.Election": Election,
}

DIFFERENCES: dict[str, str] = {
    "KV/Compact": "`physical` is taken and not waited for: history goes in the background, without a pause.",
    "Watch/Watch": "Rights are looked at again whenever they change; a watch that may no longer read its range ends. A"
    " notice of progress also comes when a compaction begins, so that a watcher knows where to go on.",
    "Lease/LeaseGrant": "A negative id is refused.",
    "Maintenance/Defragment": "The member serves on meanwhile.",
    "Maintenance/Hash": "The number is ours: it compares members with each other, not with etcd.",
    "Maintenance/HashKV": "The number is ours: it compares members with each other, not with etcd.",
    "Maintenance/Snapshot": "The file is ours: `etcdctl snapshot save` takes it, etcd cannot restore it.",
    "Maintenance/Downgrade": "Not served: the storage has one version.",
    "Auth/Authenticate": "Tokens are signed, so they outlive a restart and hold on every member; they last an hour.",
    "Auth/UserAdd": "Passwords are hashed by argon2id here; a hash that a client made is refused.",
    "Auth/UserChangePassword": "As UserAdd.",
    "Lock/Lock": "`fencing` is ours: the number to be said with every write to what the lock guards.",
}
"""What is otherwise than in etcd, and why, by service and method."""

log = logging.getLogger(__name__)


def method_name(rpc: Rpc) -> str:
    """Of the method of a family that serves it: LeaseTimeToLive, lease_time_to_live."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", rpc.name).lower()


def served(rpc: Rpc) -> bool:
    """Whether it is."""
    return hasattr(FAMILIES[rpc.service], method_name(rpc))


def service_of(context: Context) -> Service:
    """For a server of calls."""
    families = {name: family(context) for name, family in FAMILIES.items()}
    methods = {rpc.path.encode(): _method(rpc, families[rpc.service]) for rpc in RPCS if served(rpc)}
    return Service(methods, fail)


def _method(rpc: Rpc, family: Family) -> Method:
    kind = Streaming if rpc.asks or rpc.tells else Unary
    read, write = message(rpc.request).FromString, message(rpc.response).SerializeToString
    return kind(read, write, getattr(family, method_name(rpc)))


def fail(error: Exception) -> tuple[int, str]:
    """The status and the very words by which etcd's clients know an error."""
    if isinstance(error, CoordinationError):
        return Status[error.grpc], error.etcd
    if isinstance(error, DecodeError):
        return Status.INTERNAL, f"grpc: error unmarshalling request: {error}"
    log.error("a call failed", exc_info=error)
    return Status.INTERNAL, "etcdserver: internal error; the member's log says more"
