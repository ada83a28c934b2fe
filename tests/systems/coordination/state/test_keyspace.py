"""The keyspace beside its dumb twin, in any order of commands, compactions, crashes and snapshots."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.systems.coordination.state.drive import PATIENT, Driven, code
from tests.systems.coordination.state.naive import NaiveStore, naive_collision

from serai.mechanisms.consensus.messages import Entry
from serai.simulation.disk import SimulatedMap
from serai.systems.coordination.state import layout
from serai.systems.coordination.state.collisions import collide
from serai.systems.coordination.state.limits import Limits
from serai.systems.coordination.state.machine import Query, State
from serai.systems.coordination.state.words import (
    Compact,
    Compare,
    DeleteRange,
    DeleteResult,
    Fault,
    Field,
    Hash,
    HashResult,
    Order,
    Put,
    PutResult,
    Range,
    RangeResult,
    Relation,
    Target,
    Txn,
    TxnResult,
)

KEYS = st.sampled_from([b"a", b"a\0", b"a\0\xff", b"a\x01", b"ab", b"b", b"\xff", b"\xff\xff", b"\0"])
ENDS = st.sampled_from([b"", b"\0", b"a\0", b"b", b"c", b"\xff\xff\xff"])
VALUES = st.sampled_from([b"", b"1", b"2", b"long" * 10])
NUMBERS = st.integers(0, 6)

PUTS = st.builds(Put, key=KEYS, value=VALUES, prev_kv=st.booleans())
DELETES = st.builds(DeleteRange, key=KEYS, range_end=ENDS, prev_kv=st.booleans())
RANGES = st.builds(
    Range,
    key=KEYS,
    range_end=ENDS,
    limit=st.integers(0, 3),
    order=st.sampled_from(Order),
    sort_by=st.sampled_from(Field),
    keys_only=st.booleans(),
    count_only=st.booleans(),
    mod_min=NUMBERS,
    mod_max=NUMBERS,
    create_min=NUMBERS,
    create_max=NUMBERS,
)
COMPARES = st.builds(
    Compare, key=KEYS, relation=st.sampled_from(Relation), target=st.sampled_from(Target), number=NUMBERS, value=VALUES,
    range_end=ENDS,
)  # fmt: skip


def txns(inner: st.SearchStrategy[object]) -> st.SearchStrategy[Txn]:
    branch = st.lists(inner, max_size=3).map(tuple)
    return st.builds(Txn, compare=st.lists(COMPARES, max_size=2).map(tuple), success=branch, failure=branch)


TXNS = txns(PUTS | DELETES | RANGES | txns(PUTS | DELETES | RANGES))
COMMANDS = PUTS | PUTS | DELETES | TXNS


def plain(result: object) -> object:
    """A result in the twin's words."""
    match result:
        case PutResult(prev):
            return prev
        case DeleteResult(deleted, prevs):
            return deleted, list(prevs)
        case RangeResult(kvs, count, more):
            return list(kvs), count, more
        case TxnResult(succeeded, results):
            return succeeded, [plain(one) for one in results]
    return result


def check_reads(driven: Driven, twin: NaiveStore, word: Range) -> None:
    for revision in (0, *range(max(1, twin.compacted), twin.revision + 1)):
        at = Range(word.key, word.range_end, word.limit, revision, *word_rest(word))
        assert plain(driven.ask(at)) == twin.read(at), f"at revision {revision}"


def word_rest(word: Range) -> tuple[object, ...]:
    return (word.order, word.sort_by, word.keys_only, word.count_only, word.mod_min, word.mod_max,
            word.create_min, word.create_max)  # fmt: skip


STEPS = st.lists(
    st.one_of(
        COMMANDS,
        st.builds(Compact, revision=st.integers(1, 12)),
        st.tuples(st.just("restart"), st.integers(0, 4)),
        st.tuples(st.just("snapshot"), st.just(0)),
        st.tuples(st.just("tidy"), st.just(0)),
    ),
    max_size=25,
)


@settings(PATIENT, max_examples=300)
@given(steps=STEPS, word=RANGES)
def test_the_keyspace_is_its_twin(steps: list[object], word: Range) -> None:
    driven, twin = Driven(), NaiveStore()
    for step in steps:
        if isinstance(step, tuple):
            disturb(driven, *step)
        elif isinstance(step, Compact):
            result = driven.do(step).result
            legal = twin.compacted < step.revision <= twin.revision
            assert isinstance(result, Fault) is not legal
            twin.compacted = step.revision if legal else twin.compacted
        else:
            outcome = driven.do(step)
            if not isinstance(outcome.result, Fault):
                assert plain(outcome.result) == twin.change(step)  # type: ignore[arg-type]  # it is a change
            assert outcome.revision == twin.revision
    assert driven.state.space.revision == twin.revision
    check_reads(driven, twin, word)
    check_reads(driven, twin, Range(b"\0", b"\0"))
    for revision in range(max(1, twin.compacted), twin.revision + 1):
        found = list(driven.state.space.changes(revision, revision + 1))
        assert [change.kv for change in found] == [event.kv for event in twin.events.get(revision, [])]
        known = [event.prev if revision > twin.compacted else None for event in twin.events.get(revision, [])]
        assert [driven.state.space.before(change) for change in found] == known


