"""The log in memory against a list that is searched from the beginning."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serai.mechanisms.consensus.log import Log
from serai.mechanisms.consensus.messages import Configuration, Entry, Kind


def entries(first: int, terms: list[int]) -> list[Entry]:
    return [Entry(index, term, Kind.COMMAND, b"%d" % term) for index, term in enumerate(sorted(terms), first)]


terms = st.lists(st.integers(1, 5), max_size=8)


@settings(max_examples=400)
@given(terms, terms, st.integers(0, 8), st.data())
def test_merging_is_cutting_at_the_first_difference(
    mine: list[int], theirs: list[int], commit: int, data: st.DataObject
) -> None:
    log = Log(0, 0, Configuration())
    log.add(entries(1, mine))
    other = entries(1, theirs)
    same = 0
    while same < min(len(mine), len(theirs)) and sorted(mine)[same] == sorted(theirs)[same]:
        same += 1
    log.commit_to(min(commit, same))
    first = data.draw(st.integers(0, same))
    log.merge(other[first:])
    contradicted = same < len(theirs)
    expected = other if contradicted or len(theirs) > len(mine) else entries(1, mine)
    assert [log.entry(index) for index in range(1, log.last_index + 1)] == list(expected)
    uncommitted = expected[log.commit :]
    assert log.uncommitted_bytes == sum(entry.cost_bytes for entry in uncommitted)


@given(terms, terms)
def test_the_hints_lead_to_the_newest_common_entry(mine: list[int], theirs: list[int]) -> None:
    """Follower and leader exchange hints until both hold the same entry; that must end, and skip nothing common."""
    one, other = Log(0, 0, Configuration()), Log(0, 0, Configuration())
    one.add(entries(1, mine))
    other.add(entries(1, theirs))
    common = max(n for n in range(min(len(mine), len(theirs)) + 1) if one.term_at(n) == other.term_at(n))
    at, tries = one.last_index, 0
    while other.term_at(at) != one.term_at(at):
        hint, term = other.conflict_before(at, one.term_at(at) or 0)
        before, at = at, one.conflict_before(hint, term)[0]
        assert common <= at < before
        tries += 1
    assert at == common
    assert tries <= len(set(mine)) + 1


def test_what_was_replaced_on_its_way_to_the_disk_does_not_count_as_stored() -> None:
    log = Log(0, 0, Configuration())
    log.add(entries(1, [1, 1, 1]))
    log.handed(1)
    log.merge([Entry(2, 2, Kind.COMMAND, b"")])
    log.handed(2)
    log.stored(1)
    assert log.durable == 1
    log.stored(2)
    assert log.durable == 2


def test_a_configuration_counts_from_its_entry_on_and_not_after_it_is_cut() -> None:
    one, two = Configuration(("a",)), Configuration(("b",))
    log = Log(0, 0, Configuration())
    log.add([Entry(1, 1, Kind.CONFIGURATION, one.to_bytes()), Entry(2, 1, Kind.CONFIGURATION, two.to_bytes())])
    assert (log.configuration, log.configuration_index, log.configuration_at(1)) == (two, 2, one)
    assert log.outvoted("a")
    log.merge([Entry(2, 2, Kind.EMPTY, b"")])
    assert log.configuration == one
    log.commit_to(1)
    assert not log.outvoted("b")


def test_compaction_keeps_terms_and_configuration() -> None:
    one = Configuration(("a",))
    log = Log(0, 0, Configuration())
    log.add([Entry(1, 1, Kind.CONFIGURATION, one.to_bytes()), *entries(2, [2, 3, 3])])
    log.handed(1)
    log.stored(1)
    with pytest.raises(AssertionError, match="entry 3 is still needed"):
        log.compact(3)
    log.commit_to(3)
    log.compact(3)
    assert (log.base_index, log.base_term, log.last_index, log.configuration) == (3, 3, 4, one)
    assert log.term_at(2) is None
    assert log.slice(4, 4, 1)[0].index == 4


def test_a_slice_holds_what_fits_and_at_least_one() -> None:
    log = Log(0, 0, Configuration())
    log.add(entries(1, [1, 1, 1]))
    assert len(log.slice(1, 3, 1)) == 1
    assert len(log.slice(1, 3, 40)) == 2
    assert len(log.slice(1, 2, 1000)) == 2
    assert log.slice(4, 9, 1000) == ()
