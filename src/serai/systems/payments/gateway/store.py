"""The gateway's SQLite file: WAL, synchronous=FULL, so that what was committed survives kill -9 and power loss.

One connection writes, another reads what is committed. Row numbers carry the time of creation (`ids`), so every list
is a range of the primary key. It never lives in the product's PostgreSQL: the two must be able to fail apart.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from serai.kernel.errors import Misconfigured
from serai.runtime.files import DirectoryLock
from serai.systems.payments.gateway import ids, model
from serai.systems.payments.gateway.desk import Desk
from serai.systems.payments.gateway.endpoints import wants
from serai.systems.payments.gateway.errors import no_such
from serai.systems.payments.gateway.idempotency import Kept
from serai.systems.payments.gateway.model import Doc, Kind
from serai.systems.payments.gateway.params import LIST_DEFAULT, LIST_MAX

FILE: Final = "gateway.sqlite3"
SCHEMA_VERSION: Final = 1
_BUSY_S = 5.0

_SCHEMA = """
CREATE TABLE payment_intent (seq INTEGER PRIMARY KEY, doc BLOB NOT NULL);
CREATE TABLE charge (seq INTEGER PRIMARY KEY, payment_intent TEXT NOT NULL, due INTEGER, doc BLOB NOT NULL);
CREATE INDEX charge_payment_intent ON charge (payment_intent);
CREATE INDEX charge_due ON charge (due) WHERE due IS NOT NULL;
CREATE TABLE refund (seq INTEGER PRIMARY KEY, payment_intent TEXT NOT NULL, charge TEXT NOT NULL, doc BLOB NOT NULL);
CREATE INDEX refund_payment_intent ON refund (payment_intent);
CREATE INDEX refund_charge ON refund (charge);
CREATE TABLE event (seq INTEGER PRIMARY KEY, type TEXT NOT NULL, doc BLOB NOT NULL);
CREATE INDEX event_type ON event (type);
CREATE TABLE webhook_endpoint (seq INTEGER PRIMARY KEY, doc BLOB NOT NULL);
CREATE TABLE idempotency (seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, path TEXT NOT NULL,
  fingerprint BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL, request_id TEXT NOT NULL);
-- due is Unix milliseconds of the next attempt; NULL means given up.
CREATE TABLE delivery (seq INTEGER PRIMARY KEY, event INTEGER NOT NULL, endpoint INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0, due INTEGER, held INTEGER NOT NULL DEFAULT 0, problem TEXT);
CREATE INDEX delivery_due ON delivery (due) WHERE due IS NOT NULL;
CREATE INDEX delivery_event ON delivery (event);
"""

_COLUMNS: dict[Kind, dict[str, Callable[[Doc], Any]]] = {
    "payment_intent": {},
    "charge": {"payment_intent": lambda doc: doc["payment_intent"], "due": model.due_of},
    "refund": {"payment_intent": lambda doc: doc["payment_intent"], "charge": lambda doc: doc["charge"]},
    "event": {"type": lambda doc: doc["type"]},
    "webhook_endpoint": {},
}
"""What is kept beside the document, because it is searched by."""


def _upsert(kind: Kind) -> str:
    names = [*_COLUMNS[kind], "doc"]
    values = ", ".join("?" * (len(names) + 1))
    changes = ", ".join(f"{name} = excluded.{name}" for name in names)
    return f"INSERT INTO {kind} (seq, {', '.join(names)}) VALUES ({values}) ON CONFLICT (seq) DO UPDATE SET {changes}"


_UPSERT = {kind: _upsert(kind) for kind in _COLUMNS}


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint. `held`: it waits for a later event to overtake it."""

    seq: int
    event: int
    endpoint: int
    attempt: int
    held: bool


