"""What the stock is worth, now or at a past moment: a replay of the edges of the ledger for each product.

Amounts of different currencies are never added.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from serai.kernel.money import Money
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.model import Product
from serai.systems.stock.store import ledger as store
from serai.systems.stock.valuation import Flowed, Worth, fifo, moving_average


class Method(StrEnum):
    """How goods that went are priced."""

    FIFO = "fifo"
    MOVING_AVERAGE = "moving_average"


RULES: Mapping[Method, Callable[[Iterable[Flowed]], Worth]] = {
    Method.FIFO: fifo,
    Method.MOVING_AVERAGE: moving_average,
}


@dataclass(frozen=True, slots=True)
class Valued:
    """A product and what it is worth."""

    product: Product
    worth: Worth

    @property
    def value(self) -> Money:
        """Of what is there."""
        return Money(self.worth.value_minor, self.product.currency)


async def valued(tx: Transaction, products: Sequence[Product], method: Method, until: datetime | None) -> list[Valued]:
    """The products in their order."""
    flows: dict[int, list[Flowed]] = defaultdict(list)
    for flow in await store.flows(tx, [product.product_no for product in products], until):
        flows[flow.product_no].append(Flowed(flow.quantity, flow.cost_minor))
    return [Valued(product, RULES[method](flows[product.product_no])) for product in products]


def totals(found: Iterable[Valued]) -> list[Money]:
    """Sums by currency."""
    sums: dict[str, int] = {}
    for each in found:
        sums[each.product.currency] = sums.get(each.product.currency, 0) + each.worth.value_minor
    return [Money(minor, currency) for currency, minor in sorted(sums.items())]
