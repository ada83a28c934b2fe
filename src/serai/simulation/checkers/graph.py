"""Who must come before whom, and the cycles in it. An edge has a kind and a reason that a person can read."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

Edge = tuple[int, str, int]
"""From, kind, to."""


class Graph:
    """A directed graph whose edges have kinds; of each kind one edge between two nodes."""

    def __init__(self) -> None:
        self._edges: dict[str, dict[int, dict[int, str]]] = {}

    def add(self, before: int, kind: str, after: int, reason: str) -> None:
        """An edge, unless it would begin and end at the same node."""
        if before != after:
            self._edges.setdefault(kind, {}).setdefault(before, {}).setdefault(after, reason)

    def reason(self, edge: Edge) -> str:
        """Why it is there."""
        before, kind, after = edge
        return self._edges[kind][before][after]

    def edges(self, kind: str) -> Iterator[Edge]:
        """All of a kind."""
        for before, others in self._edges.get(kind, {}).items():
            for after in others:
                yield before, kind, after

    def path(self, start: int, end: int, kinds: Sequence[str], within: frozenset[int]) -> list[Edge]:
        """The shortest path over edges of these kinds through these nodes; empty if there is none."""
        assert {start, end} <= within, f"the way from {start} to {end} leaves {sorted(within)}"
        came: dict[int, Edge] = {}
        queue = deque([start])
        while queue and end not in came:
            for edge in self._from(queue.popleft(), kinds):
                if edge[2] not in came and edge[2] in within:
                    came[edge[2]] = edge
                    queue.append(edge[2])
        if end not in came:
            return []
        found = [came[end]]
        while found[-1][0] != start:
            found.append(came[found[-1][0]])
        return found[::-1]

    def circles(self, kinds: Sequence[str]) -> list[frozenset[int]]:
        """Sets of nodes that reach each other (strongly connected, two or more), by Kosaraju's two passes."""
        nodes = {node for kind in kinds for edge in self.edges(kind) for node in (edge[0], edge[2])}
        forward = {node: [edge[2] for edge in self._from(node, kinds)] for node in nodes}
        backward: dict[int, list[int]] = {node: [] for node in nodes}
        for node, others in forward.items():
            for other in others:
                backward[other].append(node)
        taken: set[int] = set()
        order = [node for start in sorted(nodes) for node in _finished(start, forward, taken)]
        taken = set()
        found = [frozenset(_finished(start, backward, taken)) for start in reversed(order)]
        return [circle for circle in found if len(circle) > 1]

    def _from(self, node: int, kinds: Iterable[str]) -> Iterator[Edge]:
        for kind in kinds:
            for after in self._edges.get(kind, {}).get(node, ()):
                yield node, kind, after


def _finished(start: int, following: dict[int, list[int]], taken: set[int]) -> list[int]:
    """Nodes reached from the start and not taken before, each after all that are reached through it."""
    if start in taken:
        return []
    taken.add(start)
    done: list[int] = []
    stack = [(start, iter(following[start]))]
    while stack:
        node, others = stack[-1]
        fresh = next((other for other in others if other not in taken), None)
        if fresh is None:
            done.append(node)
            stack.pop()
        else:
            taken.add(fresh)
            stack.append((fresh, iter(following[fresh])))
    return done
