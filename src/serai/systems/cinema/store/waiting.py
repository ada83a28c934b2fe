"""SQL of waiting lists. Moves compare the state that was read, so an entry makes each move once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.kernel.ids import Capability
from serai.runtime.postgres.database import Row, Transaction
from serai.systems.cinema.waiting import LIVE, EntryState

_COLUMNS = "entry_id, key, place_no, show_id, email, seats, category, state, claim_id, created_at"
_LIVE = sorted(state.value for state in LIVE)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as the table has it. `category` None: any."""

    entry_id: UUID
    key: bytes
    place_no: int
    show_id: UUID
    email: str
    seats: int
    category: str | None
    state: EntryState
    claim_id: UUID | None
    created_at: datetime

    @property
    def capability(self) -> Capability:
        """Shows it and leaves the list."""
        return Capability(self.entry_id, self.key)


def _entry(row: Row) -> Entry:
    entry_id, key, place_no, show_id, email, seats, category, state, *rest = row
    return Entry(entry_id, bytes(key), place_no, show_id, email, seats, category, EntryState(state), *rest)


async def live_entries(tx: Transaction, show_id: UUID) -> int:
    """How many wait for a show. Locks the show's row, so that two who join count one another; no buyer waits for it."""
    await tx.fetch(
        "select 1 from cinema.shows where tenant_id = %s and show_id = %s for no key update", (tx.owner, show_id)
    )
    row = await tx.fetch_one(
        "select count(*) from cinema.waiting where tenant_id = %s and show_id = %s and state in ('waiting', 'offered')",
        (tx.owner, show_id),
    )
    assert row is not None
    return int(row[0])


async def join(
    tx: Transaction, entry: Capability, show_id: UUID, email: str, seats: int, category: str | None
) -> Entry | None:
    """A new entry at the end of the line; None if the address waits already (index waiting_once)."""
    row = await tx.fetch_one(
        f"""
        insert into cinema.waiting (tenant_id, entry_id, key, show_id, email, seats, category)
        values (%s, %s, %s, %s, %s, %s, %s)
        on conflict (tenant_id, show_id, lower(email)) where state in ('waiting', 'offered') do nothing
        returning {_COLUMNS}
        """,
        (tx.owner, entry.id, entry.key, show_id, email, seats, category),
    )
    return _entry(row) if row else None


async def entry_by_id(tx: Transaction, entry_id: UUID) -> Entry | None:
    """By primary key."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from cinema.waiting where tenant_id = %s and entry_id = %s", (tx.owner, entry_id)
    )
    return _entry(row) if row else None


async def before(tx: Transaction, entry: Entry) -> int:
    """How many wait before this one."""
    row = await tx.fetch_one(
        "select count(*) from cinema.waiting"
        " where tenant_id = %s and show_id = %s and state = 'waiting' and place_no < %s",
        (tx.owner, entry.show_id, entry.place_no),
    )
    assert row is not None
    return int(row[0])


async def live(tx: Transaction, show_id: UUID, state: EntryState, limit: int) -> list[Entry]:
    """Entries of a show in the order in which they came, by the index waiting_in_line."""
    assert state in LIVE, "the index has only those"
    rows = await tx.fetch(
        f"select {_COLUMNS} from cinema.waiting where tenant_id = %s and show_id = %s and state = %s"
        " and state in ('waiting', 'offered') order by place_no limit %s",
        (tx.owner, show_id, state, limit),
    )
    return [_entry(row) for row in rows]


async def move(tx: Transaction, entry: Entry, to: EntryState, claim_id: UUID | None = None) -> bool:
    """Moves the entry, with its new claim if there is one; false if somebody else has moved it since."""
    changed = await tx.execute(
        "update cinema.waiting set state = %s, claim_id = coalesce(%s, claim_id), changed_at = clock_timestamp()"
        " where tenant_id = %s and entry_id = %s and state = %s",
        (to, claim_id, tx.owner, entry.entry_id, entry.state),
    )
    return changed == 1


async def take(tx: Transaction, entry_id: UUID) -> None:
    """The offer was bought, in the transaction that sells it."""
    await tx.execute(
        "update cinema.waiting set state = 'taken', changed_at = clock_timestamp()"
        " where tenant_id = %s and entry_id = %s and state = 'offered'",
        (tx.owner, entry_id),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A show for which somebody waits. `open`: it has neither begun nor been called off."""

    tenant: UUID
    show_id: UUID
    pool_no: int
    open: bool
    newest: int
    """The last place of the line: rises when somebody joins."""


async def lines(tx: Transaction) -> list[Line]:
    """Every line, across tenants (role serai_jobs)."""
    rows = await tx.fetch(
        """
        select w.tenant_id, w.show_id, s.pool_no, s.starts_at > clock_timestamp() and s.cancelled_at is null, w.newest
        from (select tenant_id, show_id, max(place_no) as newest from cinema.waiting
              where state in ('waiting', 'offered') group by tenant_id, show_id) w
        join cinema.shows s on s.tenant_id = w.tenant_id and s.show_id = w.show_id
        """
    )
    return [Line(*row) for row in rows]
