"""Did a watcher see what it was promised? The guarantees are those of etcd's documentation, judged by the true log.

filter        every event lies in the range that is watched, and is as the log has it
ordered       revisions never go back, also after the watch was resumed
unique        no event comes twice
atomic        the events of one revision come in one batch, unless it is sent in fragments
reliable      between two events none is left out
bookmarkable  a progress notice at a revision comes after all events up to it and before all later ones
resumable     a watch from a revision begins with the first event of that revision or later
"""

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from serai.simulation.violations import Violation, some_of


@dataclass(frozen=True, slots=True)
class Change:
    """One key's change at a revision. A value of None is a delete."""

    revision: int
    key: str
    value: Hashable


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that came together."""

    changes: tuple[Change, ...]
    more: bool = False
    """A fragment: what follows belongs to the same batch."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A notice that everything up to the revision was sent."""

    revision: int


@dataclass(frozen=True, slots=True)
class Watch:
    """One request to watch and what came, until the watch or its connection ended."""

    first: str
    end: str
    """Keys with first <= key < end."""
    from_revision: int
    came: tuple[Batch | Progress, ...]


def check_watches(log: Sequence[Change], watches: Sequence[Watch], complete_to: int | None = None) -> None:
    """Judges one watcher: its watch and those by which it resumed, in order. Violation of kind `watch`.

    `log` holds every change in order of revision. With `complete_to` the last watch must have shown all up to that
    revision: for the end of a healed run.
    """
    assert list(log) == sorted(log, key=lambda change: change.revision), "the log is not in order"
    assert all(watch.first <= watch.end for watch in watches), "a range ends before it begins"
    found = [problem for watch in watches for problem in problems_of(log, watch)]
    found += _resumptions(watches)
    if complete_to is not None and watches:
        found += _unfinished(log, watches[-1], complete_to)
    if found:
        raise Violation("watch", some_of(found))


def problems_of(log: Sequence[Change], watch: Watch) -> list[str]:
    """Every guarantee that one watch broke, the guarantee's name first."""
    changes = [change for batch in _batches(watch) for change in batch.changes]
    wrong = [*_filtered(log, watch, changes), *_ordered(changes), *_unique(changes), *_atomic(watch)]
    return wrong or [*_reliable(log, watch, changes), *_bookmarkable(log, watch)]


def _wanted(log: Sequence[Change], watch: Watch, to_revision: int) -> list[Change]:
    return [
        change
        for change in log
        if watch.from_revision <= change.revision <= to_revision and watch.first <= change.key < watch.end
    ]


def _batches(watch: Watch) -> list[Batch]:
    """With fragments put together."""
    whole: list[Batch] = []
    continues = False
    for batch in watch.came:
        if isinstance(batch, Batch):
            if continues:
                whole[-1] = Batch(whole[-1].changes + batch.changes, batch.more)
            else:
                whole.append(batch)
            continues = batch.more
    return whole


def _filtered(log: Sequence[Change], watch: Watch, changes: Sequence[Change]) -> Iterator[str]:
    true = set(log)
    for change in changes:
        if not watch.first <= change.key < watch.end:
            yield f"filter: {change} lies outside of [{watch.first}, {watch.end})"
        if change.revision < watch.from_revision:
            yield f"filter: {change} comes to a watch from revision {watch.from_revision}"
        if change not in true:
            yield f"filter: {change} never happened"


def _ordered(changes: Sequence[Change]) -> Iterator[str]:
    for one, other in pairwise(changes):
        if other.revision < one.revision:
            yield f"ordered: {other} comes after {one}"


def _unique(changes: Sequence[Change]) -> Iterator[str]:
    seen: set[tuple[int, str]] = set()
    for change in changes:
        if (change.revision, change.key) in seen:
            yield f"unique: {change} comes twice"
        seen.add((change.revision, change.key))


def _atomic(watch: Watch) -> Iterator[str]:
    batches = [batch for batch in _batches(watch) if batch.changes]
    for one, other in pairwise(batches):
        if one.changes[-1].revision == other.changes[0].revision:
            yield f"atomic: revision {other.changes[0].revision} is split between two batches"


def _reliable(log: Sequence[Change], watch: Watch, changes: Sequence[Change]) -> Iterator[str]:
    """The last batch may be a fragment whose rest the end of the connection took; all before it must be whole."""
    if not changes:
        return
    wanted = _wanted(log, watch, changes[-1].revision)
    ends_open = _batches(watch)[-1].more
    got = set(changes)
    for change in wanted:
        if change not in got and not (ends_open and change.revision == changes[-1].revision):
            name = "resumable" if change.revision < changes[0].revision else "reliable"
            yield f"{name}: {change} is left out of a watch from {watch.from_revision} that shows {changes[-1]}"


def _bookmarkable(log: Sequence[Change], watch: Watch) -> Iterator[str]:
    got: set[Change] = set()
    due = deque(_wanted(log, watch, log[-1].revision if log else 0))
    marked = 0
    for item in watch.came:
        if isinstance(item, Batch):
            got |= set(item.changes)
            for change in item.changes:
                if change.revision <= marked:
                    yield f"bookmarkable: {change} comes after a notice that all was sent up to {marked}"
            continue
        if item.revision < marked:
            yield f"bookmarkable: a notice at {item.revision} comes after one at {marked}"
        marked = max(marked, item.revision)
        while due and due[0].revision <= marked:
            change = due.popleft()
            if change not in got:
                yield f"bookmarkable: {change} has not come before a notice that all was sent up to {item.revision}"


def _resumptions(watches: Sequence[Watch]) -> Iterator[str]:
    """A watcher asks from the revision behind the last that it has seen whole, or from an earlier one."""
    for one, other in pairwise(watches):
        behind = resume_revision(one)
        if other.from_revision > behind:
            yield f"resumable: a watch was to be resumed from {behind} and began at {other.from_revision}"


def resume_revision(watch: Watch) -> int:
    """From where a watch has to be resumed so that nothing is left out."""
    behind = watch.from_revision
    for item in watch.came:
        if isinstance(item, Progress):
            behind = max(behind, item.revision + 1)
        elif item.changes:
            # Of a fragment the rest of the last revision is still to come.
            behind = max(behind, item.changes[-1].revision + (0 if item.more else 1))
    return behind


def _unfinished(log: Sequence[Change], watch: Watch, to_revision: int) -> Iterator[str]:
    got = {change for batch in _batches(watch) for change in batch.changes}
    for change in _wanted(log, watch, to_revision):
        if change not in got:
            yield f"reliable: {change} never came, though the run was healed and had time"
