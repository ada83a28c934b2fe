"""Who changed what, why, before and after: products, places, policies; and the event that tells others."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.store import trail as store


class Trail:
    """Writes changes in the transaction of the change."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def changed(
        self,
        tx: Transaction,
        noun: str,
        what: str,
        subject: UUID,
        actor: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> None:
        """A line of the trail, and an event `serai.stock.<noun>.<what>.v1` with the facts that are new."""
        was, is_now = dict(before or {}), dict(after or {})
        changes = {name: value for name, value in is_now.items() if was.get(name) != value or name not in was}
        await store.insert_change(
            tx, actor, noun, str(subject), what, reason, {name: was[name] for name in changes if name in was}, changes
        )
        topic = f"serai.stock.{noun}"
        await self._outbox.append(
            tx, Event(topic, str(subject), f"{topic}.{what}.v1", {"actor": actor, "changes": changes})
        )
