import random
from itertools import pairwise

import pytest

from serai.systems.payments.gateway import ids


class _Random:
    def __init__(self) -> None:
        self._random = random.Random(1)

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def below(self, bound: int) -> int:
        return self._random.randrange(bound)


def test_places_rise_even_when_the_clock_steps_back_or_bursts() -> None:
    places = ids.Places(0)
    moments = [1000] * 70_000 + [500, 2000, 1999]
    got = [places.next(moment) for moment in moments]
    assert all(before < after for before, after in pairwise(got))


def test_a_restart_never_repeats_a_place() -> None:
    last = ids.Places(0).next(9_000_000)
    assert ids.Places(last).next(1) == last + 1


def test_an_id_says_where_and_when() -> None:
    place = ids.Places(0).next(1_700_000_000_123)
    id_ = ids.write("pi", place, _Random())
    assert ids.place_of(id_) == place
    assert ids.created_of(place) == 1_700_000_000
    assert ids.place_at(1_700_000_000) <= place < ids.place_at(1_700_000_001)


@pytest.mark.parametrize(
    "text", ["", "pi", "pi_", "pi_1", "pi_" + "g" * 24, "pi_" + "f" * 24, "pi_" + "é" * 24, "a" * 99]
)
def test_other_texts_name_nothing(text: str) -> None:
    assert ids.place_of(text) is None
