"""How routes read ids and cursors and write JSON, the same in every system."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from fastapi import Response

from serai.kernel.errors import Invalid, NotFound


def as_uuid(text: str) -> UUID | None:
    """The UUID that a text writes, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def path_uuid(text: str, error: type[NotFound], noun: str) -> UUID:
    """The id in a path; `error` for a text that is none."""
    if (found := as_uuid(text)) is None:
        raise error(f"There is no {noun} {text!r}.")
    return found


def body_uuid(field: str, text: str, noun: str) -> UUID:
    """The id in a field of the body; Invalid names the field."""
    if (found := as_uuid(text)) is None:
        raise Invalid.of(field, f"unknown_{noun}", f"There is no {noun} {text!r}.")
    return found


def json_response(document: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON answer; times in UTC with Z."""
    body = orjson.dumps(document, option=orjson.OPT_UTC_Z)
    return Response(body, status, media_type="application/json")


def write_cursor(*parts: str) -> str:
    """Where a page ended, for its reader only to send back."""
    return base64.urlsafe_b64encode("\0".join(parts).encode()).decode()


def read_cursor(text: str | None, count: int) -> list[str] | None:
    """The parts that `write_cursor` wrote; Invalid for anything else."""
    if text is None:
        return None
    try:
        parts = base64.urlsafe_b64decode(text.encode()).decode().split("\0")
    except (ValueError, binascii.Error):
        parts = []
    if len(parts) != count or not all(part.isprintable() for part in parts):
        raise bad_cursor()
    return parts


def time_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    """A cursor of a moment and an id."""
    parts = read_cursor(text, 2)
    if parts is None:
        return None
    try:
        at, found = datetime.fromisoformat(parts[0]), UUID(parts[1])
    except ValueError:
        raise bad_cursor() from None
    if at.tzinfo is None:
        raise bad_cursor()
    return at.astimezone(UTC), found


def bad_cursor() -> Invalid:
    """The cursor is none of ours."""
    return Invalid.of("cursor", "bad_cursor", "Use the next_cursor of an earlier answer, unchanged.")
