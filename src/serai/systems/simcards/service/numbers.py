"""Moving a number along its life: state, history, unit and event together, in the caller's transaction."""

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation, UnitRef, UnitsTaken
from serai.systems.simcards.errors import CardTaken, NoSuchNumber, NumberTaken
from serai.systems.simcards.model import LogLine, NumberRow, Pool, Sale, SaleState
from serai.systems.simcards.numbering import states
from serai.systems.simcards.numbering.cards import masked_tail
from serai.systems.simcards.numbering.states import NumberMove, NumberState
from serai.systems.simcards.service.pools import Pools
from serai.systems.simcards.store import numbers as store
from serai.systems.simcards.store import sales

TOPIC = "serai.simcards.number"

RELEASE_BATCH_MAX = 200
"""Numbers that one round of the loop lets out of quarantine."""

HISTORY_MAX = 200

GIVEN_UP = "The number was given up at the other carrier."

NEW_CARD = "new_card"
"""What history calls a card for a number that is in use already: one that was brought along, or whose card is lost."""


class Numbers:
    """Moves numbers, and tells what happened to them."""

    def __init__(
        self, database: Database, jobs_database: Database, allocation: Allocation, pools: Pools, outbox: Outbox
    ) -> None:
        self._database = database
        self._jobs = jobs_database
        self._allocation = allocation
        self._pools = pools
        self._outbox = outbox

    async def sell(self, tx: Transaction, sale: Sale, pool: Pool, actor: str) -> None:
        """A number that was held is sold; its claim was confirmed in this transaction."""
        states.after(NumberState.HELD, NumberMove.SELL)
        key = pool.unit_key(sale.number)
        row = NumberRow(sale.number, pool.pool_id, key, NumberState.SOLD, sale.sale_id, None)
        await self._put(tx, row, NumberMove.SELL, actor)

    async def let_go(self, tx: Transaction, sale: Sale, actor: str) -> None:
        """A sale that was confirmed lost its money before anybody had the number; its claim was cancelled."""
        row = await store.lock_number(tx, sale.number)
        if row is None or row.sale_id != sale.sale_id:
            return
        await self._put(tx, replace(row, state=NumberState.AVAILABLE, sale_id=None), NumberMove.LET_GO, actor)

    async def activate(self, tx: Transaction, sale: Sale, actor: str, note: str = "") -> None:
        """The number is in use."""
        row = await self._locked(tx, sale.number)
        to = states.after(row.state, NumberMove.ACTIVATE)
        await self._put(tx, replace(row, state=to), NumberMove.ACTIVATE, actor, note)

    async def rest(
        self, tx: Transaction, number: int, actor: str, note: str = "", move: NumberMove = NumberMove.RETURN
    ) -> None:
        """The number goes into quarantine for its pool's days. Its unit is free in this transaction, or its claim's."""
        row = await self._locked(tx, number)
        to = states.after(row.state, move)
        assert row.pool_id is not None, "only numbers of our pools come back to us"
        pool = await self._pools.read(tx, row.pool_id)
        await self._allocation.block(tx, [_unit(pool, row)], actor)
        await store.unpair_cards(tx, number)
        resting = replace(row, state=to, sale_id=None)
        await self._put(tx, resting, move, actor, note, rests_days=pool.quarantine_days)

    async def port_out(self, tx: Transaction, number: int, actor: str, note: str) -> None:
        """The number went to another carrier with its owner."""
        row = await self._locked(tx, number)
        to = states.after(row.state, NumberMove.PORT_OUT)
        await store.unpair_cards(tx, number)
        await self._put(tx, replace(row, state=to), NumberMove.PORT_OUT, actor, note)

    async def port_in(self, tx: Transaction, number: int, actor: str, note: str) -> None:
        """Its owner brought the number: a stranger's, or one of ours that had gone. NumberTaken."""
        row = await store.lock_number(tx, number)
        if row is not None and row.state is NumberState.PORTED_OUT:
            to = states.after(row.state, NumberMove.PORT_BACK)
            await self._put(tx, replace(row, state=to), NumberMove.PORT_BACK, actor, note)
            return
        if row is not None or await self._pools.of_number(tx, number):
            raise NumberTaken("This number is one of ours already; it cannot be brought along.")
        await self._put(tx, NumberRow(number, None, None, NumberState.ACTIVE, None, None), "port_in", actor, note)

    async def come_back(self, tenant: UUID, number: int, actor: str) -> None:
        """A number that was ported out was given up there, and rests with us. NoSuchNumber, IllegalNumberMove."""

        async def work(tx: Transaction) -> None:
            row = await self._locked(tx, number)
            states.after(row.state, NumberMove.REST)
            if row.pool_id is None:
                raise NoSuchNumber("This number is of another carrier's range; it rests there.")
            await self._end_sale(tx, row)
            await self.rest(tx, number, actor, move=NumberMove.REST)

        await self._database.retrying(tenant, work)

    async def put_on_card(self, tenant: UUID, number: int, iccid: str, actor: str) -> None:
        """Puts a number in use on a card of the stock; the card that it was on is free again.

        NoSuchNumber, IllegalNumberMove if it is not in use, CardTaken.
        """
        async with self._database.transaction(tenant) as tx:
            row = await self._locked(tx, number)
            if row.state is not NumberState.ACTIVE:
                raise states.IllegalNumberMove(f"A number that is {row.state.value} cannot get a new card.")
            await store.unpair_cards(tx, number)
            await self.pair(tx, number, iccid)
            await self._put(tx, row, NEW_CARD, actor, f"card {masked_tail(iccid)}")

    async def pair(self, tx: Transaction, number: int, iccid: str) -> None:
        """The number is on this card of the stock; CardTaken."""
        if not await store.pair_card(tx, iccid, number):
            raise CardTaken("This card is not in stock, or has a number already; take another one.")

    async def retire(self, tenant: UUID, number: int, actor: str, note: str) -> None:
        """Takes a number off the shop for good. NoSuchNumber, IllegalNumberMove, NumberTaken while it is held."""

        async def work(tx: Transaction) -> None:
            row = await store.lock_number(tx, number)
            pool = await self._pools.of_number(tx, number)
            if row is None and pool is None:
                raise NoSuchNumber("This number is in no pool of ours.")
            row = row or self._untouched(pool, number)
            to = states.after(row.state, NumberMove.RETIRE)
            if row.state is NumberState.AVAILABLE and pool is not None:
                try:
                    await self._allocation.block(tx, [_unit(pool, row)], actor)
                except UnitsTaken:
                    raise NumberTaken("This number is held by a buyer; try again later.") from None
            await self._put(tx, replace(row, state=to), NumberMove.RETIRE, actor, note)

        await self._database.retrying(tenant, work)

    async def release_rested(self) -> int:
        """Lets numbers that have rested enough back into the shop, across tenants; returns how many."""
        async with self._jobs.transaction(None) as tx:
            due = await store.due_numbers(tx, RELEASE_BATCH_MAX)
        for tenant, number in due:
            await self._database.retrying(tenant, partial(self._release, number=number))
        return len(due)

    async def story(self, tenant: UUID, number: int) -> tuple[NumberRow, Pool | None, list[LogLine]]:
        """What a number is and what happened to it. NoSuchNumber."""
        async with self._database.transaction(tenant) as tx:
            row = await store.number_row(tx, number)
            pool = await self._pools.of_number(tx, number)
            if row is None and pool is None:
                raise NoSuchNumber("This number is in no pool of ours.")
            return row or self._untouched(pool, number), pool, await store.history(tx, number, HISTORY_MAX)

    async def _release(self, tx: Transaction, number: int) -> None:
        row = await store.lock_number(tx, number)
        if row is None or row.state is not NumberState.QUARANTINE:
            return  # another process was faster
        to = states.after(row.state, NumberMove.RELEASE)
        assert row.pool_id is not None, "only numbers of our pools rest here"
        pool = await self._pools.read(tx, row.pool_id)
        await self._allocation.unblock(tx, [_unit(pool, row)], "quarantine")
        await self._put(tx, replace(row, state=to, rests_until=None), NumberMove.RELEASE, "quarantine")

    async def _end_sale(self, tx: Transaction, row: NumberRow) -> None:
        """Ends the sale that a ported number still is, and its claim: its unit is free in this transaction."""
        sale = await sales.sale_by_id(tx, row.sale_id) if row.sale_id else None
        if sale is not None:
            await sales.move_sale(tx, sale.sale_id, (SaleState.ACTIVE,), SaleState.RETURNED, reason=GIVEN_UP)
            claim = await self._allocation.claim_by_id(tx, sale.claim_id)
            await self._allocation.cancel(tx, claim, "ported out")

    async def _locked(self, tx: Transaction, number: int) -> NumberRow:
        row = await store.lock_number(tx, number)
        if row is None:
            raise NoSuchNumber("This number has not been sold.")
        return row

    async def _put(
        self,
        tx: Transaction,
        row: NumberRow,
        move: NumberMove | str,
        actor: str,
        note: str = "",
        *,
        rests_days: int | None = None,
    ) -> None:
        await store.put_number(tx, row, move, actor, rests_days=rests_days, note=note)
        data: dict[str, Any] = {"pool_id": str(row.pool_id) if row.pool_id else None, "move": str(move)}
        await self._outbox.append(tx, Event(TOPIC, str(row.number), f"{TOPIC}.{row.state}.v1", data))

    @staticmethod
    def _untouched(pool: Pool | None, number: int) -> NumberRow:
        assert pool is not None, "a number without a row is in a pool"
        state = NumberState.PLANNED if pool.opened_at is None else NumberState.AVAILABLE
        return NumberRow(number, pool.pool_id, pool.unit_key(number), state, None, None)


def _unit(pool: Pool, row: NumberRow) -> UnitRef:
    assert row.unit_key is not None, "a number of a pool has its unit"
    return UnitRef(pool.pool_no, row.unit_key)
