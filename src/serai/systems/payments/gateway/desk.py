"""One request's view of the books: what it read, and what it wants written if it succeeds.

Operations are pure over it: they read objects, put new ones and announce events. Nothing reaches the disk until the
operation returns, so a refused request leaves no trace.
"""

from typing import Any, Protocol

from serai.kernel.ports import Random
from serai.systems.payments.gateway import ids, model
from serai.systems.payments.gateway.errors import InvalidRequest, no_such
from serai.systems.payments.gateway.model import Doc, Kind

_SECRET_BYTES = 13


class Books(Protocol):
    """Where objects are kept."""

    def get(self, kind: Kind, id_: str) -> Doc | None:
        """The object, or None."""

    def count(self, kind: Kind) -> int:
        """How many of a kind there are; for kinds with a small limit."""


class Desk:
    """Reads through to `books`; gathers writes. `now_ms` is Unix milliseconds."""

    def __init__(self, books: Books, places: ids.Places, random: Random, now_ms: int, request: Doc) -> None:
        self.books = books
        self.now_ms = now_ms
        self.now_s = now_ms // 1000
        self.random = random
        self.written: dict[str, Doc] = {}
        self.deleted: list[tuple[Kind, str]] = []
        self.events: list[Doc] = []
        self._places = places
        self._request = request

    def get(self, kind: Kind, id_: str, param: str = "") -> Doc:
        """The object as this request sees it; raises Stripe's `resource_missing` naming `param`, if it is one."""
        found = self.written.get(id_) or self.books.get(kind, id_)
        if found is None or found["object"] != kind:
            raise no_such(kind, id_, param)
        return found

    def put(self, doc: Doc) -> Doc:
        """Has the object written, and gives it back."""
        self.written[doc["id"]] = doc
        return doc

    def drop(self, kind: Kind, id_: str) -> None:
        """Has the object deleted."""
        self.deleted.append((kind, id_))

    def new_id(self, prefix: str) -> tuple[str, int]:
        """A fresh id and its moment of creation (Unix seconds)."""
        place = self._places.next(self.now_ms)
        return ids.write(prefix, place, self.random), ids.created_of(place)

    def new_secret(self) -> str:
        """25 characters that nobody can guess."""
        return self.random.token(_SECRET_BYTES).hex()[:25]

    def method(self, given: str) -> str:
        """The id of the payment method that `given` means: a token mints a new one, as at Stripe."""
        card = model.card_of(given)
        if card is None:
            raise InvalidRequest(f"No such PaymentMethod: '{given}'", code="resource_missing", param="payment_method")
        if ids.place_of(given) is not None:
            return given
        return model.method_id(self._places.next(self.now_ms), card, self.random.token(3))

    def announce(self, type_: str, about: Doc, previous: dict[str, Any] | None = None) -> None:
        """Has an event written about the object as it is now."""
        assert type_ in model.EVENT_TYPES, type_
        id_, created = self.new_id("evt")
        self.events.append(model.event(id_, created, type_, about=about, previous=previous, request=self._request))
