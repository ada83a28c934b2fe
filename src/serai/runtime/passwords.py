"""Password hashing off the event loop: argon2id, in a bounded number of threads, with a bounded queue.

It prevents three things: a sign-in that stops every other request for its 50 ms, a flood of sign-ins that takes all
memory (64 MiB each), and an answer whose time tells whether the user exists. Unknown users cost the same work.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from serai.kernel.ports import Random

T = TypeVar("T")

_SALT_BYTES = 16
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs, and how many may be made at once."""

    time_cost: int
    memory_kib: int
    lanes: int
    threads_max: int
    queue_max: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the password was right, and a fresh hash if the stored one was made with older parameters."""

    right: bool
    rehashed: str | None = None


class Hashing:
    """Hashes and checks passwords. `busy` makes the error that is raised when the queue is full."""

    def __init__(self, cost: Cost, random: Random, busy: Callable[[], Exception]) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.time_cost,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )
        self._random = random
        self._busy = busy
        self._threads = asyncio.Semaphore(cost.threads_max)
        self._asking = 0
        self._asking_max = cost.threads_max + cost.queue_max
        self._nobody = _hash_of_nobody(cost, random)

    async def hash(self, password: str) -> str:
        """A hash in the PHC string format."""
        return await self._apart(self._hash, password)

    async def verify(self, stored: str | None, password: str) -> Verdict:
        """Checks a password; `stored` is None for an unknown user, which costs as much and is never right."""
        return await self._apart(self._verify, stored or self._nobody, password)

    async def _apart(self, work: Callable[..., T], *arguments: str) -> T:
        if self._asking >= self._asking_max:
            raise self._busy()
        self._asking += 1
        try:
            async with self._threads:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._asking -= 1

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_encoded(password), salt=self._random.token(_SALT_BYTES))

    def _verify(self, stored: str, password: str) -> Verdict:
        try:
            self._hasher.verify(stored, _encoded(password))
        except (VerificationError, InvalidHashError):
            return Verdict(False)
        return Verdict(True, self._hash(password) if self._hasher.check_needs_rehash(stored) else None)


def _encoded(password: str) -> bytes:
    # A lone surrogate can be typed into JSON; it must be a wrong password, not an encoding error.
    return password.encode("utf-8", "surrogatepass")


def _hash_of_nobody(cost: Cost, random: Random) -> str:
    """A hash with today's parameters that no known password makes: a random digest costs nothing to write down."""
    salt, digest = (b64encode(random.token(size)).rstrip(b"=").decode() for size in (_SALT_BYTES, _HASH_BYTES))
    parameters = f"m={cost.memory_kib},t={cost.time_cost},p={cost.lanes}"
    return f"$argon2id$v=19${parameters}${salt}${digest}"
