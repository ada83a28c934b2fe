"""What the routes stand on: the use cases, and how their things are written as JSON."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Query

from serai.kernel.errors import NotFound
from serai.kernel.ids import Capability
from serai.kernel.money import Money
from serai.runtime.http.answers import read_cursor, write_cursor
from serai.runtime.http.models import PAGE_MAX
from serai.runtime.http.principal import Principal, Requires
from serai.runtime.postgres.database import Database
from serai.runtime.postgres.keyset import Seek, Slice
from serai.systems.allocation.api import Allocation
from serai.systems.simcards.model import Candidate, Pool, Standing
from serai.systems.simcards.numbering.plans import shown
from serai.systems.simcards.porting import Porting
from serai.systems.simcards.service.board import Board
from serai.systems.simcards.service.cards import Cards
from serai.systems.simcards.service.evidence import Witness
from serai.systems.simcards.service.holds import Hold, Holds
from serai.systems.simcards.service.numbers import Numbers
from serai.systems.simcards.service.pools import Pools
from serai.systems.simcards.service.portings import Portings
from serai.systems.simcards.service.sales import Sales
from serai.systems.simcards.service.search import Search
from serai.systems.simcards.service.showing import SELLER
from serai.systems.simcards.settings import SimcardsSettings
from serai.systems.simcards.store.board import ListedCard, ListedSale

ErrorT = TypeVar("ErrorT", bound=NotFound)


@dataclass(frozen=True)
class Simcards:
    """The use cases, and what they share. Pages use the same."""

    database: Database
    allocation: Allocation
    pools: Pools
    search: Search
    holds: Holds
    sales: Sales
    numbers: Numbers
    portings: Portings
    cards: Cards
    board: Board
    witness: Witness
    settings: SimcardsSettings


Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, Query(max_length=700)]

PlainId = Annotated[str, Path(max_length=64)]
SecretId = Annotated[str, Path(max_length=64)]

Manager = Annotated[Principal, Depends(Requires("simcards:manage"))]
"""`principal: Manager` in a route's signature: whoever runs the shop."""

Seller = Annotated[Principal, Depends(Requires(SELLER))]
"""Whoever sells at the counter."""


def capability(text: str, error: type[NotFound], noun: str) -> Capability:
    """The capability in a path; `error` for any other text."""
    if (found := Capability.parse(text)) is None:
        raise error(f"There is no such {noun}.")
    return found


def pool_json(pool: Pool) -> dict[str, Any]:
    """A pool as buyers see it."""
    return {
        "id": str(pool.pool_id),
        "name": pool.name,
        "region": pool.region,
        "kind": pool.kind,
        "prefix": pool.prefix,
        "lead": f"+{pool.lead}",
        "length": pool.length,
        "prices": {each.value: Money(minor, pool.currency).json() for each, minor in pool.prices.items()},
        "open": pool.opened_at is not None,
    }


def standing_json(standing: Standing) -> dict[str, Any]:
    """A pool as its dashboard shows it."""
    return pool_json(standing.pool) | {
        "size": standing.pool.numbers.size,
        "filled": standing.filled,
        "quarantine_days": standing.pool.quarantine_days,
        "states": {state.value: count for state, count in standing.counts.items()},
        "sold_per_day": round(standing.sold_per_day, 2),
        "days_left": None if standing.days_left is None else round(standing.days_left, 1),
    }


def candidate_json(found: Candidate) -> dict[str, Any]:
    """A number that was found, masked."""
    return {
        "id": found.capability.text(),
        "pool_id": str(found.pool_id),
        "masked": found.masked,
        "class": found.number_class,
        "price": found.price.json(),
    }


def hold_json(hold: Hold) -> dict[str, Any]:
    """A hold, with the whole number."""
    return {
        "id": hold.capability.text(),
        "state": hold.state,
        "pool_id": str(hold.pool.pool_id),
        "number": f"+{hold.number}",
        "shown": shown(hold.number),
        "class": hold.number_class,
        "price": hold.price.json(),
        "expires_at": hold.expires_at,
    }


def sale_line_json(sale: ListedSale) -> dict[str, Any]:
    """A sale without its buyer's secret."""
    return {
        "id": str(sale.sale_id),
        "number": f"+{sale.number}",
        "class": sale.number_class,
        "state": sale.state,
        "confirmation_code": sale.confirmation_code,
        "name": sale.name,
        "email": sale.email,
        "total": sale.total.json(),
        "at": sale.at,
    }


def card_json(card: ListedCard) -> dict[str, Any]:
    """A card of the stock."""
    return {
        "iccid": card.iccid,
        "imsi": card.imsi,
        "number": f"+{card.number}" if card.number else None,
        "batch": card.batch,
        "added_at": card.added_at,
    }


def seek_of(order: str, limit: int, cursor: str | None, *, descending: bool = False) -> Seek:
    """The page that a query asks for; Invalid for a cursor that is none of ours."""
    parts = read_cursor(cursor, 2)
    return Seek(order, limit, descending, (parts[0], parts[1]) if parts else None)


def page_json(found: Slice[dict[str, Any]]) -> dict[str, Any]:
    """A page as every list is."""
    return {"items": list(found.items), "next_cursor": write_cursor(*found.next) if found.next else None}


def porting_json(found: Porting, *, secret: bool) -> dict[str, Any]:
    """A porting request; its secret id only for who asked."""
    return {
        "id": found.capability.text() if secret else str(found.porting_id),
        "direction": found.direction,
        "number": f"+{found.number}",
        "state": found.state,
        "carrier": found.carrier,
        "name": found.name,
        "reason": found.reason,
        "created_at": found.created_at,
    }
