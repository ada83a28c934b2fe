"""Which anomaly of Adya (1999) do transactions on append-only lists show?

A list that is read tells the order of all appends before, so the order of transactions can be inferred (the idea of
Elle, Kingsbury and Alvaro 2020) and a cycle in it is a proof:

    G0        writes of two transactions stand in different orders
    G1a       an append of a transaction that failed was read
    G1b       a list was read between two appends of one transaction
    G1c       a cycle of writes and of reads that saw them
    G-single  a cycle with one read that missed a later write (read skew, lost update)
    G2-item   a cycle with several of them (write skew)

`internal`, `order` and `garbage` are broken promises below these: a transaction that does not see itself, reads that
no order of appends explains, values that nobody appended. With `strict` an acknowledged transaction also comes before
all that begin later, and a cycle over such an edge ends in `-realtime`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from serai.simulation.checkers.graph import Edge, Graph
from serai.simulation.history import Operation, Outcome
from serai.simulation.violations import Violation, shortened, some_of


@dataclass(frozen=True, slots=True)
class AppendTo:
    """Puts a value at the end of a list; no value is appended twice to one list."""

    key: str
    value: int


@dataclass(frozen=True, slots=True)
class ReadList:
    """Gives the list, as a tuple."""

    key: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """Steps done as one. Its result is a tuple with one result a step: the list for a read, None for an append."""

    steps: tuple[AppendTo | ReadList, ...]

    def __str__(self) -> str:
        return "; ".join(
            f"append {step.value} to {step.key}" if isinstance(step, AppendTo) else f"read {step.key}"
            for step in self.steps
        )


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One that was found, with its proof."""

    kind: str
    story: str


def check_appends(operations: Sequence[Operation], *, strict: bool = False) -> None:
    """Judges a history of `Transaction`. Violation: the kind of the first anomaly, with the proofs of all."""
    if found := anomalies_of(operations, strict=strict):
        raise Violation(found[0].kind, some_of([f"{anomaly.kind}: {anomaly.story}" for anomaly in found]))


def anomalies_of(operations: Sequence[Operation], *, strict: bool = False) -> list[Anomaly]:
    """Every kind of anomaly that the history proves, the gravest first; of cycles one a kind and circle."""
    book = _Book(operations)
    wrong = [*book.misread(), *book.disordered()]
    if wrong:
        return wrong  # an order inferred from such reads would prove anything
    graph = _graph_of(book, operations, strict)
    if not graph.circles(("ww", "wr", "rw", "rt")):
        return []  # and most histories are without any
    return [*_cycles(graph, operations, ()), *(_cycles(graph, operations, ("rt",)) if strict else ())]


class _Book:
    """Who appended what, and the order of each list."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations
        self.writer: dict[tuple[str, int], int] = {}
        self.last: dict[tuple[int, str], int] = {}
        """The last value that a transaction appended to a key."""
        self.longest: dict[str, tuple[int, ...]] = defaultdict(tuple)
        self.reads: list[tuple[int, str, tuple[int, ...], int]] = []
        """Transaction, key, list, and how many of its last values are the transaction's own."""
        for index, operation in enumerate(operations):
            self._enter(index, operation)

    def _enter(self, index: int, operation: Operation) -> None:
        assert isinstance(operation.call, Transaction), f"{operation.call} is no transaction"
        results = operation.result if operation.outcome is Outcome.OK else None
        own: dict[str, int] = defaultdict(int)
        for number, step in enumerate(operation.call.steps):
            if isinstance(step, AppendTo):
                assert (step.key, step.value) not in self.writer, f"{step.value} is appended to {step.key} twice"
                self.writer[step.key, step.value] = index
                self.last[index, step.key] = step.value
                own[step.key] += 1
            elif isinstance(results, Sequence):
                seen = tuple(results[number])
                self.reads.append((index, step.key, seen, own[step.key]))
                self.longest[step.key] = max(self.longest[step.key], seen, key=len)

    def misread(self) -> Iterator[Anomaly]:
        """Lists that are wrong by themselves."""
        for index, key, seen, own in self.reads:
            reader = self.operations[index]
            for value in seen:
                writer = self.writer.get((key, value))
                if writer is None:
                    yield Anomaly(
                        "garbage", f"{value} was never appended to {key}, and was read by\n    {shortened(reader)}"
                    )
                elif self.operations[writer].outcome is Outcome.FAILED:
                    yield Anomaly(
                        "G1a", f"{value} of a failed transaction was read from {key}:{self._two(writer, index)}"
                    )
            yield from self._internal(index, key, seen, own)
            outside = seen[: len(seen) - own]
            writer = self.writer.get((key, outside[-1])) if outside else None
            if writer is not None and writer != index and self.last[writer, key] != outside[-1]:
                yield Anomaly(
                    "G1b", f"{key} was read between two appends of one transaction:{self._two(writer, index)}"
                )

    def _internal(self, index: int, key: str, seen: tuple[int, ...], own: int) -> Iterator[Anomaly]:
        mine = [step.value for step in self._steps(index) if isinstance(step, AppendTo) and step.key == key]
        foreign = set(seen[: len(seen) - own])
        if list(seen[len(seen) - own :]) != mine[:own] or foreign & set(mine):
            story = f"its own appends to {key} are not at the end of {shortened(seen)}:\n    "
            yield Anomaly("internal", story + shortened(self.operations[index]))

    def _steps(self, index: int) -> tuple[AppendTo | ReadList, ...]:
        call = self.operations[index].call
        assert isinstance(call, Transaction)
        return call.steps

    def disordered(self) -> Iterator[Anomaly]:
        """Lists that no one order of appends explains."""
        for index, key, seen, _ in self.reads:
            if len(set(seen)) < len(seen):
                yield Anomaly("order", f"{key} holds a value twice:\n    {shortened(self.operations[index])}")
            elif seen != self.longest[key][: len(seen)]:
                story = f"{key} was read as {shortened(seen)}, and also as {shortened(self.longest[key])}:\n    "
                yield Anomaly("order", story + shortened(self.operations[index]))

    def unseen(self) -> Iterator[tuple[int, str, int]]:
        """Appends that were done and that no read shows: transaction, key, value. They come behind all that were read.

        What was read of a transaction without a reply proves that it was done.
        """
        shown = {self.writer[key, value] for key, order in self.longest.items() for value in order}
        for (key, value), index in self.writer.items():
            is_done = self.operations[index].outcome is Outcome.OK or index in shown
            if is_done and value not in self.longest[key]:
                yield index, key, value

    def _two(self, writer: int, reader: int) -> str:
        return "".join(f"\n    {shortened(self.operations[index])}" for index in (writer, reader))


