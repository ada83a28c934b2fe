"""Which seats make a good take: the orphan rule and the best available.

**The rule.** A *run* is a longest row of free neighbours: it ends at a taken or blocked seat, an aisle, the end of the
row or a wheelchair place. A take may not leave a free seat single, unless that seat is all that its run has left.
The whole take is judged at once, whatever clicks made it; seats of any category count as free; a seat that was single
before is nobody's fault; wheelchair places are made to be taken alone and never count.

That is the least that any choice can do: of a run of n free seats, a take of k can always leave the other n - k
together, unless n - k is one. So the rule refuses a take exactly when another take of as many seats from the same
runs leaves fewer single, and nobody is ever forbidden the last seats of a hall.

**The best.** Seats side by side before split ones; then those that leave no single seat; then those nearest to the
focal point. When no run is long enough the party sits in as few groups as possible, in two adjacent rows if those
have room, and a group of three or more sends one along before somebody sits alone. Equal inputs give equal answers,
so a buyer who asks twice is not moved.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from serai.systems.cinema.plan.model import Block, Plan, Point

FOCUS_DEPTH = 2 / 3
"""How far back, of the way from the first to the last row, the picture is best: where studios mix the sound."""
TAKE_MAX = 100
"""The most seats that one question may ask for."""
ACCESSIBLE_TRIED_MAX = 4
"""How many wheelchair places are tried, nearest the focus first, when looking for companions' seats."""


def orphans(plan: Plan, free: Collection[int], take: Collection[int]) -> list[int]:
    """The seats that `take` needlessly leaves single; empty if the take is allowed.

    `free` holds the keys that were free before the take (a buyer's own held seats are free to them); `take` must be
    a part of it.
    """
    taken = frozenset(take)
    assert taken <= frozenset(free), "a take of seats that are not free"
    needless = []
    for run in _runs(plan, frozenset(free)):
        left = [key for key in run if key not in taken]
        if 1 < len(left) < len(run):
            needless += _singles(run, taken)
    return needless


def _runs(plan: Plan, free: frozenset[int]) -> Iterator[tuple[int, ...]]:
    """Every run of the plan, in document order."""
    wheel = _wheelchair_places(plan)
    for block in plan.blocks:
        yield from _split(block.keys, free - wheel)


def _split(keys: Iterable[int], wanted: Collection[int]) -> Iterator[tuple[int, ...]]:
    """The longest stretches of `keys` that lie in `wanted`."""
    run: list[int] = []
    for key in keys:
        if key in wanted:
            run.append(key)
        elif run:
            yield tuple(run)
            run = []
    if run:
        yield tuple(run)


def _singles(run: tuple[int, ...], taken: frozenset[int]) -> list[int]:
    """The seats of a run that stand alone once `taken` is gone."""
    left = [0, *(0 if key in taken else key for key in run), 0]
    return [
        key for before, key, after in zip(left, left[1:], left[2:], strict=False) if key and not before and not after
    ]


def _wheelchair_places(plan: Plan) -> frozenset[int]:
    """Keys of the places that are kept for wheelchairs."""
    names = {category.name for category in plan.categories if category.accessible}
    return frozenset(seat.key for seat in plan.seats if seat.category in names)


def focus(plan: Plan, category: str | None = None) -> Point:
    """The best point of a category's seats, or of all: the middle across, two thirds of the way back."""
    seats = [seat for seat in plan.seats if category is None or seat.category == category]
    assert seats, f"no seat of category {category!r}"
    left, right = min(seat.x for seat in seats), max(seat.x for seat in seats)
    front, back = min(seat.y for seat in seats), max(seat.y for seat in seats)
    return Point((left + right) / 2, front + (back - front) * FOCUS_DEPTH)


def best(
    plan: Plan, free: Collection[int], count: int, category: str | None = None, accessible: bool = False
) -> list[int]:
    """The keys of the `count` best free seats, ascending; empty if there are not as many.

    With `accessible`, one of them is a wheelchair place and the others are as near to it as can be, of `category`
    if one is given; without, wheelchair places are left to those who need them.
    """
    assert 1 <= count <= TAKE_MAX, f"asked for {count} seats; the limit is {TAKE_MAX}"
    search = _Search.of(plan, free, category)
    if accessible:
        return _with_wheelchair(search, plan, count)
    if not search.segments:
        return []
    return sorted(search.take(count, focus(plan, category)))


@dataclass(frozen=True, slots=True)
class _Segment:
    """Neighbours that may be offered, and how many free seats of other categories continue their run on each side."""

    zone: int
    row: int
    keys: tuple[int, ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True, order=True)
