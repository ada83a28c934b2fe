"""What of a range is given back: filters, count, order, limit, as etcd's Range says them."""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from serai.systems.coordination.state.words import Field, KeyValue, Order, Range, RangeResult

Found = TypeVar("Found")

_BY: dict[Field, Callable[[KeyValue], Any]] = {
    Field.KEY: attrgetter("key"),
    Field.VERSION: attrgetter("version"),
    Field.CREATE: attrgetter("create_revision"),
    Field.MOD: attrgetter("mod_revision"),
    Field.VALUE: attrgetter("value"),
}


def select(found: Iterator[Found], read: Callable[[Found], KeyValue], word: Range) -> RangeResult:
    """`found` comes in the order of keys, and `read` makes a key of one: what is only counted is not read. The count is
    of all in the range, whatever the filters leave (as etcd's)."""
    if word.count_only:
        return RangeResult((), sum(1 for _ in found))
    if word.limit > 0 and not (_sorts(word) or _filters(word)):
        return _first(found, read, word)
    kvs = [read(one) for one in found]
    count = len(kvs)
    if _filters(word):
        kvs = [kv for kv in kvs if _fits(kv, word)]
    if _sorts(word):
        kvs.sort(key=_BY[word.sort_by], reverse=word.order is Order.DESCEND)
    more = 0 < word.limit < len(kvs)
    if more:
        del kvs[word.limit :]
    return RangeResult(_shown(kvs, word), count, more)


def _first(found: Iterator[Found], read: Callable[[Found], KeyValue], word: Range) -> RangeResult:
    """The usual page: what is behind it is counted and not read."""
    kvs = [read(one) for _, one in zip(range(word.limit), found, strict=False)]
    if len(kvs) < word.limit:
        return RangeResult(_shown(kvs, word), len(kvs))
    behind = sum(1 for _ in found)
    return RangeResult(_shown(kvs, word), len(kvs) + behind, behind > 0)


def _shown(kvs: list[KeyValue], word: Range) -> tuple[KeyValue, ...]:
    if word.keys_only:
        return tuple([msgspec.structs.replace(kv, value=b"") for kv in kvs])
    return tuple(kvs)


def _sorts(word: Range) -> bool:
    """Keys come ascending anyway; a field other than the key is sorted even where no order was said (as etcd does)."""
    return word.sort_by is not Field.KEY or word.order is Order.DESCEND


def _filters(word: Range) -> bool:
    return bool(word.mod_min or word.mod_max or word.create_min or word.create_max)


def _fits(kv: KeyValue, word: Range) -> bool:
    return (
        kv.mod_revision >= word.mod_min
        and (not word.mod_max or kv.mod_revision <= word.mod_max)
        and kv.create_revision >= word.create_min
        and (not word.create_max or kv.create_revision <= word.create_max)
    )
