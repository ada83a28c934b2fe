"""What can go wrong with somebody's identity, and what the one who asks should do.

SeraiError
├── Unauthenticated
│   ├── InvalidCredentials      e-mail address or password is wrong; which of them is never told
│   └── InvalidApiKey           the bearer token is no key of ours, or was revoked, or has expired
├── Forbidden
│   ├── CsrfFailed              a browser's request did not prove that our own page made it
│   ├── RoleNotHeld             nobody hands out more than they hold
│   └── NoOrganisation          the password is right, but they are a member of no such organisation
├── NotFound
│   ├── KeyNotFound
│   └── UserNotFound
├── Conflict
│   ├── SlugTaken
│   ├── AlreadyMember
│   ├── LastOwner               an organisation keeps at least one owner
│   └── TooManyKeys             the organisation's limit of keys is reached
├── TooMany
│   └── TooManySignIns          the throttle of a password's guesser
└── Unavailable
    ├── HashingBusy             too many passwords are being checked at once (retry)
    └── SiteMissing             the organisation of SERAI_SITE_TENANT does not exist yet
"""

from serai.kernel.errors import Conflict, Forbidden, NotFound, TooMany, Unauthenticated, Unavailable


class InvalidCredentials(Unauthenticated):
    """E-mail address or password is wrong."""

    code = "invalid_credentials"
    title = "Sign-in failed"


class InvalidApiKey(Unauthenticated):
    """The bearer token opens nothing."""

    code = "invalid_api_key"
    title = "The API key is not valid"


class CsrfFailed(Forbidden):
    """A request with a browser's cookie did not prove that our own page made it."""

    code = "csrf_failed"
    title = "The page has expired"


class RoleNotHeld(Forbidden):
    """Somebody tried to hand out, or take away, more than they hold."""

    code = "role_not_held"
    title = "You cannot grant what you do not hold"


class NoOrganisation(Forbidden):
    """Somebody known, but not there."""

    code = "no_organisation"
    title = "You are not a member of this organisation"


class KeyNotFound(NotFound):
    """No such API key in this organisation."""

    code = "key_not_found"


class UserNotFound(NotFound):
    """No such member of this organisation."""

    code = "user_not_found"


class SlugTaken(Conflict):
    """Another organisation has this slug."""

    code = "slug_taken"
    title = "The slug is taken"


class AlreadyMember(Conflict):
    """The person is a member already."""

    code = "already_member"
    title = "Already a member"


class LastOwner(Conflict):
    """It would leave the organisation without an owner."""

    code = "last_owner"
    title = "An organisation needs an owner"


class TooManyKeys(Conflict):
    """The organisation has as many live keys as it may have."""

    code = "too_many_keys"
    title = "Too many API keys"


class TooManySignIns(TooMany):
    """The throttle that makes guessing passwords pointless."""

    code = "too_many_sign_ins"
    title = "Too many attempts to sign in"


class HashingBusy(Unavailable):
    """Too many passwords are being checked at once."""

    code = "hashing_busy"


class SiteMissing(Unavailable):
    """The organisation whose site guests see does not exist."""

    code = "site_missing"
    title = "The site has no organisation yet"
