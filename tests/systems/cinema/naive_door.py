"""The door as one would write it first: look whether the ticket was used, then use it. The control of the door race."""

from datetime import UTC, datetime

from serai.runtime.postgres.database import Transaction
from serai.systems.cinema.tickets import Ticket


async def naive_admit(tx: Transaction, ticket: Ticket, device: str, nonce: str) -> datetime | None:
    """Read, then write. Two doors can both read before either writes."""
    row = await tx.fetch_one("select used_at from cinema.tickets where serial = %s", (ticket.serial,))
    if row is None or row[0] is not None:
        return None
    await tx.fetch("select pg_sleep(0.05)")  # a slow network between the two
    await tx.execute(
        "update cinema.tickets set used_at = clock_timestamp(), used_by = %s, nonce = %s where serial = %s",
        (device, nonce, ticket.serial),
    )
    return datetime.now(UTC)
