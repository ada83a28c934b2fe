"""Every guarantee is kept by true streams, however they are cut, and each way of breaking one is found."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from serai.simulation.chance import Seeded
from serai.simulation.checkers.watches import (
    Batch,
    Change,
    Progress,
    Watch,
    check_watches,
    problems_of,
    resume_revision,
)
from serai.simulation.violations import Violation

A2, B3, A4, B4, C5, A6 = (
    *(Change(2, "a", 1), Change(3, "b", 1), Change(4, "a", 2), Change(4, "b", None)),
    *(Change(5, "c", 1), Change(6, "a", 3)),
)
LOG = (A2, B3, A4, B4, C5, A6)


def watch(*came: Batch | Progress, start: int = 2, end: str = "c") -> Watch:
    return Watch("a", end, start, came)


def one(*changes: Change) -> Batch:
    return Batch(changes)


@pytest.mark.parametrize(
    "kept",
    [
        watch(),
        watch(one(A2), one(B3), one(A4, B4), one(A6)),
        watch(one(A2, B3, A4, B4, A6)),
        watch(one(A2), Progress(2), Progress(2), one(B3), Progress(3)),
        watch(one(A2, B3, A4, B4), Progress(5), one(A6)),
        watch(Batch((A2, B3, A4), more=True), one(B4, A6)),
        watch(one(A2), Batch((B3, A4), more=True)),  # the connection ended within a batch
        watch(one(A4, B4), start=4),
        watch(one(A2, B3, A4, B4, C5, A6), end="d"),
        watch(Progress(1), start=2),
        watch(one(A6), start=7 - 1),
    ],
)
def test_true_streams_keep_every_promise(kept: Watch) -> None:
    assert problems_of(LOG, kept) == []


@pytest.mark.parametrize(
    ("broken", "guarantee"),
    [
        (watch(one(A2), one(B3), one(C5)), "filter"),
        (watch(one(A2, Change(3, "b", 9))), "filter"),
        (watch(one(B3), start=4), "filter"),
        (watch(one(A2), one(A4, B4), one(B3)), "ordered"),
        (watch(one(A2), one(A2)), "unique"),
        (watch(one(A2, B3), one(A4), one(B4)), "atomic"),
        (watch(one(A2), one(A4, B4)), "reliable"),
        (watch(one(A2, B3, A4), one(A6)), "reliable"),
        (watch(Batch((A2,), more=True), one(A4, B4)), "reliable"),
        (watch(one(B3)), "resumable"),
        (watch(one(A2), Progress(3)), "bookmarkable"),
        (watch(Progress(2), one(A2)), "bookmarkable"),
        (watch(one(A2, B3), Progress(3), Progress(2)), "bookmarkable"),
    ],
)
def test_each_broken_promise_is_named(broken: Watch, guarantee: str) -> None:
    assert problems_of(LOG, broken)[0].startswith(f"{guarantee}: ")
    with pytest.raises(Violation, match=guarantee):
        check_watches(LOG, [broken])


@pytest.mark.parametrize(
    ("first", "behind"),
    [
        (watch(start=5), 5),
        (watch(one(A2), one(B3)), 4),
        (watch(one(A2, B3, A4, B4), Progress(5)), 6),
        (watch(one(A2), Batch((B3, A4), more=True)), 4),
    ],
)
def test_a_watch_is_resumed_behind_what_was_seen_whole(first: Watch, behind: int) -> None:
    assert resume_revision(first) == behind
    check_watches(LOG, [first, watch(start=behind)])
    check_watches(LOG, [first, watch(start=behind - 1)])  # seen twice across two watches is the watcher's own choice
    with pytest.raises(Violation, match=f"resumable: a watch was to be resumed from {behind}"):
        check_watches(LOG, [first, watch(start=behind + 1)])


def test_at_the_end_everything_has_come() -> None:
    check_watches(LOG, [watch(one(A2, B3)), watch(one(A4, B4, A6), start=4)], complete_to=6)
    with pytest.raises(Violation, match=r"reliable: Change\(revision=6, .* never came"):
        check_watches(LOG, [watch(one(A2, B3, A4, B4))], complete_to=6)
    check_watches(LOG, [watch(one(A2, B3, A4, B4))], complete_to=5)


def test_a_log_must_be_in_order() -> None:
    with pytest.raises(AssertionError, match="not in order"):
        check_watches((B3, A2), [])


# Random streams -----------------------------------------------------------------------------------------------------


def random_log(chance: Seeded) -> list[Change]:
    log = []
    for revision in range(2, 4 + chance.below(20)):
        keys = chance.shuffled("abcd")[: 1 + chance.below(2)]
        log += [Change(revision, key, chance.below(9)) for key in sorted(keys)]
    return log


def true_stream(chance: Seeded, log: list[Change]) -> Watch:
    """What a correct server sends: whole revisions, cut into batches and fragments, with notices between."""
    start = 2 + chance.below(3)
    wanted = [change for change in log if change.revision >= start and "a" <= change.key < "c"]
    came: list[Batch | Progress] = []
    while wanted:
        last = chance.pick(sorted({change.revision for change in wanted}))
        batch = [change for change in wanted if change.revision <= last]
        wanted = [change for change in wanted if change.revision > last]
        if len(batch) > 1 and chance.happens(0.3):
            at = 1 + chance.below(len(batch) - 1)
            came += [Batch(tuple(batch[:at]), more=True), Batch(tuple(batch[at:]))]
        else:
            came.append(Batch(tuple(batch)))
        if chance.happens(0.3):
            came.append(Progress(last))
    return Watch("a", "c", start, tuple(came))


def leave_out(chance: Seeded, stream: Watch) -> Watch:
    """A whole batch from the middle, or a change."""
    at = chance.below(len(stream.came) - 1)
    return replace(stream, came=stream.came[:at] + stream.came[at + 1 :])


def swap(chance: Seeded, stream: Watch) -> Watch:
    at = chance.below(len(stream.came) - 1)
    came = list(stream.came)
    came[at], came[at + 1] = came[at + 1], came[at]
    return replace(stream, came=tuple(came))


def double(chance: Seeded, stream: Watch) -> Watch:
    at = chance.below(len(stream.came))
    return replace(stream, came=(*stream.came[:at], stream.came[at], *stream.came[at:]))


def test_true_streams_pass_however_they_are_cut() -> None:
    chance = Seeded("streams")
    for _ in range(500):
        log = random_log(chance)
        assert problems_of(log, true_stream(chance, log)) == []


@pytest.mark.parametrize("spoil", [leave_out, swap, double])
def test_spoilt_streams_are_caught(spoil: Callable[[Seeded, Watch], Watch]) -> None:
    chance = Seeded(f"spoilt {spoil.__name__}")
    outcomes: Counter[bool] = Counter()
    for _ in range(1500):
        log = random_log(chance)
        stream = replace(true_stream(chance, log))
        batches = tuple(item for item in stream.came if isinstance(item, Batch) and not item.more)
        if len(batches) < 3 or len(batches) < len(stream.came):
            continue  # without a notice or a fragment every one of these changes breaks a promise
        outcomes[bool(problems_of(log, spoil(chance, stream)))] += 1
    assert outcomes[True] > 60
    assert outcomes[False] == 0
