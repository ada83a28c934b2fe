"""What all families have at hand."""

from dataclasses import dataclass
from typing import Any

from serai.kernel.ports import Clock, Random
from serai.protocols.etcd.messages import kv as mvcc
from serai.runtime.passwords import Hashing
from serai.systems.coordination.handlers.callers import Callers
from serai.systems.coordination.handlers.errands import Errands
from serai.systems.coordination.handlers.streams import Streams
from serai.systems.coordination.member import Member
from serai.systems.coordination.settings import CoordinationSettings
from serai.systems.coordination.state.words import KeyValue

_KeyValue = mvcc.KeyValue


@dataclass(frozen=True, slots=True)
class Context:
    """The member, and the world around it."""

    member: Member
    callers: Callers
    streams: Streams
    passwords: Hashing
    errands: Errands
    clock: Clock
    random: Random
    settings: CoordinationSettings


class Family:
    """The base of all."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._member = context.member
        self._callers = context.callers

    def _answer(self, kind: Any, revision: int | None = None) -> Any:
        """An answer with its header; `revision` is that of the store after what was done, or now."""
        member = self._member
        answer = kind()
        header = answer.header
        header.cluster_id = member.cluster_id
        header.member_id = member.id
        header.revision = member.revision if revision is None else revision
        header.raft_term = member.raft_term
        return answer


def write_kv(target: Any, kv: KeyValue) -> None:
    """A key as the wire has it."""
    target.key = kv.key
    target.create_revision = kv.create_revision
    target.mod_revision = kv.mod_revision
    target.version = kv.version
    target.value = kv.value
    target.lease = kv.lease


def kv_message(kv: KeyValue) -> Any:
    """A new message of it."""
    message = _KeyValue()
    write_kv(message, kv)
    return message
