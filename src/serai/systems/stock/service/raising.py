"""Turns levels that cross their reorder point into alerts: raised once at the edge, cleared once at the other.

An alert is made by the transaction that made the level low, also if that is the product's first movement or the policy
itself; so none is missed, and none comes twice.
"""

from collections.abc import Mapping, Sequence

from serai.kernel.ids import uuid7
from serai.kernel.ports import Clock, Random
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.model import Location, Product
from serai.systems.stock.store import alerts as store
from serai.systems.stock.store.ledger import Crossing

TOPIC = "serai.stock.alert"


class Raising:
    """Raises and clears alerts in the caller's transaction."""

    def __init__(self, outbox: Outbox, clock: Clock, random: Random) -> None:
        self._outbox = outbox
        self._clock = clock
        self._random = random

    async def crossed(
        self,
        tx: Transaction,
        products: Mapping[int, Product],
        locations: Mapping[int, Location],
        crossings: Sequence[Crossing],
        actor: str,
    ) -> None:
        """What the crossings of one transaction mean."""
        low = [crossing for crossing in crossings if crossing.low]
        well = [(crossing.product_no, crossing.location_no) for crossing in crossings if not crossing.low]
        changed: list[store.Alert] = []
        if low:
            changed += await store.raise_alerts(tx, low, [uuid7(self._clock, self._random) for _ in low])
        if well:
            changed += await store.clear_alerts(tx, well, actor)
        for alert in changed:
            await self.tell(tx, products[alert.product_no], locations[alert.location_no], alert, actor)

    async def tell(self, tx: Transaction, product: Product, location: Location, alert: store.Alert, actor: str) -> None:
        """The alert's event, by its state."""
        data = {
            "actor": actor,
            "product_id": str(product.product_id),
            "sku": product.sku,
            "location_id": str(location.location_id),
            "location": location.code,
            "on_hand": product.written(alert.on_hand),
            "reorder_point": product.written(alert.reorder_point),
            "order_reference": alert.order_reference,
        }
        await self._outbox.append(tx, Event(TOPIC, str(alert.alert_id), f"{TOPIC}.{alert.state}.v1", data))
