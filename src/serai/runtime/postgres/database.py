"""Transactions that carry a tenant, over a pool of one role's connections.

Row-level security hangs on one setting, so nothing but `Database.transaction` sets it, and it costs no round trip of
its own: BEGIN and SET LOCAL travel together. A connection whose role could bypass the policies is refused at start-up.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from serai.kernel.errors import Misconfigured, Unavailable
from serai.kernel.ports import Random

T = TypeVar("T")
Row = tuple[Any, ...]
Params = Sequence[object] | Mapping[str, object]

RETRIES_MAX = 5
"""How often a transaction is tried again after a deadlock or a serialization failure."""

BACKOFF_MS = 5
"""First pause between such tries; doubles each time, with jitter."""

_PLANNED_ONCE = "; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off"
"""Without the second, a plan made while a table was tiny would read all of it when it is full."""


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer, or no connection became free in time."""

    code = "database_unavailable"


class Transaction:
    """One open transaction. Every write function of every system takes one as its first argument."""

    __slots__ = ("connection", "tenant")

    def __init__(self, connection: AsyncConnection[Row], tenant: UUID | None) -> None:
        self.connection = connection
        self.tenant = tenant
        """None only for workers of the role serai_jobs, which see every tenant."""

    async def fetch(self, query: LiteralString, params: Params = ()) -> list[Row]:
        """All rows."""
        cursor = await self.connection.execute(query, params)
        return await cursor.fetchall()

    async def fetch_one(self, query: LiteralString, params: Params = ()) -> Row | None:
        """The first row, or None."""
        cursor = await self.connection.execute(query, params)
        return await cursor.fetchone()

    async def execute(self, query: LiteralString, params: Params = ()) -> int:
        """How many rows the statement touched."""
        cursor = await self.connection.execute(query, params)
        return cursor.rowcount

    @property
    def owner(self) -> UUID:
        """The tenant, where there must be one."""
        assert self.tenant is not None, "this statement needs a transaction of one tenant"
        return self.tenant


class Database:
    """A pool of connections of one role."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Row]], random: Random) -> None:
        self._pool = pool
        self._random = random

    @asynccontextmanager
    async def transaction(self, tenant: UUID | None, *, by_key: bool = False) -> AsyncIterator[Transaction]:
        """A READ COMMITTED transaction as `tenant`: committed at the end of the block, rolled back by an exception.

        `by_key`: all its statements find their rows by keys, so each is planned once a connection, whatever its
        arguments. Planning a claim anew takes longer than opening it. Not for lists and searches.
        """
        try:
            connection = await self._pool.getconn()
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise DatabaseUnavailable("The database has no free connection; try again in a moment.") from error
        try:
            await connection.execute(_begin(tenant, by_key), prepare=False)
            try:
                yield Transaction(connection, tenant)
            except BaseException:
                await _roll_back(connection)
                raise
            await connection.execute("COMMIT", prepare=False)
        except psycopg.OperationalError as error:
            if isinstance(error, (DeadlockDetected, SerializationFailure)) or not connection.broken:
                raise
            raise DatabaseUnavailable("The database closed the connection; try again in a moment.") from error
        finally:
            await self._pool.putconn(connection)

    async def retrying(self, tenant: UUID | None, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """`work` in a transaction, from its start again (<= RETRIES_MAX) after a deadlock or serialization failure."""
        for attempt in range(RETRIES_MAX):
            try:
                async with self.transaction(tenant) as tx:
                    return await work(tx)
            except (DeadlockDetected, SerializationFailure):
                pause_ms = (BACKOFF_MS << attempt) + self._random.below(BACKOFF_MS << attempt)
                await asyncio.sleep(pause_ms / 1000)
        raise DatabaseUnavailable(f"The database was too contended to finish after {RETRIES_MAX} tries; try again.")

    def usage(self) -> tuple[int, int]:
        """Connections in use now, and callers that wait for one."""
        stats = self._pool.get_stats()
        return stats["pool_size"] - stats["pool_available"], stats.get("requests_waiting", 0)

    async def close(self) -> None:
        """Closes the connections; transactions in flight are cut off by the server."""
        await self._pool.close()


def _begin(tenant: UUID | None, by_key: bool) -> sql.SQL:
    plans = _PLANNED_ONCE if by_key else ""
    if tenant is None:
        return sql.SQL(f"BEGIN{plans}")
    # A UUID's text holds only hexadecimal digits and hyphens, so it can stand in the statement.
    return sql.SQL(f"BEGIN; SET LOCAL app.tenant_id = '{tenant}'{plans}")


async def _roll_back(connection: AsyncConnection[Row]) -> None:
    if connection.broken or connection.closed:
        return
    try:
        await connection.execute("ROLLBACK", prepare=False)
    except psycopg.Error:
        await connection.close()


@asynccontextmanager
async def open_database(
    url: str,
    random: Random,
    *,
    pool_min: int = 2,
    pool_max: int = 16,
    wait_s: float = 10.0,
    statement_timeout_s: float = 15.0,
    name: str = "serai",
) -> AsyncIterator[Database]:
    """A database by URL. Raises Misconfigured if it does not answer, or if the role could bypass row-level security."""
    pool: AsyncConnectionPool[AsyncConnection[Row]] = AsyncConnectionPool(
        url,
        kwargs={
            "autocommit": True,  # BEGIN and COMMIT are ours, so that BEGIN can carry the tenant
            "application_name": name,
            "options": (
                f"-c statement_timeout={int(statement_timeout_s * 1000)}"
                " -c idle_in_transaction_session_timeout=60000 -c search_path=jobs,pg_catalog"
                " -c jit=off"
            ),
        },
        min_size=pool_min,
        max_size=pool_max,
        timeout=wait_s,
        open=False,
        name=name,
    )
    try:
        await pool.open(wait=True, timeout=wait_s)
    except PoolTimeout as error:
        await pool.close()
        raise Misconfigured(f"PostgreSQL does not answer at {shown(url)} within {wait_s:g} s.") from error
    database = Database(pool, random)
    try:
        await _refuse_powerful_roles(database)
        yield database
    finally:
        await database.close()


async def _refuse_powerful_roles(database: Database) -> None:
    async with database.transaction(None) as tx:
        row = await tx.fetch_one(
            "select rolname, rolsuper, rolbypassrls, exists (select from pg_namespace n where n.nspowner = r.oid)"
            " from pg_roles r where rolname = current_user"
        )
    assert row is not None
    name, superuser, bypass, owner = row
    if superuser or bypass or owner:
        raise Misconfigured(
            f"The role {name} could bypass row-level security (superuser, BYPASSRLS or owner of a schema); "
            "connect as serai_app or serai_jobs, which `serai migrate --print-roles` shows how to make."
        )


def shown(url: str) -> str:
    """The URL without its password."""
    info = psycopg.conninfo.conninfo_to_dict(url)
    return (
        f"postgresql://{info.get('user', '')}@{info.get('host', '')}:{info.get('port', 5432)}/{info.get('dbname', '')}"
    )
