"""The dumb twin of the hub: all that ever happened in one list, and for each watch how far it was told."""

from dataclasses import dataclass, field

from serai.systems.coordination.state.words import Delivery, EventKind, KeyEvent, WatchSpec


@dataclass
class NaiveWatch:
    """What it must be told, from `start` on, and what it was."""

    spec: WatchSpec
    start: int
    told: list[KeyEvent] = field(default_factory=list)
    known_to: int = 0
    """All up to here was told, by a notice or by an event behind it."""
    ended_at: int = 0

    def wants(self, event: KeyEvent) -> bool:
        key, spec = event.kv.key, self.spec
        inside = key == spec.key if not spec.range_end else key >= spec.key
        if spec.range_end not in (b"", b"\0"):
            inside = inside and key < spec.range_end
        return inside and not (spec.no_put if event.kind is EventKind.PUT else spec.no_delete)

    def due(self, events: dict[int, list[KeyEvent]], until: int) -> list[KeyEvent]:
        return [
            event
            for revision in sorted(events)
            if self.start <= revision <= until
            for event in events[revision]
            if self.wants(event)
        ]

    def take(self, delivery: Delivery, events: dict[int, list[KeyEvent]], compacted: int) -> None:
        """Judges one delivery."""
        assert not self.ended_at, "nothing comes after the end"
        if delivery.canceled:
            assert delivery.compact_revision and self.next < delivery.compact_revision <= compacted
            self.ended_at = delivery.compact_revision
            return
        if not delivery.events:
            assert [bare(one) for one in self.told] == [bare(one) for one in self.due(events, delivery.revision)]
            assert delivery.revision >= self.known_to, "progress does not go back"
            self.known_to = delivery.revision
            return
        last = delivery.events[-1].kv.mod_revision
        assert delivery.revision == last > self.known_to
        self.told += delivery.events
        self.known_to = last
        due = self.due(events, last)
        assert [bare(one) for one in self.told] == [bare(one) for one in due], "whole revisions, each once, in order"
        for one, true in zip(delivery.events, due[-len(delivery.events) :], strict=True):
            known = one.prev == true.prev or (one.prev is None and one.kv.mod_revision <= compacted)
            assert known if self.spec.prev_kv else one.prev is None

    @property
    def next(self) -> int:
        return max(self.start, self.known_to + 1)


def bare(event: KeyEvent) -> tuple[object, ...]:
    return event.kind, event.kv
