"""A settled process: what start-up loaded is out of the collector's sight, and what requests leave is still freed."""

import gc
import subprocess
import sys

SCRIPT = """
import gc, weakref
from serai.runtime.memory import YOUNG_MAX, settle

class Knot:
    pass

before = len(gc.get_objects())
settle()
assert gc.get_freeze_count() >= before // 2 and len(gc.get_objects()) < before // 10
knot = Knot()
knot.itself = knot
gone = weakref.ref(knot)
del knot
litter = [[] for _ in range(2 * YOUNG_MAX)]
assert gone() is None, "a circle that a request leaves is freed without being asked for"
"""


def test_what_was_loaded_is_frozen_and_circles_are_still_freed() -> None:
    assert subprocess.run([sys.executable, "-c", SCRIPT], timeout=60).returncode == 0
    assert gc.get_freeze_count() == 0, "tests themselves are not settled"
