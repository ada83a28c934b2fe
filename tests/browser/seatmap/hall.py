"""Halls for the seat-map tests, and a show in memory that speaks the cinema's HTTP contract.

It is the other side of the wire only: the components under test run unchanged against it in a real browser. It is
scripted (somebody takes a seat, a message is lost, a hold is refused) where the real server would need a second buyer.
"""

import json
import queue
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

PRICES = {"Premium": 1850, "Standard": 1350, "Standard (wheelchair)": 1350, "Front": 990}


def small_hall() -> list[dict[str, Any]]:
    """Five rows of ten with an aisle after the fifth seat; the last two seats of row E are wheelchair places."""
    seats = []
    for line, row in enumerate("ABCDE"):
        category = "Front" if row == "A" else "Premium" if row == "E" else "Standard"
        for number in range(1, 11):
            wide = row == "E" and number > 8
            x = 100 + 26 * number + (30 if number > 5 else 0)
            seats.append(_seat(row, number, "Standard (wheelchair)" if wide else category, x, 100 + 30 * line))
    return seats


def _seat(row: str, number: int, category: str, x: float, y: float) -> dict[str, Any]:
    return {
        "id": f"{row}{number}",
        "row": row,
        "number": str(number),
        "category": category,
        "price": {"amount": PRICES[category], "currency": "EUR"},
        "x": x,
        "y": y,
        "state": "available",
        "accessible": "wheelchair" in category,
    }


def large_hall(rows: int = 40, length: int = 52) -> list[dict[str, Any]]:
    """Curved rows with two aisles: 2,080 seats by default."""
    seats = []
    for line in range(rows):
        row = chr(65 + line) if line < 26 else f"A{chr(65 + line - 26)}"
        for place in range(length):
            across = (place - (length - 1) / 2) * 25 + (30 if place >= 39 else -30 if place < 13 else 0)
            category = "Front" if line < 6 else "Premium" if 14 <= line < 26 and 13 <= place < 39 else "Standard"
            seats.append(_seat(row, place + 1, category, across, line * 29 - across * across / 4200))
    return seats


@dataclass
class FakeShow:
    """One show's seats, holds and subscribers."""

    seats: list[dict[str, Any]]
    version: int = 1
    hold_s: float = 600
    holds: dict[str, list[str]] = field(default_factory=dict)
    streams: list["queue.Queue[str | None]"] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)
    plan: dict[str, Any] | None = None
    saved: list[Any] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def snapshot(self) -> dict[str, Any]:
        """What a stream begins with."""
        with self.lock:
            return {"version": self.version, "seats": [{"id": s["id"], "state": s["state"]} for s in self.seats]}

    def change(self, states: dict[str, str], *, lose: bool = False) -> None:
        """Somebody changed seats; `lose` keeps the message from the subscribers."""
        with self.lock:
            self.version += 1
            for seat in self.seats:
                seat["state"] = states.get(seat["id"], seat["state"])
            changes = [{"id": key, "state": state} for key, state in states.items()]
            if not lose:
                self._publish("seats", {"version": self.version, "changes": changes})

    def drop_streams(self) -> None:
        """Every event stream breaks."""
        with self.lock:
            for stream in self.streams:
                stream.put(None)
            self.streams.clear()

    def subscribe(self) -> "queue.Queue[str | None]":
        """A new stream, beginning with its snapshot."""
        with self.lock:
            stream: queue.Queue[str | None] = queue.Queue()
            stream.put(_event("snapshot", self.snapshot()))
            self.streams.append(stream)
            return stream

    def hold(self, seat_ids: list[str]) -> tuple[int, dict[str, Any]]:
        """POST /holds."""
        with self.lock:
            chosen = [s for s in self.seats if s["id"] in seat_ids]
            gone = [s["id"] for s in chosen if s["state"] != "available" or s["id"] in self.refuse]
            if gone:
                return 409, {"code": "seats_unavailable", "title": "Seats were taken", "seats": gone}
            hold_id = f"hold-{self.version}"
            self.holds[hold_id] = seat_ids
            self.change(dict.fromkeys(seat_ids, "held"))
            total = {"amount": sum(s["price"]["amount"] for s in chosen), "currency": "EUR"}
            return 201, {"id": hold_id, "state": "held", "expires_at": self._expiry(), "seats": chosen, "total": total}

    def extend(self, hold_id: str) -> tuple[int, dict[str, Any]]:
        """POST /holds/{id}/extend."""
        return 200, {"id": hold_id, "state": "held", "expires_at": self._expiry()}

    def release(self, hold_id: str) -> tuple[int, dict[str, Any]]:
        """DELETE /holds/{id}."""
        self.change(dict.fromkeys(self.holds.pop(hold_id), "available"))
        return 200, {"id": hold_id, "state": "released"}

    def best(self, count: int, category: str) -> tuple[int, dict[str, Any]]:
        """GET /best: the first run of neighbours from the middle rows, which is enough for a client's test."""
        with self.lock:
            wanted = [s for s in self.seats if category in ("", s["category"])]
        for start in range(len(wanted) // 2, len(wanted) - count + 1):
            run = wanted[start : start + count]
            free = all(seat["state"] == "available" and seat["row"] == run[0]["row"] for seat in run)
            if free and int(run[-1]["number"]) - int(run[0]["number"]) == count - 1:
                return 200, {"seat_ids": [s["id"] for s in run]}
        return 409, {"code": "no_seats_together", "detail": f"No {count} free seats together."}

    def _expiry(self) -> str:
        return (datetime.now(UTC) + timedelta(seconds=self.hold_s)).isoformat().replace("+00:00", "Z")

    def _publish(self, name: str, data: dict[str, Any]) -> None:
        for stream in self.streams:
            stream.put(_event(name, data))


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
