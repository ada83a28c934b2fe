"""What things are called, and where they stand in the store. Pure.

/serai/TENANT/current/KIND/NAME           a namespace, flag or segment as it is
/serai/TENANT/versions/KIND/NAME/NUMBER   every version of it
/serai/TENANT/services/SERVICE/INSTANCE   who offers what
"""

import re

from serai.kernel.errors import Invalid

NAME_CHARS_MAX = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def checked_name(name: str) -> str:
    """The name, if it can be one. Invalid."""
    if len(name) > NAME_CHARS_MAX or not _NAME.fullmatch(name):
        raise Invalid.of(
            "name",
            "not_a_name",
            f"{name[: NAME_CHARS_MAX + 1]!r} is no name: letters, digits, '-', '_' and '.', at most {NAME_CHARS_MAX}.",
        )
    return name
