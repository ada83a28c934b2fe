"""Processes that are not always a test's own children."""

import os
import select


def gone(pid: int, deadline_s: float = 20.0) -> bool:
    """Whether a process ends in time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], deadline_s)[0])
    finally:
        os.close(handle)
