"""Object ids that carry their own place: the first 16 hex digits are the row number, which is the time of creation.

So one integer serves as primary key, as order of every list and as `created`, and an insert is always an append:
no index on the id is needed. The last digits are random, so that an id cannot be guessed from its neighbour.
"""

from serai.kernel.ports import Random

_COUNTER_BITS = 16
_PLACE_CHARS = 16
_TAIL_BYTES = 4


class Places:
    """Hands out row numbers: milliseconds in the high bits, a counter in the low ones; always rising.

    `last` is the highest number ever stored, so that neither a restart nor a clock that steps back repeats one.
    """

    def __init__(self, last: int) -> None:
        self._last = last

    def next(self, now_ms: int) -> int:
        """A number above every earlier one, and not before `now_ms`."""
        self._last = max(now_ms << _COUNTER_BITS, self._last + 1)
        return self._last


def write(prefix: str, place: int, random: Random) -> str:
    """`pi_` and 24 digits."""
    return f"{prefix}_{place:016x}{random.token(_TAIL_BYTES).hex()}"


def place_of(id_: str) -> int | None:
    """The row number that an id names, or None if the text is no id of ours."""
    _, _, digits = id_.rpartition("_")
    if len(digits) != _PLACE_CHARS + 2 * _TAIL_BYTES or not digits.isascii():
        return None
    try:
        place = int(digits[:_PLACE_CHARS], 16)
    except ValueError:
        return None
    return place if 0 <= place < 1 << 63 else None


def created_of(place: int) -> int:
    """When the thing was made, in whole Unix seconds."""
    return (place >> _COUNTER_BITS) // 1000


def place_at(second: int) -> int:
    """The lowest number that a thing made at `second` can have; for ranges of `created`."""
    return min(max(second, 0), 1 << 37) * 1000 << _COUNTER_BITS
