"""Circles and paths, compared with a naive search on random graphs."""

from itertools import pairwise

from serai.simulation.chance import Seeded
from serai.simulation.checkers.graph import Graph


def test_circles_are_the_nodes_that_reach_each_other() -> None:
    chance = Seeded("graphs")
    found = 0
    for _ in range(300):
        size = 2 + chance.below(7)
        graph, edges = Graph(), set()
        for _ in range(chance.below(2 * size)):
            one, other, kind = chance.below(size), chance.below(size), chance.pick(("ww", "wr"))
            graph.add(one, kind, other, "because")
            edges |= {(one, other)} if one != other else set()
        reach = {(one, other) for one in range(size) for other in range(size) if reaches(edges, one, other)}
        together = {frozenset(b for b in range(size) if {(a, b), (b, a)} <= reach) for a in range(size)}
        expected = {circle for circle in together if len(circle) > 1}
        assert set(graph.circles(("ww", "wr"))) == expected
        everyone = frozenset(range(size))
        for one in range(size):
            for other in range(size):
                path = graph.path(one, other, ("ww", "wr"), everyone)
                assert bool(path) == ((one, other) in reach)
                if path:
                    assert (path[0][0], path[-1][2]) == (one, other)
                    assert all(a[2] == b[0] for a, b in pairwise(path))
        found += len(expected)
    assert found > 50


def reaches(edges: set[tuple[int, int]], start: int, end: int) -> bool:
    """By at least one edge."""
    reached = {other for one, other in edges if one == start}
    for _ in range(len(edges)):
        reached |= {other for one, other in edges if one in reached}
    return end in reached


def test_a_path_is_the_shortest_over_the_kinds_that_are_allowed() -> None:
    graph = Graph()
    for one, kind, other in ((1, "ww", 2), (2, "ww", 3), (3, "ww", 4), (1, "rw", 4), (2, "wr", 4)):
        graph.add(one, kind, other, f"{one} to {other}")
    everyone = frozenset((1, 2, 3, 4))
    assert graph.path(1, 4, ("ww", "rw"), everyone) == [(1, "rw", 4)]
    assert graph.path(1, 4, ("ww", "wr"), everyone) == [(1, "ww", 2), (2, "wr", 4)]
    assert graph.path(1, 4, ("ww", "wr"), frozenset((1, 3, 4))) == []
    assert graph.reason((2, "wr", 4)) == "2 to 4"


def test_nobody_comes_before_himself() -> None:
    graph = Graph()
    graph.add(1, "ww", 1, "odd")
    assert graph.circles(("ww",)) == []
