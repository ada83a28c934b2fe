"""Leases beside their dumb twins: what is granted and attached, and when a leader's clock ends them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.systems.coordination.state.drive import PATIENT, Driven, code

from serai.systems.coordination.state.leases import PAUSE_MAX_S, TTL_MAX_S, Lease, LeaseClock
from serai.systems.coordination.state.limits import USUAL
from serai.systems.coordination.state.words import (
    Checkpoint,
    DeleteRange,
    Fault,
    GetLease,
    Grant,
    LeaseIds,
    LeaseResult,
    ListLeases,
    Nothing,
    Put,
    Range,
    RangeResult,
    Revoke,
)

IDS = st.integers(1, 3)
KEYS = st.sampled_from([b"a", b"b", b"b\0", b"c"])
COMMANDS = st.one_of(
    st.builds(Grant, id=IDS, ttl_s=st.integers(1, 100)),
    st.builds(Revoke, id=IDS),
    st.builds(Put, key=KEYS, lease=st.integers(0, 3)),
    st.builds(Put, key=KEYS, ignore_lease=st.just(True)),
    st.builds(DeleteRange, key=KEYS, range_end=st.sampled_from([b"", b"\0"])),
    st.builds(Checkpoint, remaining_s=st.lists(st.tuples(IDS, st.integers(0, 120)), max_size=3).map(tuple)),
    st.tuples(st.sampled_from(["restart", "move"]), st.integers(0, 3)),
)


class NaiveLeases:
    """Two dictionaries."""

    def __init__(self) -> None:
        self.leases: dict[int, tuple[int, int]] = {}
        self.keys: dict[bytes, int] = {}

    def do(self, word: object) -> bool:
        """Whether it can be done."""
        done: bool = getattr(self, type(word).__name__.lower())(word)
        return done

    def grant(self, word: Grant) -> bool:
        known = word.id in self.leases
        self.leases.setdefault(word.id, (word.ttl_s, word.ttl_s))
        return not known

    def revoke(self, word: Revoke) -> bool:
        self.keys = {key: lease for key, lease in self.keys.items() if lease != word.id}
        return self.leases.pop(word.id, None) is not None

    def put(self, word: Put) -> bool:
        if word.ignore_lease:
            return word.key in self.keys
        if word.lease and word.lease not in self.leases:
            return False
        self.keys[word.key] = word.lease
        return True

    def deleterange(self, word: DeleteRange) -> bool:
        gone = {key for key in self.keys if key == word.key or (word.range_end and key >= word.key)}
        self.keys = {key: lease for key, lease in self.keys.items() if key not in gone}
        return True

    def checkpoint(self, word: Checkpoint) -> bool:
        for number, left_s in word.remaining_s:
            if number in self.leases:
                ttl_s = self.leases[number][0]
                self.leases[number] = ttl_s, min(left_s, ttl_s) or ttl_s
        return True


@settings(PATIENT, max_examples=300)
@given(st.lists(COMMANDS, max_size=40))
def test_leases_are_their_twin(steps: list[object]) -> None:
    driven, twin = Driven(), NaiveLeases()
    for step in steps:
        if isinstance(step, tuple):
            driven.restart(step[1]) if step[0] == "restart" else driven.move()
            continue
        done = not isinstance(driven.do(step).result, Fault)
        assert done is twin.do(step), step
    assert driven.ask(ListLeases()) == LeaseIds(tuple(sorted(twin.leases)))
    for number, (ttl_s, left_s) in twin.leases.items():
        keys = tuple(sorted(key for key, lease in twin.keys.items() if lease == number))
        assert driven.ask(GetLease(number, keys=True)) == LeaseResult(number, left_s, ttl_s, keys)
    found = driven.ask(Range(b"\0", b"\0"))
    assert isinstance(found, RangeResult)
    assert {kv.key: kv.lease for kv in found.kvs} == twin.keys


def test_the_keys_of_a_lease_go_at_one_revision() -> None:
    driven = Driven()
    driven.do(Grant(7, 10))
    for key in (b"a", b"b"):
        driven.do(Put(key, lease=7))
    before = driven.state.space.revision
    outcome = driven.do(Revoke(7))
    assert outcome.result == Nothing() and outcome.revision == before + 1
    assert [change.kv.key for change in driven.state.space.changes(before + 1, before + 2)] == [b"a", b"b"]
    assert driven.state.ended == [7]


def test_a_lease_without_keys_ends_without_a_revision() -> None:
    driven = Driven()
    driven.do(Grant(7, 10))
    assert driven.do(Revoke(7)).revision == 1


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (Grant(1, 5), "lease_exists"),
        (Grant(2, TTL_MAX_S + 1), "lease_too_long"),
        (Grant(0, 5), "lease_not_found"),
        (Revoke(2), "lease_not_found"),
        (Put(b"k", lease=2), "lease_not_found"),
    ],
)
def test_what_leases_refuse(word: object, expected: str) -> None:
    driven = Driven()
    driven.do(Grant(1, 5))
    assert code(driven.do(word).result) == expected


def test_ids_may_be_negative_and_times_too_short() -> None:
    driven = Driven()
    assert driven.do(Grant(-5, 0)).result == LeaseResult(-5, 1, 1)
    driven.do(Put(b"k", lease=-5))
    assert driven.ask(GetLease(-5, keys=True)) == LeaseResult(-5, 1, 1, (b"k",))


# The clock ----------------------------------------------------------------------------------------------------------

STEP_S = 0.25
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["grant", "renew", "forget", "spare"]), st.integers(1, 4)),
        st.tuples(st.just("wait"), st.integers(1, 3)),
        st.tuples(st.just("pause"), st.integers(5, 40)),
    ),
    max_size=60,
)


class NaiveClock:
    """Seconds that are left, counted down; a pause counts nothing."""

    def __init__(self) -> None:
        self.left_s: dict[int, float] = {}
        self.ending: set[int] = set()

    def wait(self, seconds: float) -> None:
        for number in self.left_s:
            self.left_s[number] -= seconds

    def due(self) -> set[int]:
        found = {number for number, left_s in self.left_s.items() if left_s <= 0} - self.ending
        self.ending |= found
        return found


class Both:
    """The clock and its twin; a lease lives as many seconds as its number says."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.clock, self.twin = LeaseClock([], self.now_s), NaiveClock()

    def grant(self, number: int) -> None:
        if number not in self.twin.left_s:
            self.clock.granted(number, number, self.now_s)
            self.twin.left_s[number] = number

    def renew(self, number: int) -> None:
        can = number in self.twin.left_s and number not in self.twin.ending
        assert self.clock.renew(Lease(number, number), self.now_s) is can
        if can:
            self.twin.left_s[number] = number

    def forget(self, number: int) -> None:
        self.clock.forget(number)
        self.twin.left_s.pop(number, None)
        self.twin.ending.discard(number)

    def spare(self, number: int) -> None:
        self.clock.spare(number)
        self.twin.ending.discard(number)

    def wait(self, steps: int) -> None:
        for _ in range(steps):
            self.now_s += STEP_S
            self.twin.wait(STEP_S)
            assert set(self.clock.due(self.now_s, 100)) == self.twin.due()

    def pause(self, steps: int) -> None:
        self.now_s += steps * STEP_S
        assert steps * STEP_S > PAUSE_MAX_S
        assert set(self.clock.due(self.now_s, 100)) == self.twin.due(), "a leader that stood still ends nothing for it"

    def compare(self) -> None:
        for known, left_s in self.twin.left_s.items():
            expected = None if known in self.twin.ending else max(0.0, left_s)
            assert self.clock.left_s(known, self.now_s) == expected


