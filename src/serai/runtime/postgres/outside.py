"""A PostgreSQL that somebody else runs: asked once before anything starts, so that a wrong URL is one sentence."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

from serai.kernel.errors import Misconfigured
from serai.runtime.postgres.database import shown
from serai.runtime.postgres.engine import MAJOR_MIN

CONNECT_S = 5
"""How long an outside server may take to answer."""


class OutsideServerUnusable(Misconfigured):
    """The server that a URL names does not answer, does not let us in, or is too old."""

    code = "postgres_unusable"


def reason_of(error: psycopg.OperationalError) -> str:
    """Why a connection failed: the last line that is no question, such as whether the server is running."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not line.endswith("?")), "no reason given")


def require_server(url: str, variable: str) -> str:
    """The version of the server behind `url`, such as '16.4'. `variable` is the setting that the reader must mend."""
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise OutsideServerUnusable(
            f"{variable} is not a PostgreSQL URL; write postgresql://user:password@host:port/database."
        ) from error
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_S) as connection:
            number = connection.info.server_version
    except psycopg.OperationalError as error:
        raise OutsideServerUnusable(
            f"PostgreSQL at {shown(url)} cannot be used ({reason_of(error)}); start it, or correct {variable}."
        ) from error
    version = f"{number // 10_000}.{number % 10_000}"
    if number < MAJOR_MIN * 10_000:
        raise OutsideServerUnusable(
            f"PostgreSQL at {shown(url)} is {version}, and {MAJOR_MIN} or newer is needed;"
            f" upgrade it, or correct {variable}."
        )
    return version
