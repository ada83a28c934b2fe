"""Answers of watches as bytes: what many watches are told alike is written once.

Parts of a message that are written one behind the other are the whole message (that is how protobuf merges), so an
answer is its header, its watch's id and its events, each of which was most likely written for another watch before.
"""

from collections.abc import Callable, Hashable
from typing import Any

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.handlers.family import write_kv
from serai.systems.coordination.state.words import Delivery, KeyEvent

EVENTS_MAX = 1_024
"""Of events that are kept."""
EVENT_BYTES_MAX = 16 * 1024
"""A longer one is not kept: all that are kept are 16 MiB at most."""

_WatchResponse = rpc.WatchResponse


class Written:
    """What was written lately, for all streams of a door. `head` makes an answer with nothing but its header."""

    def __init__(self, head: Callable[[int], Any]) -> None:
        self._head = head
        self._heads: dict[Hashable, bytes] = {}
        self._events: dict[Hashable, bytes] = {}

    def answer(self, delivery: Delivery, term: int, watch: bytes) -> bytes:
        """An answer with events. `watch` is the part that says whose it is."""
        parts = [self._header(delivery.revision, term), watch]
        parts += [self._event(event) for event in delivery.events]
        return b"".join(parts)

    def _header(self, revision: int, term: int) -> bytes:
        known = self._heads.get((revision, term))
        if known is None:
            known = self._head(revision).SerializeToString()
            _keep(self._heads, (revision, term), known)
        return known

    def _event(self, event: KeyEvent) -> bytes:
        # A revision changes a key once. What was before may be known of it or not.
        name = (event.kv.mod_revision, event.kv.key, event.prev is None)
        known = self._events.get(name)
        if known is None:
            answer = _WatchResponse()
            write_event(answer.events.add(), event)
            known = answer.SerializeToString()
            if len(known) <= EVENT_BYTES_MAX:
                _keep(self._events, name, known)
        return known


def _keep(kept: dict[Hashable, bytes], name: Hashable, text: bytes) -> None:
    if len(kept) >= EVENTS_MAX:
        kept.clear()
    kept[name] = text


def part_of_watch(number: int) -> bytes:
    """The part of an answer that says whose it is."""
    return bytes(_WatchResponse(watch_id=number).SerializeToString())


def write_event(target: Any, event: KeyEvent) -> None:
    """An event as the wire has it."""
    target.type = event.kind
    write_kv(target.kv, event.kv)
    if event.prev is not None:
        write_kv(target.prev_kv, event.prev)
