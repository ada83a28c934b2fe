"""What is said to the store and what it says: keys, conditions, operations, changes. Frozen values.

Keys and values are texts, which is what configuration is made of; `raw` and bytes are for whatever is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serai.protocols.etcd.messages import rpc


def key_bytes(key: str | bytes) -> bytes:
    """A key or value as the store has it."""
    return key.encode(errors="surrogateescape") if isinstance(key, str) else key


def prefix_end(prefix: bytes) -> bytes:
    r"""The end of the range of all keys that begin so; b"\0", which is the end of all keys, where there is none."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else b"\x00"


@dataclass(frozen=True, slots=True)
class Item:
    """A key as it was at some revision. `mod_revision` is what to compare with before changing it."""

    key: str
    value: str
    raw: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int

    @classmethod
    def of(cls, kv: Any) -> "Item":
        """Of the wire's."""
        text = kv.value.decode(errors="replace")
        key = kv.key.decode(errors="surrogateescape")
        return cls(key, text, kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease)


@dataclass(frozen=True, slots=True)
class Page:
    """Some keys in order, as of one revision. `count`: all of the range. `next_key` continues it, None at the end."""

    items: Sequence[Item]
    count: int
    revision: int
    next_key: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a key. `value` is None where it was deleted; `before` is there if the watch asked for it."""

    key: str
    value: str | None
    revision: int
    item: Item
    before: Item | None = None

    @property
    def deleted(self) -> bool:
        """Whether the key is gone."""
        return self.value is None

    @property
    def created(self) -> bool:
        """Whether it was not there before."""
        return not self.deleted and self.item.version == 1


@dataclass(frozen=True, slots=True)
class Gap:
    """The store no longer knows what changed before `revision`: read what there is now, the watch goes on behind it."""

    revision: int


# Conditions of a transaction ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The key is as it was at this mod_revision; 0: it is not there."""

    key: str | bytes
    mod_revision: int

    def message(self) -> Any:
        """Of the wire."""
        return rpc.Compare(key=key_bytes(self.key), target="MOD", result="EQUAL", mod_revision=self.mod_revision)


@dataclass(frozen=True, slots=True)
class Created:
    """The key was made at this revision and is there ever since; 0: it is not there."""

    key: str | bytes
    revision: int

    def message(self) -> Any:
        """Of the wire."""
        return rpc.Compare(key=key_bytes(self.key), target="CREATE", result="EQUAL", create_revision=self.revision)


@dataclass(frozen=True, slots=True)
class ValueIs:
    """The key has this value."""

    key: str | bytes
    value: str | bytes

    def message(self) -> Any:
        """Of the wire."""
        return rpc.Compare(key=key_bytes(self.key), target="VALUE", result="EQUAL", value=key_bytes(self.value))


Condition = Unchanged | Created | ValueIs


# Operations of a transaction ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Put:
    """Sets a key; with a lease it ends when that does."""

    key: str | bytes
    value: str | bytes
    lease: int = 0

    def request(self) -> Any:
        """By itself."""
        return rpc.PutRequest(key=key_bytes(self.key), value=key_bytes(self.value), lease=self.lease)

    def message(self) -> Any:
        """Within a transaction."""
        return rpc.RequestOp(request_put=self.request())


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes a key, or all keys that begin so."""

    key: str | bytes
    prefix: bool = False

    def request(self) -> Any:
        """By itself."""
        key = key_bytes(self.key)
        return rpc.DeleteRangeRequest(key=key or b"\x00", range_end=prefix_end(key) if self.prefix else b"")

    def message(self) -> Any:
        """Within a transaction."""
        return rpc.RequestOp(request_delete_range=self.request())


@dataclass(frozen=True, slots=True)
class Get:
    """Reads a key."""

    key: str | bytes

    def message(self) -> Any:
        """Within a transaction."""
        return rpc.RequestOp(request_range=rpc.RangeRequest(key=key_bytes(self.key)))


Operation = Put | Delete | Get


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transaction did: whether its conditions held, its revision, what each Get found (None: no such key)."""

    succeeded: bool
    revision: int
    found: tuple[Item | None, ...]

    @classmethod
    def of(cls, answer: Any) -> "Outcome":
        """Of the wire's."""
        ranges = [each.response_range for each in answer.responses if each.HasField("response_range")]
        found = [Item.of(one.kvs[0]) if one.kvs else None for one in ranges]
        return cls(answer.succeeded, answer.header.revision, tuple(found))
