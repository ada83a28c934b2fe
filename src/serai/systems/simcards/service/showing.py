"""What anybody may be shown a day: the guard against harvesting.

It prevents that somebody reads the shop's numbers out of it, to sell them, to call them, or to take over what their
last owners left behind. Masked numbers and whole ones are counted for each caller, and for all guests of one address
together, in the transaction that shows them. Those who work in the shop are not counted.
"""

from dataclasses import dataclass

from serai.runtime.http.edge import is_loopback
from serai.runtime.http.principal import Principal
from serai.runtime.postgres.database import Transaction
from serai.systems.simcards.errors import QuotaUsed
from serai.systems.simcards.settings import SimcardsSettings
from serai.systems.simcards.store import pools as store

SELLER = "simcards:sell"
"""The role of those who sell: they see what their customers see, all day."""

WAIT_S = 3600
"""When to try again, at the soonest: counts begin anew at midnight UTC."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """On whose account numbers are shown: (name, factor of the daily limits) of each count."""

    counts: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, principal: Principal, settings: SimcardsSettings) -> "Viewer":
        """A guest counts for the cookie and for the address, which many may share; a seller for nobody."""
        if principal.may(SELLER):
            return cls(())
        counts = [(principal.label, 1)]
        by_address = principal.kind == "guest" and principal.id.startswith("address ")
        if by_address:
            counts = [(principal.label, settings.address_factor)]
        elif principal.kind == "guest" and not is_loopback(principal.address):
            counts.append((f"guest:address {principal.address}", settings.address_factor))
        return cls(tuple(counts))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a caller was shown today, and what at most; None: nobody counts."""

    candidates: int
    numbers: int
    candidates_max: int | None
    numbers_max: int | None


async def show(
    tx: Transaction, viewer: Viewer, settings: SimcardsSettings, *, candidates: int = 0, numbers: int = 0
) -> None:
    """Counts what is about to be shown; QuotaUsed, and the transaction shows nothing."""
    for who, factor in sorted(viewer.counts):
        limits = (settings.candidates_per_day_max * factor, settings.numbers_per_day_max * factor)
        if not await store.show(tx, who, candidates=candidates, numbers=numbers, limits=limits):
            raise QuotaUsed("You have seen enough numbers for today; come back tomorrow.", retry_after_s=WAIT_S)


async def room(tx: Transaction, viewer: Viewer, settings: SimcardsSettings) -> int:
    """How many masked numbers may still be shown today."""
    left = [settings.candidates_max]
    for who, factor in viewer.counts:
        left.append(settings.candidates_per_day_max * factor - (await store.shown_today(tx, who))[0])
    return max(0, min(left))


async def seen(tx: Transaction, viewer: Viewer, settings: SimcardsSettings) -> Seen:
    """By the count of the caller alone: what others behind the same address saw is not the caller's to know."""
    if not viewer.counts:
        return Seen(0, 0, None, None)
    who, factor = viewer.counts[0]
    candidates, numbers = await store.shown_today(tx, who)
    return Seen(candidates, numbers, settings.candidates_per_day_max * factor, settings.numbers_per_day_max * factor)