@pytest.mark.parametrize("batches_lost", range(12))
def test_a_restoring_that_a_crash_has_cut_short_is_done_again(batches_lost: int) -> None:
    """Control: with the mark written first, the lost batches would be missing for ever."""
    driven = Driven(Limits(chunk_bytes=1))  # each record is a chunk
    for number in range(3):
        driven.do(Put(b"k%d" % number, b"v"))
    before = driven.ask(Hash())
    driven.move()
    driven.restart(batches_lost)
    assert driven.ask(Hash()) == before
    assert driven.do(Put(b"k", b"v")).revision == 5


def disturb(driven: Driven, what: str, number: int) -> None:
    if what == "restart":
        driven.restart(number)
    elif what == "tidy":
        driven.state.tidy()
    else:
        driven.move()


@settings(PATIENT)
@given(st.lists(COMMANDS, max_size=15), st.lists(st.integers(1, 6), min_size=1), st.integers(1, 10))
def test_members_agree_however_their_commands_were_batched_and_tidied(
    words: list[object], cuts: list[int], compact: int
) -> None:
    one, other = Driven(), State(SimulatedMap())
    for word in (*words, Compact(compact)):
        one.do(word)
    entries: list[Entry] = one.log
    at, number = 0, 0
    while at < len(entries):
        other.apply(entries[at : at + cuts[number % len(cuts)]])
        at, number = at + cuts[number % len(cuts)], number + 1
    while one.state.tidy():
        pass
    assert one.state.space.revision == other.space.revision
    mine = one.ask(Hash())
    assert isinstance(mine, HashResult)
    assert other.query(Query(Hash())).result == mine


def test_compaction_takes_away_what_nobody_can_ask_for_and_nothing_else() -> None:
    driven = Driven()
    for number in range(1000):
        driven.do(Put(b"often", b"%d" % number))
    driven.do(Put(b"once", b"x"))
    driven.do(DeleteRange(b"once"))
    driven.do(Put(b"kept", b"y"))
    newest = driven.state.space.revision
    driven.do(Compact(newest))
    while driven.state.tidy():
        pass
    left = [change.kv for change in driven.state.space.changes(0, newest + 1)]
    assert [(kv.key, kv.mod_revision) for kv in left] == [(b"often", 1001), (b"kept", newest)]
    histories = list(driven.map.scan(layout.HISTORY, layout.after(layout.HISTORY)))
    assert len(histories) == 2


def test_a_later_compaction_takes_away_what_the_first_one_kept() -> None:
    """Control: a walk that begins behind the first one's end finds neither, and the key is back in the past."""
    driven = Driven()
    driven.do(Put(b"gone", b"v"))
    driven.do(Put(b"often", b"v"))
    driven.do(Compact(3))
    while driven.state.tidy():
        pass
    driven.do(DeleteRange(b"gone"))
    for _ in range(3):
        driven.do(Put(b"often", b"w"))
    driven.do(Compact(6))
    while driven.state.tidy():
        pass
    assert driven.ask(Range(b"gone", revision=6)) == RangeResult((), 0)
    assert [(c.kv.key, c.kv.mod_revision) for c in driven.state.space.changes(0, 99)] == [(b"often", 6), (b"often", 7)]


def test_the_size_is_that_of_what_is_there() -> None:
    driven = Driven()
    for number in range(50):
        driven.do(Put(b"k%d" % (number % 5), b"v" * number, lease=0))
    driven.do(DeleteRange(b"k1"))
    driven.do(Compact(30))
    while driven.state.tidy():
        pass
    there = driven.map.scan(*layout.EVERYTHING)
    assert driven.state.size_bytes == sum(len(key) + len(value) for key, value in there if key != layout.only("marks"))


def test_one_change_of_many_keys_is_compacted_in_steps_too() -> None:
    driven = Driven(Limits(compaction_changes=10))
    for number in range(100):
        driven.do(Put(b"k%d" % number, b"v"))
    gone = driven.do(DeleteRange(b"k", b"l")).revision
    driven.do(Put(b"other"))
    driven.do(Compact(gone + 1))
    steps = 1
    while driven.state.tidy():
        steps += 1
    assert steps >= 20 and not list(driven.state.space.changes(0, gone + 1))


def test_a_snapshot_is_told_without_looking_at_the_map() -> None:
    driven = Driven(Limits(chunk_bytes=500))
    for number in range(40):
        driven.do(Put(b"k%d" % number, b"v" * 50))
    chunks = driven.state.snapshot()
    count = len(chunks)
    driven.do(DeleteRange(b"k", b"l"))
    other = State(SimulatedMap())
    other.restore(len(driven.log) - 1, list(chunks))
    assert count > 10 and other.space.revision == 41
    assert len(list(other.space.present(b"k", b"l"))) == 40, "as it was when the snapshot was taken"
    assert chunks[3] == chunks[3], "one that is lost on the way is sent again"


