"""What an operator may tune about sign-in, sessions and keys, and why the defaults are what they are."""

from dataclasses import dataclass, fields
from typing import ClassVar

from serai.runtime.settings import Settings, setting


@dataclass(frozen=True)
class IdentitySettings(Settings):
    """`SERAI_IDENTITY_*`. Argon2's defaults are the second recommendation of RFC 9106 (64 MiB)."""

    room: ClassVar[str] = "identity"

    argon2_time_cost: int = setting(3, "Passes over the memory for each password.", unit="passes")
    argon2_memory_kib: int = setting(65_536, "Memory for each password while it is checked.", unit="KiB")
    argon2_lanes: int = setting(4, "Lanes for each password.", unit="lanes")
    hashing_threads_max: int = setting(2, "Passwords checked at once in one process.", unit="threads")
    hashing_queue_max: int = setting(32, "Passwords that may wait; more are refused with 503.", unit="requests")
    session_absolute_s: int = setting(30 * 86_400, "A session ends this long after sign-in.", unit="s")
    session_idle_s: int = setting(7 * 86_400, "A session ends after so long without a request.", unit="s")
    sessions_per_user_max: int = setting(50, "The oldest session of a user ends beyond this.", unit="sessions")
    keys_max: int = setting(1_000, "Live API keys of one organisation.", unit="keys")
    cache_life_s: float = setting(
        5.0, "How long a key or session is believed unseen: a revocation works within it.", unit="s"
    )
    cache_max: int = setting(10_000, "Keys and sessions remembered in one process.", unit="entries")
    sign_in_burst: int = setting(10, "Attempts for one e-mail address at once.", unit="attempts")
    sign_in_per_minute: float = setting(2.0, "Further attempts for one e-mail address.", unit="1/min")
    address_burst: int = setting(50, "Attempts from one network address at once.", unit="attempts")
    address_per_minute: float = setting(20.0, "Further attempts from one network address.", unit="1/min")
    loopback_exempt: bool = setting(True, "Whether this machine's own address is not throttled (e-mails still are).")

    def problems(self) -> list[str]:
        """Values that would lock everybody out, or nobody."""
        found = [
            f"SERAI_IDENTITY_{item.name.upper()} is {value}; choose more than 0"
            for item in fields(self)
            if not isinstance(value := getattr(self, item.name), bool) and value <= 0
        ]
        if self.cache_life_s > 5:
            found.append(f"SERAI_IDENTITY_CACHE_LIFE_S is {self.cache_life_s}; a revocation must work within 5 s")
        if self.argon2_memory_kib < 8 * self.argon2_lanes:
            found.append(f"SERAI_IDENTITY_ARGON2_MEMORY_KIB must be at least 8 per lane ({8 * self.argon2_lanes})")
        return found
