"""Which batches to take goods from: first expired, first out.

It prevents the loss of goods that stay until nobody may buy them: an expired batch is never taken, one that expires
sooner goes before one that expires later, and one that never does goes last.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class OnShelf:
    """A batch, and how much of it can be taken."""

    batch_no: int
    expires_on: date | None
    available: int


@dataclass(frozen=True, slots=True)
class Pick:
    """So much of a batch."""

    batch_no: int
    quantity: int


def sellable(batch: OnShelf, today: date) -> bool:
    """Whether it may be sold today; on its last day it still may."""
    return batch.available > 0 and (batch.expires_on is None or batch.expires_on >= today)


def first_expired(shelf: Iterable[OnShelf], quantity: int, today: date) -> list[Pick]:
    """What to take for `quantity`, as far as there is enough; the picks then sum to less."""
    assert quantity > 0, f"a pick of {quantity}"
    picks: list[Pick] = []
    fit = (batch for batch in shelf if sellable(batch, today))
    for batch in sorted(fit, key=lambda batch: (batch.expires_on or date.max, batch.batch_no)):
        if not quantity:
            break
        part = min(quantity, batch.available)
        picks.append(Pick(batch.batch_no, part))
        quantity -= part
    return picks
