"""The use cases of stock, wired once: for the routes, the command line, the demo, tests and benches."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from serai.kernel.ports import Clock, Random
from serai.runtime.outbox import Outbox
from serai.runtime.postgres.database import Database, Transaction
from serai.runtime.sheets import ImportReport
from serai.systems.allocation.api import Allocation
from serai.systems.stock.service.alerts import Alerts
from serai.systems.stock.service.catalogue import Catalogue
from serai.systems.stock.service.counts import Counts
from serai.systems.stock.service.ledger import Ledger
from serai.systems.stock.service.levels import Levels
from serai.systems.stock.service.movements import Movements
from serai.systems.stock.service.raising import Raising
from serai.systems.stock.service.reservations import Reservations
from serai.systems.stock.service.sheets import Sheets
from serai.systems.stock.service.trail import Trail
from serai.systems.stock.service.transfers import Transfers

T = TypeVar("T")


@dataclass(frozen=True)
class Stock:
    """Methods of the services run inside a transaction: `run` opens one for those that write, `read` for the rest."""

    database: Database
    allocation: Allocation
    clock: Clock
    ledger: Ledger
    catalogue: Catalogue
    movements: Movements
    levels: Levels
    reservations: Reservations
    transfers: Transfers
    counts: Counts
    alerts: Alerts
    sheets: Sheets

    async def run(self, tenant: UUID, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """`work` in a transaction, again where expired reservations or a deadlock were in the way."""
        return await self.ledger.run(tenant, work)

    async def read(self, tenant: UUID, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """`work` in a transaction."""
        async with self.database.transaction(tenant) as tx:
            return await work(tx)

    async def imported(self, tenant: UUID, work: Callable[[Transaction], Awaitable[ImportReport]]) -> ImportReport:
        """An import's report. What it did is kept only if no line was wrong and it was no dry run."""

        async def kept(tx: Transaction) -> ImportReport:
            report = await work(tx)
            if report.dry_run or report.errors:
                raise _NotKept(report)
            return report

        try:
            return await self.run(tenant, kept)
        except _NotKept as left:
            return left.report


class _NotKept(Exception):  # no error: the way out of a transaction that is not to be kept
    """Carries a report out of its transaction, which it rolls back."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__()
        self.report = report


def whole_stock(database: Database, allocation: Allocation, outbox: Outbox, clock: Clock, random: Random) -> Stock:
    """All of them over one database."""
    trail = Trail(outbox)
    raising = Raising(outbox, clock, random)
    ledger = Ledger(database, allocation, raising, clock, random)
    catalogue = Catalogue(allocation, trail, clock, random)
    movements, levels = Movements(ledger, clock), Levels(clock)
    return Stock(
        database=database,
        allocation=allocation,
        clock=clock,
        ledger=ledger,
        catalogue=catalogue,
        movements=movements,
        levels=levels,
        reservations=Reservations(ledger, allocation, clock, random),
        transfers=Transfers(ledger, outbox, clock),
        counts=Counts(ledger, outbox, clock),
        alerts=Alerts(ledger, raising, trail),
        sheets=Sheets(catalogue, movements, levels),
    )
