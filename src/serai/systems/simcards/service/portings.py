"""Bringing a number along, and taking it away: requests that people of both carriers decide."""

from uuid import UUID

from serai.kernel.errors import Invalid
from serai.kernel.ids import Capability
from serai.kernel.ports import Clock, Random
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.simcards import porting
from serai.systems.simcards.errors import NoSuchPorting, NumberTaken, PortingExists
from serai.systems.simcards.model import SaleState
from serai.systems.simcards.numbering import states
from serai.systems.simcards.numbering.plans import is_valid
from serai.systems.simcards.numbering.states import NumberMove
from serai.systems.simcards.porting import Direction, Porting, PortingMove, PortingState
from serai.systems.simcards.service.numbers import Numbers
from serai.systems.simcards.service.sales import Sales
from serai.systems.simcards.store import numbers as number_store
from serai.systems.simcards.store import sales as store

TOPIC = "serai.simcards.porting"
OPEN_MAX = 500


class Portings:
    """Takes, decides and completes requests."""

    def __init__(
        self, database: Database, numbers: Numbers, sales: Sales, outbox: Outbox, clock: Clock, random: Random
    ) -> None:
        self._database = database
        self._numbers = numbers
        self._sales = sales
        self._outbox = outbox
        self._clock = clock
        self._random = random

    async def ask_in(self, tenant: UUID, number: int, carrier: str, name: str) -> Porting:
        """Somebody wants to bring a number along. Invalid, NumberTaken, PortingExists."""
        if not is_valid(number):
            raise Invalid.of("number", "not_in_plan", "This is not a number that can be ported; check its digits.")
        async with self._database.transaction(tenant) as tx:
            row = await number_store.number_row(tx, number)
            if row is not None and (row.state, NumberMove.PORT_BACK) not in states.MOVES:
                raise NumberTaken("This number is with us already.")
            return await self._ask(tx, Direction.IN, number, carrier, name)

    async def ask_out(self, tenant: UUID, sale: Capability, carrier: str, name: str) -> Porting:
        """A buyer wants to take the number away. NoSuchSale, IllegalNumberMove, PortingExists."""
        found = await self._sales.get(tenant, sale)
        async with self._database.transaction(tenant) as tx:
            row = await number_store.number_row(tx, found.number)
            if found.state is not SaleState.ACTIVE or row is None:
                raise states.IllegalNumberMove("Only an active number can be taken along; activate it first.")
            states.after(row.state, NumberMove.PORT_OUT)
            return await self._ask(tx, Direction.OUT, found.number, carrier, name)

    async def get(self, tenant: UUID, capability: Capability) -> Porting:
        """The request, for whoever shows its id; NoSuchPorting."""
        async with self._database.transaction(tenant) as tx:
            return await self._open(tx, capability)

    async def of_id(self, tenant: UUID, porting_id: UUID) -> Porting:
        """The same for those who work in the shop, who need no secret; NoSuchPorting."""
        async with self._database.transaction(tenant) as tx:
            found = await store.porting_by_id(tx, porting_id)
        if found is None:
            raise NoSuchPorting("There is no such porting request.")
        return found

    async def of_number(self, tenant: UUID, number: int) -> Porting | None:
        """The open request of a number, if it has one."""
        async with self._database.transaction(tenant) as tx:
            return await store.open_porting_of(tx, number)

    async def waiting(self, tenant: UUID) -> list[Porting]:
        """Requests that wait for somebody, oldest first, <= OPEN_MAX."""
        async with self._database.transaction(tenant) as tx:
            return await store.open_portings(tx, OPEN_MAX)

    async def withdraw(self, tenant: UUID, capability: Capability) -> Porting:
        """Whoever asked thinks better of it. NoSuchPorting, IllegalPortingMove."""
        async with self._database.transaction(tenant) as tx:
            found = await self._open(tx, capability)
        return await self.move(tenant, found.porting_id, PortingMove.WITHDRAW, "holder", "")

    async def move(self, tenant: UUID, porting_id: UUID, move: PortingMove, actor: str, reason: str) -> Porting:
        """Decides or completes a request; the number moves when it is completed. NoSuchPorting, IllegalPortingMove."""
        async with self._database.transaction(tenant) as tx:
            found = await store.porting_by_id(tx, porting_id, lock=True)
            if found is None:
                raise NoSuchPorting("There is no such porting request.")
            to = porting.after(found.state, move)
            if to is PortingState.COMPLETED:
                note = f"porting {found.porting_id} with {found.carrier}"
                hand_over = self._numbers.port_in if found.direction is Direction.IN else self._numbers.port_out
                await hand_over(tx, found.number, actor, note)
            await store.move_porting(tx, porting_id, to, reason)
            await self._tell(tx, found, to)
            moved = await store.porting_by_id(tx, porting_id)
            assert moved is not None, "requests are never deleted"
            return moved

    async def _ask(self, tx: Transaction, direction: Direction, number: int, carrier: str, name: str) -> Porting:
        capability = Capability.new(self._clock, self._random)
        made = await store.insert_porting(tx, capability, direction, number, carrier, name)
        if made is None:
            raise PortingExists("This number is being ported already.")
        await self._tell(tx, made, made.state)
        return made

    async def _tell(self, tx: Transaction, found: Porting, to: PortingState) -> None:
        data = {"direction": found.direction, "number": f"+{found.number}"}
        await self._outbox.append(tx, Event(TOPIC, str(found.porting_id), f"{TOPIC}.{to}.v1", data))

    async def _open(self, tx: Transaction, capability: Capability) -> Porting:
        found = await store.porting_by_id(tx, capability.id)
        if found is None or not capability.opens(found.key):
            raise NoSuchPorting("There is no such porting request.")
        return found