def _graph_of(book: _Book, operations: Sequence[Operation], strict: bool) -> Graph:
    graph = Graph()
    unseen: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for index, key, value in book.unseen():
        unseen[key].append((index, value))
    for key, order in book.longest.items():
        for one, other in pairwise(order):
            graph.add(book.writer[key, one], "ww", book.writer[key, other], f"{other} follows {one} in {key}")
        for index, value in unseen[key] if order else ():
            graph.add(book.writer[key, order[-1]], "ww", index, f"{value} comes to {key} after all that was read")
    for read in book.reads:
        _add_read(graph, book, *read, unseen[read[1]])
    if strict:
        _add_realtime(graph, operations)
    return graph


def _add_read(
    graph: Graph, book: _Book, index: int, key: str, seen: tuple[int, ...], own: int, unseen: list[tuple[int, int]]
) -> None:
    """A read comes after whose append it saw last, and before whose append it did not see."""
    outside = seen[: len(seen) - own]
    if outside:
        graph.add(book.writer[key, outside[-1]], "wr", index, f"its {outside[-1]} was read from {key}")
    order = book.longest[key]
    missed = [(book.writer[key, value], value) for value in order[len(outside) : len(outside) + 1]]
    for later, value in missed or unseen:
        graph.add(index, "rw", later, f"the read of {key} does not show {value}")


def _add_realtime(graph: Graph, operations: Sequence[Operation]) -> None:
    """Who ended before whom began, without the edges that follow from others."""
    moments: list[tuple[float, int, bool]] = [
        (operation.began, index, True) for index, operation in enumerate(operations)
    ]
    moments += [(operation.ended, index, False) for index, operation in enumerate(operations) if _is_done(operation)]
    frontier: set[int] = set()
    before: dict[int, set[int]] = {}
    for _, index, begins in sorted(moments):
        if begins:
            before[index] = set(frontier)
            for earlier in sorted(frontier):
                graph.add(earlier, "rt", index, "it was acknowledged before the next began")
        else:
            # Whoever begins from now on comes after this one, and through it after those that it came after.
            frontier = (frontier - before[index]) | {index}


def _is_done(operation: Operation) -> bool:
    return operation.outcome is Outcome.OK


def _cycles(graph: Graph, operations: Sequence[Operation], more: tuple[str, ...]) -> Iterator[Anomaly]:
    """Cycles over the data's edges and `more`, of which, if there are any, each cycle has one."""
    for name, needed, others in (
        ("G0", "ww", ("ww",)),
        ("G1c", "wr", ("ww", "wr")),
        ("G-single", "rw", ("ww", "wr")),
        ("G2-item", "rw", ("ww", "wr", "rw")),
    ):
        kinds = tuple(dict.fromkeys((*others, needed)))
        for circle in graph.circles((*kinds, *more)):
            cycle = _cycle(graph, circle, needed, (*others, *more), more)
            if cycle and not (name == "G2-item" and _cycle(graph, circle, needed, ("ww", "wr", *more), more)):
                kind = name + ("-realtime" if more else "")
                yield Anomaly(kind, _proof(graph, cycle, operations))


def _cycle(
    graph: Graph, circle: frozenset[int], needed: str, others: tuple[str, ...], more: tuple[str, ...]
) -> list[Edge]:
    """The shortest cycle with an edge of the needed kind (and one of `more`, if any) and the rest of the others."""
    best: list[Edge] = []
    for edge in graph.edges(needed):
        if edge[0] in circle and edge[2] in circle:
            way = graph.path(edge[2], edge[0], others, circle)
            fits = way and (not more or any(kind in more for _, kind, _ in way))
            if fits and (not best or len(way) + 1 < len(best)):
                best = [edge, *way]
    return best


def _proof(graph: Graph, cycle: Sequence[Edge], operations: Sequence[Operation]) -> str:
    names = {edge[0]: f"T{number}" for number, edge in enumerate(cycle, 1)}
    lines = ["a cycle of transactions, each of which must come before the next"]
    lines += [f"    {names[edge[0]]} = {shortened(operations[edge[0]])}" for edge in cycle]
    lines += [f"    {names[edge[0]]} before {names[edge[2]]} ({edge[1]}): {graph.reason(edge)}" for edge in cycle]
    return "\n".join(lines)
