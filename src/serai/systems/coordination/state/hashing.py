"""The keyspace as a number, the same on every member that has applied the same commands.

What of the history is still there physically may differ; what may be asked for does not, and that is what is counted.
"""

from zlib import crc32

import msgspec

from serai.systems.coordination.state.keyspace import Keyspace
from serai.systems.coordination.state.words import Fault, Hash, HashResult, KeyValue

_SEED = crc32(b"keys")
"""So that no keys have a hash too."""
_encode = msgspec.msgpack.Encoder().encode


def hashed(space: Keyspace, word: Hash) -> HashResult | Fault:
    """What was there at the compacted revision, then every change up to the one that was asked for."""
    revision = word.revision or space.revision
    if revision > space.revision:
        return Fault("coordination_future_revision", f"revision {revision}; the newest is {space.revision}")
    if revision < space.compacted:
        return Fault("coordination_compacted", f"revision {revision}; the oldest is {space.compacted}")
    number = _SEED
    if space.compacted:
        for kv in space.past(b"\x00", b"\x00", space.compacted):
            number = _add(number, 0, kv)
    for change in space.changes(space.compacted + 1, revision + 1):
        number = _add(number, change.kind, change.kv)
    return HashResult(number, revision, space.compacted)


def _add(number: int, kind: int, kv: KeyValue) -> int:
    return crc32(_encode((kind, kv)), number)
