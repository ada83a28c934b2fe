"""The throttle of sign-ins: a guesser gets a handful of tries a minute, for each e-mail address and from each network.

Buckets are per process: with N web processes a guesser may reach N times as much, which is still nothing.
It is asked before the password is hashed, and answers the same for users who exist and who do not.
"""

import math

from serai.kernel.ports import Clock
from serai.mechanisms.metering.bucket import Rate
from serai.runtime.http.edge import Callers, Limits, is_loopback
from serai.systems.identity.errors import TooManySignIns
from serai.systems.identity.model import email_key
from serai.systems.identity.settings import IdentitySettings

REMEMBERED_MAX = 50_000
"""E-mail and network addresses whose buckets are kept; the one not seen for longest is forgotten first."""


class Throttle:
    """Counts attempts."""

    def __init__(self, settings: IdentitySettings, clock: Clock) -> None:
        self._callers = Callers(Limits(callers_max=REMEMBERED_MAX), clock)
        self._email = Rate(settings.sign_in_burst, settings.sign_in_per_minute / 60)
        self._address = Rate(settings.address_burst, settings.address_per_minute / 60)
        self._loopback_exempt = settings.loopback_exempt

    def admit(self, email: str, address: str) -> None:
        """Counts one attempt; raises TooManySignIns with the seconds to wait."""
        keys = [(b"email " + email_key(email).encode(), self._email)]
        if not (self._loopback_exempt and is_loopback(address)):
            keys.append((b"address " + address.encode(), self._address))
        admitted = self._callers.admit(keys)
        assert admitted is not None, "there is always the e-mail's bucket"
        decision, _ = admitted
        if not decision.allowed:
            wait_s = max(1, math.ceil(decision.retry_after_s))
            raise TooManySignIns(f"Too many attempts to sign in; try again in {wait_s} s.", retry_after_s=wait_s)
