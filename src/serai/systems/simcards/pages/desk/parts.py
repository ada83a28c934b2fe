"""What the desk's pages share: where they are, what their reader may do, and a pool's numbers as one bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from serai.kernel.errors import Conflict, Invalid
from serai.kernel.ports import Random
from serai.runtime.http.principal import Principal
from serai.systems.simcards.http.parts import Simcards
from serai.systems.simcards.model import Standing
from serai.systems.simcards.numbering.states import NumberState
from serai.systems.simcards.pages.parts import SYSTEM
from serai.systems.simcards.service.board import Day
from serai.web.charts import by_day
from serai.web.shell import Shell

DESK = "/simcards/desk"

ATTEMPT_BYTES = 16

SHOWN_AGAIN = (Invalid, Conflict)
"""Refusals that a form shows; others become the error page."""

SEEN_MIN = 0.8
"""Percent of a bar below which a few numbers among millions could not be seen."""

_PARTS = (
    ("used", "sold", (NumberState.SOLD, NumberState.ACTIVE)),
    ("held", "held", (NumberState.HELD,)),
    ("resting", "resting", (NumberState.QUARANTINE,)),
    ("gone", "gone for good", (NumberState.PORTED_OUT, NumberState.RETIRED)),
)


@dataclass(frozen=True)
class Desk:
    """What every page stands on."""

    shop: Simcards
    shell: Shell
    random: Random

    def page(
        self, request: Request, principal: Principal, template: str, status: int = 200, **context: Any
    ) -> Response:
        """The page, which knows whether its reader may change things, and carries the key of one attempt."""
        return self.shell.render(
            request,
            f"simcards/desk/{template}.html",
            status=status,
            system=SYSTEM,
            headers={"cache-control": "no-store"},
            manages=principal.may("simcards:manage"),
            attempt=self.random.token(ATTEMPT_BYTES).hex(),
            **context,
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a pool's bar, in percent of the pool."""

    name: str
    words: str
    count: int
    start: float
    width: float


def segments(standing: Standing) -> list[Segment]:
    """What is not free, in the order in which a bar draws it; what is left of the bar is free."""
    size, at, found = standing.pool.numbers.size, 0.0, []
    for name, words, states in _PARTS:
        if count := sum(standing.counts[state] for state in states):
            width = max(SEEN_MIN, 100 * count / size)
            found.append(Segment(name, words, count, at, min(width, 100 - at)))
            at = min(100.0, at + width)
    return found


def sales_chart(days: Sequence[Day]) -> dict[str, Any]:
    """Sales as bars by day."""
    sold = {"label": "Sold", "unit": "numbers", "bars": True, "values": [count for _, count in days]}
    return by_day([day for day, _ in days], sold)
