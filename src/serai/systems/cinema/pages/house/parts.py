"""What the house's pages share: where they are, and how a form that was taken leads on."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from serai.kernel.errors import Conflict, Invalid
from serai.runtime.postgres.keyset import Seek
from serai.systems.cinema.http.parts import Cinema
from serai.systems.cinema.model import Theater
from serai.systems.cinema.store import house as store
from serai.web.forms import Form

HOUSE = "/cinema/house"

THEATERS_MAX = 500
"""Theaters that a choice offers; a house with more needs a search there."""

SHOWN_AGAIN = (Invalid, Conflict)
"""Refusals that a form shows; others become the error page."""


def form_of(thing: object, names: Sequence[str], **more: str) -> Form:
    """A form filled with a thing's own values."""
    values: Mapping[str, Any] = {name: getattr(thing, name) for name in names}
    return Form({name: str(value) for name, value in values.items()} | more)


async def all_theaters(cinema: Cinema, tenant: UUID) -> tuple[Theater, ...]:
    """By name, for a choice."""
    async with cinema.database.transaction(tenant) as tx:
        return (await store.theaters(tx, None, Seek("name", THEATERS_MAX))).items
