"""Who has asked how often: token buckets in memory that all web processes of a site share.

Without it a caller had as much again from each process, and nobody could say how much. The memory is a file without a
name, made by the supervisor and inherited; a process that was started by hand has its own. Each table is one of sets of
eight: a caller's set follows from its key and a secret of this memory, so that nobody can work out whose neighbours to
be; in a full set the caller not seen for longest is forgotten first.

Nothing is locked: two processes that look at one caller within the same microsecond may let one request too many
through, and a process that is killed or stopped leaves nothing that another has to wait for.
"""

import hashlib
import os
import struct
import tempfile
from collections.abc import Iterable
from enum import IntEnum
from mmap import mmap
from typing import IO

from serai.kernel.ports import Clock
from serai.mechanisms.metering.bucket import Bucket, Decision, Rate, take

CALLERS_MAX = 65_536
"""Callers remembered in each table, in 1.5 MB."""

WAYS = 8

KEY_BYTES = 32

_HEAD_BYTES = 64
_ENTRY = struct.Struct("@Qdd")
_FREE = 0


class Table(IntEnum):
    """Whose buckets a table has: nothing that is done in one is forgotten for what is done in another."""

    REQUESTS = 0
    SIGN_INS = 1


def shared_file(callers_max: int = CALLERS_MAX) -> IO[bytes]:
    """The memory of all tables, as a file that nobody else can open: to be inherited by its descriptor.

    Its room is taken at once, so that a full disk is an error here and not a signal in whoever counts.
    """
    made = tempfile.TemporaryFile(prefix="serai-callers-")  # noqa: SIM115  # it lives as long as the supervisor
    made.write(_fresh_head() + bytes(len(Table) * callers_max * _ENTRY.size))
    made.flush()
    return made


def _fresh_head() -> bytes:
    return os.urandom(KEY_BYTES).ljust(_HEAD_BYTES, b"\0")


class CallerTable:
    """Buckets by caller: the clock must be the machine's own monotonic one, which all processes share."""

    def __init__(
        self,
        clock: Clock,
        *,
        descriptor: int | None = None,
        table: Table = Table.REQUESTS,
        callers_max: int = CALLERS_MAX,
    ) -> None:
        self._clock = clock
        self._ways = min(WAYS, callers_max)
        if descriptor is not None:
            callers_max = (os.fstat(descriptor).st_size - _HEAD_BYTES) // (len(Table) * _ENTRY.size)
        self._sets = callers_max // self._ways
        assert self._sets >= 1, f"a table of {callers_max} callers"
        table_bytes = callers_max * _ENTRY.size
        self._memory = mmap(-1 if descriptor is None else descriptor, _HEAD_BYTES + len(Table) * table_bytes)
        if descriptor is None:
            self._memory[:_HEAD_BYTES] = _fresh_head()
        self._key = self._memory[:KEY_BYTES]
        self._start = _HEAD_BYTES + table * table_bytes

    def admit(self, keys: Iterable[tuple[bytes, Rate]]) -> tuple[Decision, Rate] | None:
        """Spends a token of each key; returns the tightest decision, or None when nothing is limited."""
        tightest: tuple[Decision, Rate] | None = None
        now_s = self._clock.monotonic()
        for key, rate in keys:
            decision = self._spend(key, rate, now_s)
            if tightest is None or (decision.allowed, decision.remaining) < (
                tightest[0].allowed,
                tightest[0].remaining,
            ):
                tightest = decision, rate
        return tightest

    def _spend(self, key: bytes, rate: Rate, now_s: float) -> Decision:
        number = int.from_bytes(hashlib.blake2s(key, digest_size=8, key=self._key).digest(), "little") or 1
        place, bucket = self._find(number)
        decision = take(bucket, rate, now_s)
        entry = _ENTRY.pack(number, decision.bucket.tokens, decision.bucket.at_s)
        self._memory[place : place + _ENTRY.size] = entry  # `pack_into` would first make it a free place for others
        return decision

    def _find(self, number: int) -> tuple[int, Bucket | None]:
        """Where this caller's bucket is, or where a new one goes: a free place, else the longest unused one."""
        start = self._start + number % self._sets * self._ways * _ENTRY.size
        oldest_s, oldest = float("inf"), start
        for place in range(start, start + self._ways * _ENTRY.size, _ENTRY.size):
            found, tokens, at_s = _ENTRY.unpack_from(self._memory, place)
            if found == number:
                return place, Bucket(tokens, at_s)
            seen_s = float("-inf") if found == _FREE else at_s
            if seen_s < oldest_s:
                oldest_s, oldest = seen_s, place
        return oldest, None
