"""How a counter's room is spread over its buckets, so that buyers of a hot thing do not queue for one row.

It prevents two failures of a resize: a bucket left with less room than is already taken from it, and room lost or made
up by rounding.
"""

from collections.abc import Sequence


class TooSmall(ValueError):
    """More is taken already than the room that was asked for."""


def spread(total: int, taken: Sequence[int]) -> tuple[int, ...]:
    """Room for each bucket: together `total`, none below what is `taken` from it, and free room as even as can be.

    Where it does not divide, the first buckets get one more. Raises TooSmall if `total` is less than all that is taken.
    """
    assert taken, "a counter has at least one bucket"
    assert min(taken) >= 0, f"a bucket has {min(taken)} taken"
    if total < sum(taken):
        raise TooSmall(f"{sum(taken)} are taken, which is more than {total}")
    share, rest = divmod(total - sum(taken), len(taken))
    rooms = tuple(used + share + (index < rest) for index, used in enumerate(taken))
    assert sum(rooms) == total, f"{rooms} is not {total}"
    return rooms


def overbooked(rooms: Sequence[int], overbook: int) -> tuple[int, ...]:
    """How much of each bucket's room is overbooking: together `overbook`, taken from the last buckets first."""
    assert 0 <= overbook <= sum(rooms), f"{overbook} of {sum(rooms)}"
    parts = []
    left = overbook
    for room in reversed(rooms):
        parts.append(min(room, left))
        left -= parts[-1]
    return tuple(reversed(parts))
