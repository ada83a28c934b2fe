"""Passwords as identity's settings have them hashed."""

from serai.kernel.ports import Random
from serai.runtime.passwords import Cost, Hashing
from serai.systems.identity.errors import HashingBusy
from serai.systems.identity.settings import IdentitySettings


class Passwords(Hashing):
    """Hashes and checks passwords. HashingBusy."""

    def __init__(self, settings: IdentitySettings, random: Random) -> None:
        cost = Cost(
            time_cost=settings.argon2_time_cost,
            memory_kib=settings.argon2_memory_kib,
            lanes=settings.argon2_lanes,
            threads_max=settings.hashing_threads_max,
            queue_max=settings.hashing_queue_max,
        )
        super().__init__(cost, random, _busy)


def _busy() -> HashingBusy:
    return HashingBusy("Too many passwords are being checked; try again in a moment.", retry_after_s=1)
