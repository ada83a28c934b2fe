"""Workloads write every value once and ask for everything that they may ask for."""

from collections import Counter

from serai.simulation.chance import Seeded
from serai.simulation.checkers.anomalies import AppendTo, ReadList
from serai.simulation.checkers.convergence import Add, Increment, Remove
from serai.simulation.checkers.models import Cas, Read, Write
from serai.simulation.workloads import LIST_MAX, AppendCalls, CounterCalls, RegisterCalls, SetCalls, Shares

COUNT = 1_000


def test_register_calls_come_in_their_shares_with_values_of_their_own() -> None:
    calls, chance = RegisterCalls(3, Shares(read=2, write=1, cas=1)), Seeded(1)
    made = [calls(chance) for _ in range(COUNT)]
    kinds = Counter(type(call) for call in made)
    assert 400 < kinds[Read] < 600
    assert 180 < kinds[Write] < 320
    assert 180 < kinds[Cas] < 320
    values = [call.value for call in made if not isinstance(call, Read)]
    assert len(set(values)) == len(values)
    assert {call.key for call in made} == {"k0", "k1", "k2"}


def test_a_compare_and_set_often_expects_the_last_value() -> None:
    calls, chance = RegisterCalls(1, Shares(read=0, write=1, cas=1)), Seeded(1)
    last, fits = None, Counter[bool]()
    for _ in range(COUNT):
        call = calls(chance)
        assert not isinstance(call, Read)
        if isinstance(call, Cas):
            fits[call.expected == last] += 1
        last = call.value
    assert fits[True] > 100
    assert fits[False] > 100


def test_append_calls_are_small_transactions() -> None:
    calls, chance = AppendCalls(2, steps_max=3), Seeded(1)
    steps = [calls(chance).steps for _ in range(COUNT)]
    assert {len(each) for each in steps} == {1, 2, 3}
    appended = [step.value for each in steps for step in each if isinstance(step, AppendTo)]
    assert len(set(appended)) == len(appended)
    assert any(isinstance(step, ReadList) for each in steps for step in each)
    sizes = Counter(step.key for each in steps for step in each if isinstance(step, AppendTo))
    assert max(sizes.values()) == LIST_MAX
    assert len(sizes) == 2 + sum(size == LIST_MAX for size in sizes.values())


def test_only_what_was_added_is_removed() -> None:
    calls, chance = SetCalls(), Seeded(1)
    added: set[object] = set()
    removals = 0
    for _ in range(COUNT):
        call = calls(chance)
        if isinstance(call, Add):
            assert call.element not in added
            added.add(call.element)
        else:
            assert isinstance(call, Remove)
            assert call.element in added
            removals += 1
    assert 150 < removals < 250


def test_increments_go_both_ways() -> None:
    chance = Seeded(1)
    made = Counter(CounterCalls()(chance) for _ in range(COUNT))
    assert {call.by for call in made} == {-5, -4, -3, -2, -1, 1, 2, 3, 4, 5}
    assert isinstance(next(iter(made)), Increment)
