"""Watches found by a key: those of single keys by hash, those of ranges by the prefix that all of a range's keys share.

Ten thousand watches cost a change one look a length of prefix, not ten thousand comparisons. Of the watches that it
names a few may not want the key, where a range is no prefix: they say so themselves.
"""

from collections.abc import Iterator

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.streams import Watch

_Places = dict[bytes, dict[Watch, None]]


class Index:
    """In the order in which they came, so that what they are told does not depend on where they are in memory."""

    def __init__(self) -> None:
        self._keys: _Places = {}
        self._prefixes: dict[int, _Places] = {}
        """By the length of the prefix."""

    def add(self, watch: Watch) -> None:
        """One more."""
        if watch.spec.range_end:
            prefix = shared_prefix(watch.first, watch.end)
            places = self._prefixes.setdefault(len(prefix), {})
            places.setdefault(prefix, {})[watch] = None
        else:
            self._keys.setdefault(watch.first, {})[watch] = None

    def discard(self, watch: Watch) -> None:
        """One less."""
        if not watch.spec.range_end:
            _discard(self._keys, watch.first, watch)
            return
        prefix = shared_prefix(watch.first, watch.end)
        places = self._prefixes.get(len(prefix), {})
        _discard(places, prefix, watch)
        if not places:
            self._prefixes.pop(len(prefix), None)

    def watching(self, key: bytes) -> Iterator[Watch]:
        """All whose range may have this key."""
        yield from self._keys.get(key, ())
        for length, places in self._prefixes.items():
            yield from places.get(key[:length], ())


def shared_prefix(first: bytes, end: bytes) -> bytes:
    """What all keys with first <= key < end begin with; an end of b"" is none."""
    if first and first[-1] < 0xFF and end == layout.after(first):
        return first
    length = next((at for at, pair in enumerate(zip(first, end, strict=False)) if pair[0] != pair[1]), None)
    return first[: min(len(first), len(end)) if length is None else length]


def _discard(places: _Places, at: bytes, watch: Watch) -> None:
    watches = places.get(at)
    if watches is not None:
        watches.pop(watch, None)
        if not watches:
            del places[at]
