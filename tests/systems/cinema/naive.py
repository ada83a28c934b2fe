"""The allocation that the original design describes: read the seats, then write them. The control of the race.

It reads whether the seats are free and then updates them by their keys, and it confirms without looking whether they
are still its own. Under one buyer it works as well as the real one.
"""

import json
from dataclasses import replace

from serai.mechanisms.allocation.claims import ClaimState
from serai.runtime.postgres.database import Transaction
from serai.systems.allocation.api import Allocation, Ask, Claim, UnitRef, UnitsTaken


class NaiveAllocation(Allocation):
    """Holds, pays and confirms as the design's sample code does."""

    async def open_claim(self, tx: Transaction, ask: Ask) -> Claim:
        keys, pool_no = [unit.key for unit in ask.units], ask.units[0].pool_no
        rows = await tx.fetch(
            "select key from allocation.units where pool_no = %s and key = any(%s) and state <> 'free'", (pool_no, keys)
        )
        if rows:
            raise UnitsTaken([UnitRef(pool_no, key) for (key,) in rows])
        row = await tx.fetch_one(
            "insert into allocation.claims"
            " (tenant_id, claim_id, key, owner, holder, state, expires_at, held_until, terms)"
            " values (%s, %s, %s, %s, %s, 'held', clock_timestamp() + interval '10 min',"
            " clock_timestamp() + interval '10 min', %s) returning expires_at",
            (tx.owner, ask.capability.id, ask.capability.key, ask.owner, ask.holder, json.dumps(dict(ask.terms))),
        )
        assert row is not None
        for key in keys:
            await tx.execute(
                "insert into allocation.claim_lines (tenant_id, claim_id, pool_no, key) values (%s, %s, %s, %s)",
                (tx.owner, ask.capability.id, pool_no, key),
            )
        await tx.execute(
            "update allocation.units set state = 'held', claim_id = %s, expires_at = %s"
            " where pool_no = %s and key = any(%s)",
            (ask.capability.id, row[0], pool_no, keys),
        )
        return await self.claim_by_id(tx, ask.capability.id)

    async def pay(self, tx: Transaction, claim: Claim, deadline_s: int, actor: str = "") -> Claim:
        await tx.execute(
            "update allocation.claims set state = 'paying', version = version + 1 where claim_id = %s",
            (claim.claim_id,),
        )
        return replace(claim, state=ClaimState.PAYING, version=claim.version + 1)

    async def decline(self, tx: Transaction, claim: Claim, actor: str = "") -> Claim:
        await tx.execute(
            "update allocation.claims set state = 'held', version = version + 1 where claim_id = %s", (claim.claim_id,)
        )
        return replace(claim, state=ClaimState.HELD, version=claim.version + 1)

    async def confirm(self, tx: Transaction, claim: Claim, actor: str = "") -> Claim:
        await tx.execute(
            "update allocation.claims set state = 'confirmed', version = version + 1 where claim_id = %s",
            (claim.claim_id,),
        )
        await tx.execute(
            "update allocation.units set state = 'sold', claim_id = %s, expires_at = null"
            " where pool_no = %s and key = any(%s)",
            (claim.claim_id, claim.units[0].pool_no, [unit.key for unit in claim.units]),
        )
        return replace(claim, state=ClaimState.CONFIRMED, version=claim.version + 1)
