"""Chains what was recorded, signs the chain's head once a day, and proves on a live database that all of it adds up.

The chain is written by one worker at a time, in the order of its queue, so a sale never waits for the sale before it.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from serai.kernel.ports import Clock
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.api import Allocation, counters_between
from serai.systems.stock.chain import GENESIS, Head, HeadKey, chained, hash_after, signed_by
from serai.systems.stock.model import OWNER, Level, LevelKey, Location, from_counter_key
from serai.systems.stock.store import catalogue
from serai.systems.stock.store import trail as store

KEY_ID = 1
"""Number of the key in force; a rotation adds the next and keeps the public halves of the old ones."""

CHAIN_BATCH_MAX = 1_000
"""Records chained in one transaction."""

VERIFY_BATCH = 5_000
"""Links that the audit reads at once."""

FINDINGS_MAX = 100
"""Findings of one kind that an audit reports."""

LEVELS_MAX = 10_000_000
"""Levels of one location that an audit holds in memory."""

_LAST_KEY = 2**63 - 1


class Chaining:
    """The jobs that chain and sign."""

    def __init__(self, jobs: Database, key: HeadKey, clock: Clock) -> None:
        self._jobs = jobs
        self._key = key
        self._clock = clock

    async def chain(self) -> int:
        """Chains all that waits, in batches, across tenants; returns how many records."""
        total = 0
        while True:
            async with self._jobs.transaction(None) as tx:
                count = await self._batch(tx) if await store.lock_chain(tx) else 0
            total += count
            if count < CHAIN_BATCH_MAX:
                return total

    async def _batch(self, tx: Transaction) -> int:
        queue = await store.waiting(tx, CHAIN_BATCH_MAX)
        for tenant, entries in groupby(queue, key=lambda entry: entry[0]):
            mine = list(entries)
            found = await store.records(tx, tenant, [(source, number) for _, _, source, number in mine])
            seq, before = await store.end_of_chain(tx, tenant) or (0, GENESIS)
            ordered = [found[source, number] for _, _, source, number in mine]
            links = list(chained(ordered, before, seq))
            await store.append(tx, tenant, links, [entry_no for _, entry_no, _, _ in mine])
        return len(queue)

    async def sign(self) -> int:
        """Today's heads, one a tenant; those that exist stay. Returns how many are new."""
        await self.chain()
        day, made = self._clock.now().date(), 0
        async with self._jobs.transaction(None) as tx:
            for tenant in await store.chained_tenants(tx):
                end = await store.end_of_chain(tx, tenant)
                assert end is not None, "a tenant with a chain has its end"
                head = Head(tenant, day, *end, self._key.id)
                signed = Head(tenant, day, *end, self._key.id, self._key.sign(head))
                made += await store.insert_head(tx, signed)
        return made


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    kind: str
    """'levels', 'reserved', 'ledger', 'conservation', 'chain' or 'head'."""
    what: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was compared, and what differs; nothing, it is to be hoped."""

    levels: int
    links: int
    waiting: int
    heads: int
    findings: tuple[Finding, ...]


async def audit(database: Database, tenant: UUID, allocation: Allocation, publics: Mapping[int, bytes]) -> AuditReport:
    """Levels with allocation's ledger and with ours, reserved with claims, the chain with what it covers, its heads.

    In one snapshot, so buyers may go on. `publics` are the keys whose heads are believed, by their ids.
    """
    async with database.transaction(tenant) as tx:
        await store.snapshot(tx)
        levels, differences = await allocation.audit(tx, OWNER)
        found = [Finding("levels", str(each)) for each in differences]
        found += [Finding("reserved", str(each)) for each in await allocation.breaches(tx, OWNER)]
        for location in await catalogue.locations(tx):
            if location.pool_no is not None:
                found += await _level_findings(tx, location)
        found += [
            Finding("conservation", f"the lines of movement {number} do not sum to zero")
            for number in await store.unbalanced(tx, FINDINGS_MAX)
        ]
        links, broken = await _chain_findings(tx)
        found += broken
        found += [
            Finding("chain", f"{source} {number} was never chained, nor does it wait to be")
            for source, number in await store.unlinked_records(tx, FINDINGS_MAX)
        ]
        heads = await store.heads(tx)
        found += [each async for each in _head_findings(tx, heads, publics)]
        return AuditReport(levels, links, await store.unchained_count(tx), len(heads), tuple(found))


async def _level_findings(tx: Transaction, location: Location) -> list[Finding]:
    assert location.pool_no is not None
    counters = await counters_between(tx, [location.pool_no], 1, _LAST_KEY, limit=LEVELS_MAX)
    stands = {
        LevelKey(location.location_no, *from_counter_key(ref.key)): Level.of(bucket).on_hand
        for ref, bucket in counters.items()
    }
    said = {
        LevelKey(each.location_no, each.product_no, each.batch_no): each
        for each in await store.ledger_levels(tx, location.location_no)
    }
    return [*_compared(location, stands, said)][:FINDINGS_MAX]


def _compared(
    location: Location, stands: dict[LevelKey, int], said: dict[LevelKey, store.LedgerLevel]
) -> Iterator[Finding]:
    for key in sorted(stands.keys() | said.keys()):
        here, ledger = stands.get(key, 0), said.get(key)
        total, last = (ledger.total, ledger.last) if ledger else (0, 0)
        if not here == total == last:
            where = f"product {key.product_no}, batch {key.batch_no} at {location.code}"
            yield Finding(
                "ledger", f"{where}: {here} on hand, lines that sum to {total}, the last of which says {last}"
            )


async def _chain_findings(tx: Transaction) -> tuple[int, list[Finding]]:
    """How many links there are, and the first that does not follow from the one before it."""
    seq, before, count = 0, GENESIS, 0
    while links := await store.links_after(tx, tx.owner, seq, VERIFY_BATCH):
        records = await store.records(tx, tx.owner, [(link.source, link.number) for link in links])
        for link in links:
            seq += 1
            count += 1
            record = records.get((link.source, link.number))
            if link.seq != seq:
                return count, [Finding("chain", f"link {seq} is missing")]
            if record is None:
                return count, [Finding("chain", f"{link.source} {link.number} of link {seq} is gone")]
            if link.hash != hash_after(before, record):
                return count, [Finding("chain", f"{link.source} {link.number} is not what link {seq} was made of")]
            before = link.hash
    return count, []


async def _head_findings(
    tx: Transaction, heads: Sequence[Head], publics: Mapping[int, bytes]
) -> AsyncIterator[Finding]:
    for head in heads:
        public = publics.get(head.key_id)
        if public is None or not signed_by(public, head):
            yield Finding("head", f"the head of {head.day} is not signed by a key of ours")
        elif await store.hash_at(tx, head.seq) != head.hash:
            yield Finding("head", f"the chain is not what its head of {head.day} says at link {head.seq}")
