"""What a process that has finished starting does with its memory.

A process that serves has loaded some hundred thousand objects that stay for ever. The collector would walk them again
and again, in the middle of requests, to find nothing. Freezing them takes them out of its sight; and since requests
leave little that only the collector can free, it looks less often.
"""

import gc

YOUNG_MAX = 20_000
"""Objects that may be made, beyond those freed, before the youngest are looked through (Python's own: 700)."""


def settle() -> None:
    """Called once, when everything is loaded and before the first request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, 10, 10)
