"""Tokens of those who have signed in: a name and an end, signed.

The key is made of the cluster's secret and the user's own hash of the password: a user who is deleted or has a new
password, and an authentication that is switched off and on, leave all tokens of before worthless, on every member and
with nothing kept. What a user may do is not in the token: it is looked up where the command is applied.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

from serai.systems.coordination.errors import InvalidToken
from serai.systems.coordination.state.access import Access

SECRET_BYTES = 32
"""Of the cluster's secret."""
TOKEN_CHARACTERS_MAX = 1024


def issue(access: Access, user: str, ends_at_s: int) -> str:
    """A token for a user who is there; the end is by the wall clock."""
    body = f"{urlsafe_b64encode(user.encode()).decode()}.{ends_at_s}"
    return f"{body}.{_signature(access, user, body)}"


def user_of(access: Access, token: str, now_s: float) -> str:
    """Whose token it is. InvalidToken."""
    body, _, signature = token.rpartition(".")
    name, _, end = body.partition(".")
    if len(token) > TOKEN_CHARACTERS_MAX or not end.isdecimal():
        raise InvalidToken
    try:
        user = urlsafe_b64decode(name).decode()
    except ValueError as error:
        raise InvalidToken from error
    if user not in access.users or not hmac.compare_digest(signature, _signature(access, user, body)):
        raise InvalidToken
    if int(end) <= now_s:
        raise InvalidToken("The token has ended. Sign in again")
    return user


def _signature(access: Access, user: str, body: str) -> str:
    key = access.secret + access.users[user].password_hash.encode()
    return hmac.digest(key, body.encode(), "sha256").hex()
