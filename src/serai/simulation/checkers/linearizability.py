"""Is there one order of all calls, each between its beginning and its reply, that explains every reply?

The search of Wing and Gong (1993) with the memory of visited configurations that Lowe added (2017), as in Porcupine: a
configuration is which calls have been placed, and the state that they left. Parts of the object are judged apart, which
linearizability allows (Herlihy and Wing 1990, locality).

Calls without a reply may stand anywhere after their beginning, or nowhere; they are placed only when nothing else can
be. Calls that leave the state alone are placed as soon as they fit, which excludes no order that exists.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from math import inf

from serai.simulation.checkers.models import Model
from serai.simulation.history import Operation, Outcome
from serai.simulation.violations import Violation

STEPS_MAX = 500_000
"""Configurations that one part's search may visit before it is given up as undecided."""

SHOWN_MAX = 8
"""Placed calls that a counterexample shows."""


class Answer(Enum):
    """Whether an order exists."""

    YES = "linearizable"
    NO = "not linearizable"
    UNDECIDED = "undecided"


@dataclass(slots=True)
class _Choice:
    """One more call placed."""

    operation: Operation
    done: int
    opened: int
    state: Hashable


@dataclass(slots=True)
class Search:
    """One part's calls, and the search for an order."""

    model: Model
    replied: list[Operation]
    """In the order in which they began."""
    silent: list[Operation]
    """Those without a reply that may have changed something."""
    steps_max: int = STEPS_MAX
    best: list[_Choice] = field(default_factory=list)
    """The longest order that was found."""

    def answer(self) -> Answer:
        """Searches depth first, by an explicit stack: a history may be longer than Python's."""
        everything = (1 << len(self.replied)) - 1
        path: list[_Choice] = []
        stack = [self._choices(0, 0, self.model.initial())]
        seen: set[tuple[int, int, Hashable]] = set()
        if not everything:
            return Answer.YES
        while stack:
            choice = next(stack[-1], None)
            if choice is None:
                stack.pop()
                del path[len(stack) - 1 :]
                continue
            configuration = (choice.done, choice.opened, choice.state)
            if configuration in seen:
                continue
            seen.add(configuration)
            path.append(choice)
            if choice.done.bit_count() > (self.best[-1].done.bit_count() if self.best else -1):
                self.best = list(path)
            if choice.done == everything:
                return Answer.YES
            if len(seen) > self.steps_max:
                return Answer.UNDECIDED
            stack.append(self._choices(choice.done, choice.opened, choice.state))
        return Answer.NO

    def candidates(self, done: int) -> tuple[list[int], float]:
        """Calls that may come next: those that began before the first reply that is still to be explained."""
        near: list[int] = []
        limit = inf
        at = (~done & (done + 1)).bit_length() - 1
        while at < len(self.replied) and self.replied[at].began < limit:
            if not done >> at & 1:
                near.append(at)
                limit = min(limit, self.replied[at].ended)
            at += 1
        return [index for index in near if self.replied[index].began < limit], limit

    def _choices(self, done: int, opened: int, state: Hashable) -> Iterator[_Choice]:
        candidates, limit = self.candidates(done)
        fitting: list[_Choice] = []
        for index in candidates:
            operation = self.replied[index]
            result, left = self.model.after(state, operation.call)
            if result == operation.result:
                choice = _Choice(operation, done | 1 << index, opened, left)
                if self.model.reads_only(operation.call, result):
                    yield choice
                    return
                fitting.append(choice)
        yield from sorted(fitting, key=lambda choice: choice.operation.ended)
        for index, operation in enumerate(self.silent):
            if operation.began > limit:
                return
            if not opened >> index & 1:
                _, left = self.model.after(state, operation.call)
                if left != state:
                    yield _Choice(operation, done, opened | 1 << index, left)


def check_linearizable(operations: Sequence[Operation], model: Model, steps_max: int = STEPS_MAX) -> None:
    """Judges a history. Violation: `linearizability` with a counterexample, or `undecided` after `steps_max`."""
    for part, calls in parts_of(operations, model).items():
        answer = search_of(calls, model, steps_max).answer()
        if answer is Answer.UNDECIDED:
            raise Violation("undecided", f"{len(calls)} calls on {part!r}: no answer after {steps_max} configurations")
        if answer is Answer.NO:
            raise Violation("linearizability", _story(part, calls, model, steps_max))


def is_linearizable(operations: Sequence[Operation], model: Model, steps_max: int = STEPS_MAX) -> Answer:
    """The same as a value: NO if one part has no order, else UNDECIDED if one is, else YES."""
    answers = {search_of(calls, model, steps_max).answer() for calls in parts_of(operations, model).values()}
    return next((answer for answer in (Answer.NO, Answer.UNDECIDED) if answer in answers), Answer.YES)


def parts_of(operations: Sequence[Operation], model: Model) -> dict[Hashable, list[Operation]]:
    """The calls on each part. Calls that certainly were not done say nothing and are left out."""
    parts: dict[Hashable, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.outcome is not Outcome.FAILED:
            parts[model.part(operation.call)].append(operation)
    assert None not in parts or len(parts) == 1, "some calls concern the whole, others a part"
    return parts


def search_of(calls: Sequence[Operation], model: Model, steps_max: int = STEPS_MAX) -> Search:
    """The search for an order of one part's calls."""
    ordered = sorted(calls, key=lambda operation: operation.began)
    replied = [operation for operation in ordered if operation.outcome is Outcome.OK]
    silent = [operation for operation in ordered if operation.outcome is Outcome.UNKNOWN]
    return Search(model, replied, [one for one in silent if not model.reads_only(one.call, None)], steps_max)


# The counterexample -------------------------------------------------------------------------------------------------


def shortest_prefix(calls: Sequence[Operation], model: Model, steps_max: int = STEPS_MAX) -> list[Operation]:
    """The calls up to the first reply that no order explains. A longer history cannot mend it."""
    ends = sorted(operation.ended for operation in calls if operation.outcome is Outcome.OK)
    assert ends, "what was never told cannot be wrong"
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        if search_of(prefix_of(calls, ends[middle]), model, steps_max).answer() is Answer.NO:
            high = middle
        else:
            low = middle + 1
    return prefix_of(calls, ends[low])


def prefix_of(calls: Sequence[Operation], moment: float) -> list[Operation]:
    """The history as it stood then: later calls are not there, and those under way have no reply."""
    return [
        call if call.ended <= moment else replace(call, outcome=Outcome.UNKNOWN, ended=inf, ended_s=inf, result=None)
        for call in calls
        if call.began <= moment
    ]


def _story(part: Hashable, calls: Sequence[Operation], model: Model, steps_max: int) -> str:
    prefix = shortest_prefix(calls, model, steps_max)
    search = search_of(prefix, model, steps_max)
    search.answer()
    path = search.best
    state = path[-1].state if path else model.initial()
    last = max((call for call in prefix if call.outcome is Outcome.OK), key=lambda call: call.ended)
    whose = "" if part is None else f" on {part!r}"
    lines = [f"no order of the first {len(prefix)} calls{whose} explains this reply:", f"    {last}"]
    lines.append(f"the longest order that explains the replies before it ends so (the last {SHOWN_MAX} calls):")
    lines += [f"    {choice.operation}   leaves {choice.state}" for choice in path[-SHOWN_MAX:]]
    lines.append(f"and in the state {state} none of these can come next:")
    for index in search.candidates(path[-1].done if path else 0)[0]:
        operation = search.replied[index]
        lines.append(f"    {operation}   but would have been told {model.after(state, operation.call)[0]}")
    return "\n".join(lines)