@settings(PATIENT, max_examples=400)
@given(EVENTS)
def test_the_clock_is_its_twin(events: list[tuple[str, int]]) -> None:
    both = Both()
    for what, number in events:
        getattr(both, what)(number)
        both.compare()


def test_a_leader_that_stood_still_ends_nothing_at_once() -> None:
    """Control: by the clock alone all thousand would be due at 60 s."""
    clock = LeaseClock([Lease(number, 5) for number in range(1, 1001)], 0.0)
    ends = {tenths / 10: len(clock.due(tenths / 10, 2000)) for tenths in range(600, 660, 5)}
    assert {at_s: count for at_s, count in ends.items() if count} == {65.0: 1000}


def test_an_end_is_told_once() -> None:
    clock = LeaseClock([Lease(1, 1)], 0.0)
    assert clock.due(1.0, 10) == [1]
    assert clock.due(1.5, 10) == []
    assert not clock.renew(Lease(1, 1), 1.5), "nobody holds what is about to end"


def test_no_wave_of_ends_is_larger_than_asked_for() -> None:
    clock = LeaseClock([Lease(number, 1) for number in range(1, 11)], 0.0)
    assert [len(clock.due(1.0, 4)) for _ in range(4)] == [4, 4, 2, 0]


def test_a_new_leader_gives_what_the_checkpoint_says() -> None:
    clock = LeaseClock([Lease(1, 100, 30), Lease(2, 100)], 0.0)
    assert clock.left_s(1, 0.0) == 30 and clock.left_s(2, 0.0) == 100


def test_a_renewal_after_a_checkpoint_is_not_cut_short() -> None:
    """Control: without `curtailed` the next leader would give 41 s, and the client was promised 100."""
    lease = Lease(1, 100)
    clock = LeaseClock([lease], 0.0, replace(USUAL, checkpoint_every_s=60.0))
    now_s = 0.0
    while now_s < 60.0:
        now_s += 0.5
        clock.due(now_s, 10)
    assert clock.checkpoint({1: lease}, now_s) == Checkpoint(((1, 41),))
    assert clock.renew(lease, now_s) and clock.curtailed(lease), "it is on its way, though not applied"
    clock.made_whole(1)
    assert not clock.curtailed(lease) and clock.curtailed(Lease(1, 100, 41))
    driven = Driven()
    driven.do(Grant(1, 100))
    driven.do(Checkpoint(((1, 41),)))
    driven.do(lease.whole)
    assert driven.ask(GetLease(1)) == LeaseResult(1, 100, 100)


def test_all_leases_are_checkpointed_however_many() -> None:
    """Control: the first thousand again and again would leave the others out."""
    leases = {number: Lease(number, 1000) for number in range(1, 2501)}
    clock = LeaseClock(leases.values(), 0.0)
    written = [clock.checkpoint(leases, 60.0 + look) for look in range(4)]
    assert [len(one.remaining_s) if one else 0 for one in written] == [1000, 1000, 500, 0]
    assert {number for one in written if one for number, _ in one.remaining_s} == set(leases)