def test_compaction_goes_a_few_records_at_a_time() -> None:
    """Control: with a step without a bound the first tidy would do all of it."""
    driven = Driven()
    for number in range(2000):
        driven.do(Put(b"k%d" % (number % 3), b"v"))
    driven.do(Compact(1999))
    steps = 1
    while driven.state.tidy():
        steps += 1
    assert steps >= 6


def test_a_delete_at_the_compacted_revision_can_still_be_seen() -> None:
    driven = Driven()
    driven.do(Put(b"k", b"v"))
    gone = driven.do(DeleteRange(b"k")).revision
    driven.do(Put(b"other", b"v"))
    driven.do(Compact(gone))
    while driven.state.tidy():
        pass
    assert [change.kv.key for change in driven.state.space.changes(gone, gone + 1)] == [b"k"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (Put(b""), "empty_key"),
        (DeleteRange(b""), "empty_key"),
        (Put(b"k", b"v", ignore_value=True), "value_provided"),
        (Put(b"k", lease=1, ignore_lease=True), "lease_provided"),
        (Put(b"new", ignore_value=True), "key_not_found"),
        (Put(b"new", b"v", ignore_lease=True), "key_not_found"),
        (Put(b"k", b"v", lease=404), "lease_not_found"),
        (Txn(success=(Put(b"k", lease=404),)), "lease_not_found"),
        (Txn(success=(Put(b"a"), Put(b"a"))), "duplicate_key"),
        (Txn(success=(Put(b"a"), DeleteRange(b"\0", b"\0"))), "duplicate_key"),
        (Txn(success=(Put(b"a"), Txn(failure=(Put(b"a"),)))), "duplicate_key"),
        (Txn(success=(Put(b"a"),) * 129), "too_many_operations"),
        (Txn(success=(*(Range(b"a"),) * 100, Txn(success=(Range(b"a"),) * 29))), "too_many_operations"),
        (Txn(compare=(Compare(b"", Relation.EQUAL, Target.MOD),)), "empty_key"),
        (Txn(success=(Range(b"k", revision=99),)), "future_revision"),
        (Txn(success=(Put(b"a"), Range(b"k", revision=1))), "compacted"),
        (Compact(99), "future_revision"),
        (Compact(2), "compacted"),
    ],
)
def test_each_refusal_says_what_it_is_and_changes_nothing(word: object, expected: str) -> None:
    driven = Driven()
    for _ in range(3):
        driven.do(Put(b"k", b"v"))
    driven.do(Compact(2))
    before = driven.do(Put(b"k", b"w")).revision
    outcome = driven.do(word)
    assert code(outcome.result) == expected
    assert outcome.revision == before and driven.ask(Hash()) == HashResult(*hash_of(driven), before, 2)


def hash_of(driven: Driven) -> tuple[int]:
    found = driven.ask(Hash())
    assert isinstance(found, HashResult)
    return (found.hash,)


def test_the_same_branches_of_a_nested_transaction_may_change_the_same_key() -> None:
    word = Txn(success=(Txn(success=(Put(b"a", b"1"),), failure=(Put(b"a", b"2"),)),))
    assert not isinstance(Driven().do(word).result, Fault)
    word = Txn(success=(Txn(success=(Put(b"a", b"1"),), failure=(DeleteRange(b"a"),)),))
    assert not isinstance(Driven().do(word).result, Fault)


def test_a_transaction_nested_without_end_is_refused() -> None:
    """Control: without a limit that nested ones share, this would be as deep as its sender likes."""
    word = Txn()
    for _ in range(130):
        word = Txn(success=(word,))
    assert code(Driven().do(word).result) == "too_many_operations"


CHANGING = PUTS | DELETES | txns(PUTS | DELETES)


@settings(PATIENT)
@given(st.lists(CHANGING, max_size=6).map(tuple))
def test_collisions_are_found_as_by_comparing_everything(branch: tuple[object, ...]) -> None:
    word = Txn(success=branch)  # type: ignore[arg-type]  # operations
    assert collide(word) is naive_collision(branch)


def test_conditions_are_looked_at_before_anything_is_done() -> None:
    """Control: a nested condition that saw the put before it would take the other branch."""
    asks = Compare(b"a", Relation.EQUAL, Target.VERSION, 0)
    word = Txn(success=(Put(b"a", b"1"), Txn((asks,), (Put(b"b", b"unseen"),), (Put(b"b", b"seen"),))))
    driven = Driven()
    driven.do(word)
    found = driven.ask(Range(b"b"))
    assert isinstance(found, RangeResult) and found.kvs[0].value == b"unseen"


def test_revisions_never_go_back_when_a_crash_takes_the_last_batches() -> None:
    driven = Driven()
    for number in range(10):
        driven.do(Put(b"k", b"%d" % number))
    driven.do(Compact(8))
    revision = driven.state.space.revision
    for lost in range(1, 6):
        driven.restart(lost)
        assert driven.state.space.revision == revision
