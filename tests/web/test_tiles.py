"""Sparklines say what their series says."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from serai.web.tiles import SPARK_HEIGHT, SPARK_WIDTH, sparkline


def heights(path: str) -> list[float]:
    """The y of each point that the curve goes through."""
    return [float(y) for y in re.findall(r"(?:^M[\d.]+|C[\d.]+ [\d.]+ [\d.]+ [\d.]+ [\d.]+) ([\d.]+)", path)]


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=60))
def test_a_curve_stays_in_its_box_and_keeps_the_order_of_its_values(series):
    curve = sparkline(series)
    assert curve is not None
    found = heights(curve.line)
    assert len(found) == len(series)
    numbers = [float(text) for text in re.findall(r"-?\d+\.\d+", curve.line)]
    assert all(0 <= value <= SPARK_WIDTH for value in numbers[0::2])
    assert all(0 <= value <= SPARK_HEIGHT for value in numbers[1::2])
    pairs = zip(pairwise(series), pairwise(found), strict=True)
    assert all((a <= b and ya >= yb) or (a >= b and ya <= yb) for (a, b), (ya, yb) in pairs)
    assert abs(curve.end_y - found[-1]) < 0.11


def test_a_flat_series_runs_along_the_middle_and_one_value_draws_nothing():
    curve = sparkline([7, 7, 7])
    assert curve is not None and set(heights(curve.line)) == {SPARK_HEIGHT / 2}
    assert sparkline([7]) is None and sparkline([]) is None
