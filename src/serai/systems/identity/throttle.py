"""The throttle of sign-ins: a guesser gets a handful of tries a minute, for each e-mail address and from each network.

It is asked before the password is hashed, and answers the same for users who exist and who do not.
"""

import math

from serai.mechanisms.metering.bucket import Rate
from serai.runtime.http.callers import CallerTable
from serai.runtime.http.edge import is_loopback
from serai.systems.identity.errors import TooManySignIns
from serai.systems.identity.model import email_key
from serai.systems.identity.settings import IdentitySettings


class Throttle:
    """Counts attempts."""

    def __init__(self, settings: IdentitySettings, callers: CallerTable) -> None:
        self._callers = callers
        self._email = Rate(settings.sign_in_burst, settings.sign_in_per_minute / 60)
        self._address = Rate(settings.address_burst, settings.address_per_minute / 60)
        self._loopback_exempt = settings.loopback_exempt

    def admit(self, email: str, address: str) -> None:
        """Counts one attempt; raises TooManySignIns with the seconds to wait."""
        keys = [(b"sign-in email " + email_key(email).encode(), self._email)]
        if not (self._loopback_exempt and is_loopback(address)):
            keys.append((b"sign-in address " + address.encode(), self._address))
        admitted = self._callers.admit(keys)
        assert admitted is not None, "there is always the e-mail's bucket"
        decision, _ = admitted
        if not decision.allowed:
            wait_s = max(1, math.ceil(decision.retry_after_s))
            raise TooManySignIns(f"Too many attempts to sign in; try again in {wait_s} s.", retry_after_s=wait_s)