class _Choice:
    """Some seats and how good they are; the least is the best. `cost` is the sum of squared distances in px²."""

    alone: int
    singles: int
    cost: int
    keys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Search:
    """The seats that may be offered, as segments in document order."""

    plan: Plan
    segments: tuple[_Segment, ...]
    wheelchair: tuple[int, ...]

    @classmethod
    def of(cls, plan: Plan, free: Collection[int], category: str | None) -> "_Search":
        wheel = _wheelchair_places(plan)
        ordinary = frozenset(free) - wheel
        wanted = ordinary if category is None else {key for key in ordinary if plan.seats[key - 1].category == category}
        segments = [segment for block in plan.blocks for segment in _segments(block, ordinary, wanted)]
        return cls(plan, tuple(segments), tuple(sorted(wheel & frozenset(free))))

    def take(self, count: int, point: Point) -> tuple[int, ...]:
        """The best seats near a point: together if any run is long enough, else split; empty if too few are free."""
        costs = self.costs(point)
        together = [_window(segment, count, costs) for segment in self.segments if len(segment.keys) >= count]
        if together:
            return min(together).keys
        return self.split(count, costs)

    def costs(self, point: Point) -> list[int]:
        """Squared distance of every seat from a point, by key; whole numbers, so that sums compare exactly."""
        x, y = point.x, point.y
        return [0, *(round((seat.x - x) ** 2 + (seat.y - y) ** 2) for seat in self.plan.seats)]

    def split(self, count: int, costs: list[int]) -> tuple[int, ...]:
        """The best seats over several runs, from the lowest band of adjacent rows that has room."""
        rows: dict[int, list[_Segment]] = {}
        for segment in self.segments:
            rows.setdefault(segment.row, []).append(segment)
        for height in range(2, max(rows, default=0) + 3):
            groups = [_grouped(band, count, costs) for band in _bands(rows, height)]
            found = [(len(pieces), _joined(pieces)) for pieces in groups if pieces]
            if found:
                return min(found)[1].keys
        return _joined(_grouped(list(self.segments), count, costs)).keys


def _segments(block: Block, ordinary: frozenset[int], wanted: Collection[int]) -> Iterator[_Segment]:
    """The offerable stretches of a block, each with what its run goes on with."""
    for run in _split(block.keys, ordinary):
        for keys in _split(run, wanted):
            before = run.index(keys[0])
            yield _Segment(block.zone, block.row, keys, before, len(run) - before - len(keys))


def _window(segment: _Segment, count: int, costs: list[int]) -> _Choice:
    """The best `count` neighbours of a segment that has as many."""
    cost = sum(costs[key] for key in segment.keys[:count])
    found = []
    last = len(segment.keys) - count
    for start in range(last + 1):
        singles = (segment.before + start == 1) + (segment.after + last - start == 1)
        found.append((singles, cost, start))
        if start < last:
            cost += costs[segment.keys[start + count]] - costs[segment.keys[start]]
    singles, cost, start = min(found)
    return _Choice(count == 1, singles, cost, segment.keys[start : start + count])


def _bands(rows: dict[int, list[_Segment]], height: int) -> Iterator[list[_Segment]]:
    """The segments of every `height` consecutive rows of a zone that begin with a row that has any."""
    for first, members in rows.items():
        band = [segment for row in range(first, first + height) for segment in rows.get(row, ())]
        yield [segment for segment in band if segment.zone == members[0].zone]


def _grouped(band: list[_Segment], count: int, costs: list[int]) -> list[_Choice]:
    """`count` seats of a band in as few groups as possible; empty if the band has not as many.

    Taking the longest segments first needs the fewest groups. If a single person would remain, the group before
    them sends one along.
    """
    if sum(len(segment.keys) for segment in band) < count:
        return []
    ordered = sorted(band, key=lambda segment: (-len(segment.keys), costs[segment.keys[0]], segment.keys))
    sizes: list[int] = []
    for segment in ordered:
        sizes.append(min(len(segment.keys), count - sum(sizes)))
        if sum(sizes) == count:
            break
    if len(sizes) > 1 and sizes[-1] == 1 and sizes[-2] > 2 and len(ordered[len(sizes) - 1].keys) > 1:
        sizes[-2:] = [sizes[-2] - 1, 2]
    return [_window(segment, size, costs) for segment, size in zip(ordered, sizes, strict=False)]


def _joined(pieces: list[_Choice]) -> _Choice:
    """Several groups as one choice."""
    keys = tuple(sorted(key for piece in pieces for key in piece.keys))
    return _Choice(
        sum(piece.alone for piece in pieces),
        sum(piece.singles for piece in pieces),
        sum(piece.cost for piece in pieces),
        keys,
    )


def _with_wheelchair(search: _Search, plan: Plan, count: int) -> list[int]:
    """A wheelchair place and the companions' seats nearest to it."""
    middle = search.costs(focus(plan))
    nearest = sorted(search.wheelchair, key=lambda key: (middle[key], key))[:ACCESSIBLE_TRIED_MAX]
    found = [choice for place in nearest if (choice := _party(search, place, count)) is not None]
    return sorted(min(found)[2]) if found else []


def _party(search: _Search, place: int, count: int) -> tuple[int, int, tuple[int, ...]] | None:
    """Wheelchair places used, nearness, and the seats of a party around one wheelchair place; None if it is too big."""
    seat = search.plan.seat(place)
    costs = search.costs(Point(seat.x, seat.y))
    companions = search.take(count - 1, Point(seat.x, seat.y)) if count > 1 else ()
    others: list[int] = []
    if count > 1 and not companions:
        # The ordinary seats do not suffice: the party may spread over other wheelchair places.
        pool = [key for segment in search.segments for key in segment.keys]
        pool += [key for key in search.wheelchair if key != place]
        others = sorted(pool, key=lambda key: (costs[key], key))[: count - 1]
        companions = tuple(others)
    if len(companions) < count - 1:
        return None
    keys = (place, *companions)
    return sum(key in search.wheelchair for key in keys), sum(costs[key] for key in keys), keys
