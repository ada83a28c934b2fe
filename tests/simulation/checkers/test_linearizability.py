"""The search agrees with a brute force over all orders, and with histories whose answer is known."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, permutations

import pytest
from tests.simulation.checkers.histories import LOST, REFUSED, at_once, in_turn, op

from serai.simulation.chance import Seeded
from serai.simulation.checkers.linearizability import (
    Answer,
    check_linearizable,
    is_linearizable,
    search_of,
    shortest_prefix,
)
from serai.simulation.checkers.models import Cas, Map, Model, Read, ReadAll, Registers, Write
from serai.simulation.history import Operation, Outcome
from serai.simulation.violations import Violation

R, W = Read("x"), lambda value: Write("x", value)

GOOD = {
    "nothing": [],
    "a read of nothing": in_turn((R, None)),
    "one after the other": in_turn((W(1), None), (R, 1), (W(2), None), (R, 2)),
    "a read beside a write sees the old": [op(W(1), 0, 1), op(W(2), 2, 6), op(R, 3, 4, 1), op(R, 7, 8, 2)],
    "a read beside a write sees the new": [op(W(1), 0, 1), op(W(2), 2, 6), op(R, 3, 4, 2), op(R, 7, 8, 2)],
    # Herlihy and Wing 1990, figure 2 in spirit: orders that no client saw by itself.
    "writes at once, then reads agree": [op(W(1), 0, 5), op(W(2), 1, 6), op(R, 7, 8, 1), op(R, 9, 10, 1)],
    "a read after an unanswered write sees it": [op(W(1), 0, 0, LOST), op(R, 1, 2, 1)],
    "a read after an unanswered write does not": [op(W(1), 0, 0, LOST), op(R, 1, 2, None), op(R, 3, 4, 1)],
    "a refused write is nowhere": [op(W(1), 0, 1, REFUSED), op(R, 2, 3, None)],
    "compare and set": in_turn((Cas("x", None, 1), True), (Cas("x", 7, 2), False), (Cas("x", 1, 3), True), (R, 3)),
    "one of two compare and set wins": at_once((Cas("x", None, 1), True), (Cas("x", None, 2), False)),
    "an unanswered compare and set may have won": [
        op(Cas("x", None, 1), 0, 0, LOST),
        op(Cas("x", None, 2), 1, 2, False),
    ],
    "keys are apart": in_turn((Write("x", 1), None), (Write("y", 2), None), (R, 1), (Read("y"), 2)),
}

BAD = {
    "a value from nowhere": in_turn((R, 5)),
    "a stale read": in_turn((W(1), None), (W(2), None), (R, 1)),
    "a lost write": in_turn((W(1), None), (R, None)),
    "new, then old": [op(W(1), 0, 9), op(R, 1, 2, 1), op(R, 3, 4, None)],
    "reads that disagree about the order": [
        *(op(W(1), 0, 5), op(W(2), 1, 6)),
        *(op(R, 7, 8, 1), op(R, 9, 10, 2)),
    ],
    "an unanswered write is undone": [op(W(1), 0, 0, LOST), op(R, 1, 2, 1), op(R, 3, 4, None)],
    "an unanswered write cannot be read before it began": [op(R, 0, 1, 1), op(W(1), 2, 2, LOST)],
    "a refused write is read": [op(W(1), 0, 1, REFUSED), op(R, 2, 3, 1)],
    "two compare and set win": at_once((Cas("x", None, 1), True), (Cas("x", None, 2), True)),
    "a compare and set fails though it must win": in_turn((Cas("x", None, 1), False)),
    "one bad key is enough": in_turn((Write("y", 1), None), (Read("y"), 1), (R, 3)),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_histories_pass(name: str) -> None:
    check_linearizable(GOOD[name], Registers())
    assert brute_force(GOOD[name], Registers())


@pytest.mark.parametrize("name", BAD)
def test_bad_histories_are_caught(name: str) -> None:
    with pytest.raises(Violation, match="no order of the first"):
        check_linearizable(BAD[name], Registers())
    assert not brute_force(BAD[name], Registers())


ALL = ReadAll()


@pytest.mark.parametrize(
    ("history", "good"),
    [
        (in_turn((Write("b", 2), None), (Write("a", 1), None), (ALL, (("a", 1), ("b", 2)))), True),
        (in_turn((Write("a", 1), None), (Write("a", None), None), (ALL, ())), True),
        (in_turn((Write("a", 1), None), (ALL, ())), False),
        # Each key by itself could be explained; the two reads of the whole cannot.
        (at_once((Write("a", 1), None), (Write("b", 1), None), (ALL, (("a", 1),)), (ALL, (("b", 1),))), False),
        (in_turn((Cas("a", None, 1), True), (Read("a"), 1), (Read("b"), None)), True),
    ],
)
def test_a_map_is_judged_as_a_whole(history: list[Operation], good: bool) -> None:
    assert (is_linearizable(history, Map()) is Answer.YES) == good == brute_force(history, Map())


def brute_force(operations: Sequence[Operation], model: Model) -> bool:
    """Tries every order of the calls that were answered with every choice of those that were not."""
    answered = [one for one in operations if one.outcome is Outcome.OK]
    silent = [one for one in operations if one.outcome is Outcome.UNKNOWN]
    chosen = (extra for count in range(len(silent) + 1) for extra in combinations(silent, count))
    return any(explains(order, model) for extra in chosen for order in permutations([*answered, *extra]))


def explains(order: Sequence[Operation], model: Model) -> bool:
    for number, one in enumerate(order):
        if any(later.ended < one.began for later in order[number + 1 :]):
            return False
    states: dict[object, object] = {}
    for one in order:
        part = model.part(one.call)
        result, states[part] = model.after(states.get(part, model.initial()), one.call)  # type: ignore[arg-type]
        if one.outcome is Outcome.OK and result != one.result:
            return False
    return True


def random_history(chance: Seeded, keys: Sequence[str], size: int, *, lies: float) -> list[Operation]:
    """Concurrent calls on a true register whose replies are sometimes changed."""
    model = Registers()
    states: dict[str, object] = {}
    moments = sorted({chance.below(10_000) for _ in range(4 * size)})
    operations = []
    for number in range(size):
        start = chance.below(len(moments) - 3)
        began, takes_effect, ended = (moments[start], moments[start + 1], moments[start + 1 + chance.below(3)])
        call = chance.pick((Read, lambda key: Write(key, 1 + chance.below(3)), lambda key: random_cas(chance, key)))(
            chance.pick(keys)
        )
        operations.append((takes_effect, number, call, began, ended))
    found = []
    for _, number, call, began, ended in sorted(operations, key=lambda each: each[:2]):
        result, states[call.key] = model.after(states.get(call.key), call)  # type: ignore[arg-type]
        if chance.happens(lies):
            result = chance.pick((None, 1, 2, True, False))
        # No two moments of a history are the same.
        first, last = began * 100 + 2 * number, ended * 100 + 2 * number + 1
        found.append(op(call, first, last, LOST if chance.happens(0.15) else result))
    return sorted(found, key=lambda one: one.began)


def random_cas(chance: Seeded, key: str) -> Cas:
    return Cas(key, chance.pick((None, 1, 2, 3)), 1 + chance.below(3))


@pytest.mark.parametrize("lies", [0.0, 0.3])
def test_the_search_agrees_with_brute_force(lies: float) -> None:
    chance = Seeded(f"brute {lies}")
    answers: Counter[bool] = Counter()
    for _ in range(500):
        history = random_history(chance, ("x",), 2 + chance.below(5), lies=lies)
        expected = brute_force(history, Registers())
        assert is_linearizable(history, Registers()) is (Answer.YES if expected else Answer.NO), "\n".join(
            map(str, history)
        )
        answers[expected] += 1
    assert answers[True] > 50
    assert answers[False] == 0 if lies == 0 else answers[False] > 50


def test_parts_give_the_same_answer_as_the_whole() -> None:
    chance = Seeded("parts")
    answers: Counter[Answer] = Counter()
    for _ in range(300):
        history = random_history(chance, ("x", "y"), 7, lies=0.1)
        apart = is_linearizable(history, Registers())
        assert apart is is_linearizable(history, Map())
        answers[apart] += 1
    assert min(answers[Answer.YES], answers[Answer.NO]) > 30


def test_long_histories_are_searched_fast_and_without_recursion() -> None:
    history = [op(W(number // 2), number, number + 3) for number in range(0, 4000, 2)]
    assert search_of(history, Registers()).answer() is Answer.YES


def test_a_search_that_takes_too_long_says_so() -> None:
    history = [*at_once(*((W(number), None) for number in range(12))), op(R, 2000, 2001, 99)]
    with pytest.raises(Violation, match=r"13 calls on 'x': no answer after 1000 configurations") as raised:
        check_linearizable(history, Registers(), steps_max=1000)
    assert raised.value.kind == "undecided"


def test_the_prefix_ends_with_the_first_reply_that_nothing_explains() -> None:
    history = in_turn((W(1), None), (W(2), None), (R, 2), (R, 1), (W(3), None), (R, 3))
    prefix = shortest_prefix(history, Registers())
    assert [str(one.call) for one in prefix] == ["write x = 1", "write x = 2", "read x", "read x"]
    cut_short = [op(W(1), 0, 100), op(R, 1, 2, 1), op(R, 3, 4, None)]
    prefix = shortest_prefix(cut_short, Registers())
    assert [one.outcome for one in prefix] == [Outcome.UNKNOWN, Outcome.OK, Outcome.OK]
    assert prefix[0].ended > 100


def test_a_counterexample_can_be_followed() -> None:
    with pytest.raises(Violation) as raised:
        check_linearizable(in_turn((W(1), None), (W(2), None), (R, 1)), Registers())
    assert raised.value.story.splitlines() == [
        "no order of the first 3 calls on 'x' explains this reply:",
        "        4.0000 s .. 5.0000 s     4: read x -> 1",
        "the longest order that explains the replies before it ends so (the last 8 calls):",
        "        0.0000 s .. 1.0000 s     0: write x = 1 -> None   leaves 1",
        "        2.0000 s .. 3.0000 s     2: write x = 2 -> None   leaves 2",
        "and in the state 2 none of these can come next:",
        "        4.0000 s .. 5.0000 s     4: read x -> 1   but would have been told 2",
    ]
