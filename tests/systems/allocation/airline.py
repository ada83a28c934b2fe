"""A provider of its own process: holds seats on flights over HTTP, and fails as its script says.

    python -m tests.systems.allocation.airline      prints its port

A fault is named for the next call of a kind: `refuse`, `error` (500), `drop_before` and `drop_after` its effect (the
connection closes), `hang_before` and `hang_after` (no answer until the process ends). It remembers whom it has refused.
"""

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

SEATS = 2
"""On every flight."""


@dataclass
class Airline:
    """What the provider knows. `effects` counts what it has really done, by call and reference."""

    holds: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    faults: dict[str, list[str]] = field(default_factory=dict)
    effects: Counter[str] = field(default_factory=Counter)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    async def script(self, request: web.Request) -> web.Response:
        self.faults = await request.json()
        return web.json_response({})

    async def books(self, _: web.Request) -> web.Response:
        return web.json_response({"holds": self.holds, "effects": self.effects})

    async def until_hanging(self, _: web.Request) -> web.Response:
        await self.hanging.wait()
        return web.json_response({})

    async def hold(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        return await self._call(request, "hold", asked["reference"], lambda: self._hold(**asked))

    async def confirm(self, request: web.Request) -> web.StreamResponse:
        reference = request.match_info["reference"]
        return await self._call(request, "confirm", reference, lambda: self._move(reference, "held", "confirmed"))

    async def give_back(self, request: web.Request) -> web.StreamResponse:
        reference = request.match_info["reference"]
        return await self._call(request, "return", reference, lambda: self._return(reference))

    async def ask(self, request: web.Request) -> web.StreamResponse:
        reference = request.match_info["reference"]
        return await self._call(request, "ask", reference, lambda: self._told(reference))

    async def _call(self, request: web.Request, call: str, reference: str, effect) -> web.StreamResponse:  # type: ignore[no-untyped-def]
        fault = (self.faults.get(call) or [""]).pop(0)
        if fault == "hang_before":
            await self._hang()
        if fault == "drop_before":
            return self._drop(request)
        if fault == "error":
            return web.json_response({}, status=500)
        if fault == "refuse":
            return web.json_response({"reason": "We do not do that today."}, status=409)
        answer: web.Response = effect()
        if answer.status < 300 and call != "ask":
            self.effects[f"{call} {reference}"] += 1
        if fault == "hang_after":
            await self._hang()
        return self._drop(request) if fault == "drop_after" else answer

    async def _hang(self) -> None:
        self.hanging.set()
        await asyncio.Event().wait()

    @staticmethod
    def _drop(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.close()
        return web.Response()

    def _hold(self, reference: str, flight: str) -> web.Response:
        if reference in self.holds:
            return self._told(reference)
        on_it = [hold for hold in self.holds.values() if hold["flight"] == flight and hold["state"] != "returned"]
        if len(on_it) >= SEATS:
            self.refused.add(reference)
            return web.json_response({"reason": f"{flight} is full."}, status=409)
        ends_at = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
        self.holds[reference] = {
            "state": "held",
            "flight": flight,
            "locator": f"L{len(self.holds)}",
            "ends_at": ends_at,
        }
        return self._told(reference)

    def _move(self, reference: str, source: str, to: str) -> web.Response:
        hold = self.holds.get(reference)
        if hold is None:
            return web.json_response({}, status=404)
        if hold["state"] not in (source, to):
            return web.json_response({"reason": f"It is {hold['state']}."}, status=409)
        hold["state"] = to
        return self._told(reference)

    def _return(self, reference: str) -> web.Response:
        return self._move(reference, self.holds.get(reference, {}).get("state", ""), "returned")

    def _told(self, reference: str) -> web.Response:
        if reference in self.refused:
            return web.json_response({"reason": "It was refused."}, status=409)
        hold = self.holds.get(reference)
        return web.json_response(hold) if hold else web.json_response({}, status=404)


async def main() -> None:
    airline = Airline()
    app = web.Application()
    app.add_routes(
        [
            web.put("/script", airline.script),
            web.get("/books", airline.books),
            web.get("/hanging", airline.until_hanging),
            web.post("/holds", airline.hold),
            web.post("/holds/{reference}/confirm", airline.confirm),
            web.post("/holds/{reference}/return", airline.give_back),
            web.get("/holds/{reference}", airline.ask),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server
    sys.stdout.write(f"{site._server.sockets[0].getsockname()[1]}\n")  # type: ignore[attr-defined]  # an asyncio server has them
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
