"""Answers that are put together from parts: the same as those that are written whole, whatever was kept before."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.handlers.events import EVENT_BYTES_MAX, EVENTS_MAX, Written, part_of_watch, write_event
from serai.systems.coordination.state.words import Delivery, EventKind, KeyEvent, KeyValue


def head(revision: int) -> Any:
    answer = rpc.WatchResponse()
    answer.header.revision = revision
    return answer


def whole(delivery: Delivery) -> Any:
    """The naive twin."""
    answer = head(delivery.revision)
    answer.watch_id = delivery.watch_id
    for event in delivery.events:
        write_event(answer.events.add(), event)
    return answer


KEYS = st.sampled_from([b"a", b"b", b"\xff"])


@st.composite
def told(draw: st.DrawFn) -> Delivery:
    """As a hub tells it: a revision changes a key once, and what was before is known or not."""
    revision = draw(st.integers(2, 5))
    changed = []
    for key in draw(st.lists(KEYS, min_size=1, max_size=3, unique=True)):
        value = b"%d of " % revision + key
        before = KeyValue(key, 1, revision - 1, 1, b"before") if draw(st.booleans()) else None
        changed.append(KeyEvent(EventKind.PUT, KeyValue(key, 1, revision, 2, value), before))
    return Delivery(draw(st.integers(0, 2**40)), revision, tuple(changed))


@given(st.lists(told(), max_size=20))
def test_parts_make_the_whole(deliveries: list[Delivery]) -> None:
    written = Written(head)
    for delivery in deliveries:
        answer = written.answer(delivery, 1, part_of_watch(delivery.watch_id))
        assert rpc.WatchResponse.FromString(answer) == whole(delivery)


def put(revision: int, size: int) -> Delivery:
    return Delivery(0, revision, (KeyEvent(EventKind.PUT, KeyValue(b"k", 1, revision, 1, b"v" * size)),))


def test_what_is_kept_is_bounded() -> None:
    written = Written(head)
    for revision in range(EVENTS_MAX * 2):
        written.answer(put(revision, 1), 1, b"")
    assert len(written._events) <= EVENTS_MAX and len(written._heads) <= EVENTS_MAX
    written._events.clear()
    written.answer(put(1, EVENT_BYTES_MAX), 1, b"")
    assert not written._events


def test_a_new_term_has_a_head_of_its_own() -> None:
    terms = iter((1, 2))

    def made(revision: int) -> Any:
        answer = head(revision)
        answer.header.raft_term = next(terms)
        return answer

    written = Written(made)
    answers = [rpc.WatchResponse.FromString(written.answer(put(2, 1), term, b"")) for term in (1, 2, 1)]
    assert [answer.header.raft_term for answer in answers] == [1, 2, 1]
