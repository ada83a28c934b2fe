"""PostgreSQL is killed in the middle of a storm of holds: afterwards all that was promised is there, and adds up."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from random import Random as Seeded
from uuid import UUID

import psycopg
from tests.conftest import MakeServer
from tests.doubles import ManualClock, SeededRandom
from tests.systems.allocation.shop import Shop

from serai.kernel.errors import Conflict
from serai.mechanisms.allocation.claims import ClaimState
from serai.runtime.postgres.database import DatabaseUnavailable, open_database
from serai.systems.allocation.api import Claim, CounterAsk, CounterPlan, UnitRef

ENOUGH = 40


def kill(pid: int) -> None:
    """The server and all its processes at once, as when the machine's power goes."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for victim in (pid, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)


async def test_after_a_kill_everything_promised_is_there_and_adds_up(make_server: MakeServer, tenant: UUID) -> None:
    server = make_server()
    random = SeededRandom()
    promised: dict[UUID, tuple[Claim, ClaimState]] = {}

    async with (
        open_database(server.url("serai_app"), random, pool_min=16, pool_max=16) as database,
        open_database(server.url("serai_jobs"), random, pool_min=1, pool_max=2) as jobs,
    ):
        shop = Shop(database, jobs, server.url("serai_owner"), ManualClock(), random, tenant)
        pool = await shop.pool(range(200), [CounterPlan(999, capacity=1000, buckets=4)])

        async def buy(buyer: int) -> None:
            """Until the database is gone."""
            chance = Seeded(buyer)
            with suppress(DatabaseUnavailable, psycopg.OperationalError):
                while True:
                    with suppress(Conflict):
                        await visit(chance)

        async def visit(chance: Seeded) -> None:
            units = [UnitRef(pool, key) for key in chance.sample(range(200), 2)]
            claim = await shop.open(shop.ask(units, [CounterAsk(pool, 999, 1)]))
            promised[claim.claim_id] = (claim, ClaimState.HELD)
            if len(promised) == ENOUGH:
                assert server.pid
                kill(server.pid)
            claim = await shop.sold(claim)
            promised[claim.claim_id] = (claim, ClaimState.CONFIRMED)
            if chance.random() < 0.5:
                claim = await shop.move("cancel", claim)
                promised[claim.claim_id] = (claim, ClaimState.CANCELLED)

        await asyncio.gather(*(buy(buyer) for buyer in range(16)))
    assert len(promised) >= ENOUGH
    server.stop()
    server.prepare()
    server.start()
    server.wait_ready(60)
    async with (
        open_database(server.url("serai_app"), random) as database,
        open_database(server.url("serai_jobs"), random) as jobs,
    ):
        after = Shop(database, jobs, server.url("serai_owner"), ManualClock(), random, tenant)
        await after.prove()
        for claim, state in promised.values():
            # What was being done at that moment may have been done: a step further, never a step back.
            assert list(ClaimState).index((await after.read(claim)).state) >= list(ClaimState).index(state)