class Shelf:
    """What can be read through one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def get(self, kind: Kind, id_: str) -> Doc | None:
        """The object by its id."""
        place = ids.place_of(id_)
        found = None if place is None else self.at(kind, place)
        return found if found is not None and found["id"] == id_ else None

    def at(self, kind: Kind, place: int) -> Doc | None:
        """The object by its row number."""
        row = self.connection.execute(f"SELECT doc FROM {kind} WHERE seq = ?", (place,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    def count(self, kind: Kind) -> int:
        """How many of a kind there are."""
        return int(self.connection.execute(f"SELECT count(*) FROM {kind}").fetchone()[0])

    def page(self, kind: Kind, values: dict[str, Any], **equal: str | list[str]) -> tuple[list[Doc], bool]:
        """A page of objects, newest first, and whether there are more in the direction of travel."""
        where, arguments = self._conditions(kind, values)
        for column, wanted in equal.items():
            allowed = [wanted] if isinstance(wanted, str) else wanted
            where.append(f"{column} IN ({', '.join('?' * len(allowed))})")
            arguments += allowed
        limit = min(values.get("limit", LIST_DEFAULT), LIST_MAX)
        backwards = "ending_before" in values
        rows = self.connection.execute(
            f"SELECT doc FROM {kind} WHERE {' AND '.join(['1', *where])} "
            f"ORDER BY seq {'ASC' if backwards else 'DESC'} LIMIT ?",
            (*arguments, limit + 1),
        ).fetchall()
        docs = [orjson.loads(row[0]) for row in rows[:limit]]
        return docs[::-1] if backwards else docs, len(rows) > limit

    def _conditions(self, kind: Kind, values: dict[str, Any]) -> tuple[list[str], list[Any]]:
        where, arguments = [], []
        for cursor, sign in (("starting_after", "<"), ("ending_before", ">")):
            if cursor in values:
                if self.get(kind, values[cursor]) is None:
                    raise no_such(kind, values[cursor], cursor)
                where.append(f"seq {sign} ?")
                arguments.append(ids.place_of(values[cursor]))
        for bound, second in values.get("created", {}).items():
            where.append("seq >= ?" if bound in {"gt", "gte"} else "seq < ?")
            arguments.append(ids.place_at(second + (bound in {"gt", "lte"})))
        return where, arguments

    def pending_webhooks(self, event: int) -> int:
        """How many deliveries of the event have not succeeded yet."""
        query = "SELECT count(*) FROM delivery WHERE event = ?"
        return int(self.connection.execute(query, (event,)).fetchone()[0])

    def deliveries_due(self, now_ms: int, limit: int) -> list[Delivery]:
        """What is to be sent now, longest due first."""
        rows = self.connection.execute(
            "SELECT seq, event, endpoint, attempt, held FROM delivery WHERE due <= ? ORDER BY due, seq LIMIT ?",
            (now_ms, limit),
        )
        return [Delivery(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows]

    def authorisations_due(self, now_s: int, limit: int) -> list[str]:
        """Payment intents whose authorisation has lapsed."""
        query = "SELECT payment_intent FROM charge WHERE due <= ? ORDER BY due LIMIT ?"
        return [row[0] for row in self.connection.execute(query, (now_s, limit))]

    def totals(self) -> dict[str, Any]:
        """For auditors: what the whole file adds up to, by currency and status. Reads every payment."""
        member = "json_extract(CAST(doc AS TEXT), '$.{}')".format
        intents = self.connection.execute(
            f"SELECT {member('currency')}, {member('status')}, count(*), sum({member('amount')}), "
            f"sum({member('amount_capturable')}), sum({member('amount_received')}) FROM payment_intent GROUP BY 1, 2"
        ).fetchall()
        refunds = self.connection.execute(
            f"SELECT {member('currency')}, count(*), sum({member('amount')}) FROM refund GROUP BY 1"
        ).fetchall()
        deliveries = self.connection.execute("SELECT count(*), count(*) FILTER (WHERE due IS NULL) FROM delivery")
        waiting, dead = deliveries.fetchone()
        names = ("currency", "status", "count", "amount", "amount_capturable", "amount_received")
        return {
            "payment_intents": [dict(zip(names, row, strict=True)) for row in intents],
            "refunds": [dict(zip(("currency", "count", "amount"), row, strict=True)) for row in refunds],
            "deliveries": {"pending": waiting - dead, "given_up": dead},
        }


class Store(Shelf):
    """The file. As a Shelf it reads through the writing connection, inside the current transaction."""

    def __init__(self, path: Path) -> None:
        super().__init__(_connect(path))
        _prepare(self.connection)
        self.committed = Shelf(_connect(path))
        self.committed.connection.execute("PRAGMA query_only = ON")
        self.places = ids.Places(self._last_place())
        self.endpoints = self._load_endpoints()
        self.has_deliveries = False
        """Whether the transaction at hand gave the webhooks something to send."""

    def close(self) -> None:
        """Closes both connections."""
        self.committed.connection.close()
        self.connection.close()

    def begin(self) -> None:
        """Starts the one transaction that a batch shares."""
        self.has_deliveries = False
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Makes it durable: returns after fsync. Called on another thread; nothing else touches the connection."""
        self.connection.execute("COMMIT")

    def rollback(self) -> None:
        """Forgets the batch."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.endpoints = self._load_endpoints()

    def record(self, desk: Desk) -> None:
        """Writes what an operation wants written."""
        for doc in desk.written.values():
            self._put(doc)
        for kind, id_ in desk.deleted:
            self._delete(kind, id_)
        for event in desk.events:
            self._put(event)
            self._address(event, desk.now_ms)

    def kept(self, key: str) -> Kept | None:
        """The first answer under an idempotency key."""
        row = self.connection.execute(
            "SELECT path, fingerprint, status, body, request_id FROM idempotency WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else Kept(*row)

    def keep(self, key: str, answer: Kept, now_ms: int) -> None:
        """Keeps the first answer under a key."""
        self.connection.execute(
            "INSERT INTO idempotency (seq, key, path, fingerprint, status, body, request_id) VALUES (?,?,?,?,?,?,?)",
            (
                self.places.next(now_ms),
                key,
                answer.path,
                answer.fingerprint,
                answer.status,
                answer.body,
                answer.request_id,
            ),
        )

    def prune(self, keys_before_s: int, events_before_s: int, limit: int) -> int:
        """Deletes up to `limit` old keys, events and given-up deliveries each; says how many rows went."""
        gone = 0
        for table, before_s in (
            ("idempotency", keys_before_s),
            ("event", events_before_s),
            ("delivery", events_before_s),
        ):
            gone += self.connection.execute(
                f"DELETE FROM {table} WHERE seq IN (SELECT seq FROM {table} WHERE seq < ? ORDER BY seq LIMIT ?)",
                (ids.place_at(before_s), limit),
            ).rowcount
        return gone

    def delivered(self, seq: int) -> None:
        """The endpoint took it."""
        self.connection.execute("DELETE FROM delivery WHERE seq = ?", (seq,))

    def postpone(self, seq: int, due_ms: int | None, attempt: int, *, held: bool = False, problem: str = "") -> None:
        """To be tried again at `due_ms`, or never (None)."""
        self.connection.execute(
            "UPDATE delivery SET due = ?, attempt = ?, held = ?, problem = ? WHERE seq = ?",
            (due_ms, attempt, held, problem, seq),
        )

    def release_held(self, endpoint: int, before: int, now_ms: int) -> bool:
        """A later event has overtaken those that were held for it; says whether there were any."""
        update = "UPDATE delivery SET due = ?, held = 0 WHERE endpoint = ? AND held AND event < ?"
        return self.connection.execute(update, (now_ms, endpoint, before)).rowcount > 0

    def _put(self, doc: Doc) -> None:
        kind: Kind = doc["object"]
        beside = [read(doc) for read in _COLUMNS[kind].values()]
        place = ids.place_of(doc["id"])
        assert place is not None, doc["id"]
        self.connection.execute(_UPSERT[kind], (place, *beside, orjson.dumps(doc)))
        if kind == "webhook_endpoint":
            self.endpoints = self._load_endpoints()

    def _delete(self, kind: Kind, id_: str) -> None:
        place = ids.place_of(id_)
        self.connection.execute(f"DELETE FROM {kind} WHERE seq = ?", (place,))
        if kind == "webhook_endpoint":
            self.connection.execute("DELETE FROM delivery WHERE endpoint = ?", (place,))
            self.endpoints = self._load_endpoints()

    def _address(self, event: Doc, now_ms: int) -> None:
        for place, endpoint in self.endpoints.items():
            if wants(endpoint, event["type"]):
                self.connection.execute(
                    "INSERT INTO delivery (seq, event, endpoint, due) VALUES (?, ?, ?, ?)",
                    (self.places.next(now_ms), ids.place_of(event["id"]), place, now_ms),
                )
                self.has_deliveries = True

    def _load_endpoints(self) -> dict[int, Doc]:
        rows = self.connection.execute("SELECT seq, doc FROM webhook_endpoint ORDER BY seq")
        return {row[0]: orjson.loads(row[1]) for row in rows}

    def _last_place(self) -> int:
        tables = (*_COLUMNS, "idempotency", "delivery")
        union = " UNION ALL ".join(f"SELECT max(seq) AS last FROM {table}" for table in tables)
        return int(self.connection.execute(f"SELECT coalesce(max(last), 0) FROM ({union})").fetchone()[0])


@contextmanager
def opened(directory: Path) -> Iterator[Store]:
    """The store of `directory`, made if it is not there, closed at the end.

    Raises DataDirectoryInUse if another process has it: two would hand out the same row numbers.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with DirectoryLock(directory):
        store = Store(directory / FILE)
        try:
            yield store
        finally:
            store.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    elif version != SCHEMA_VERSION:
        raise Misconfigured(
            f"The gateway's file {FILE} has schema {version}, and this program speaks {SCHEMA_VERSION};"
            " start the version of Serai that wrote it."
        )
