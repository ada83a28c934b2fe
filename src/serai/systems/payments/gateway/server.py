"""The gateway as a process: one port, one file, and the loops that commit, deliver and sweep beside the requests.

If one of those loops dies the process ends, and its supervisor starts it anew: a gateway that answers but no longer
commits or delivers would be worse than none.
"""

import asyncio
import socket
from contextlib import suppress

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serai.kernel.errors import Misconfigured
from serai.kernel.ports import Clock, Random
from serai.runtime.sockets import bound
from serai.systems.payments.gateway import model
from serai.systems.payments.gateway.edge import Gateway, error_response
from serai.systems.payments.gateway.errors import GatewayError, NoSuchThing
from serai.systems.payments.gateway.pages import Pages
from serai.systems.payments.gateway.routes import Api, expire
from serai.systems.payments.gateway.settings import GatewaySettings
from serai.systems.payments.gateway.store import opened

_BACKLOG = 1024
_GRACE_S = 2
_KEEP_ALIVE_S = 75  # longer than clients keep an idle connection: closing first would cut off a request on its way


def create_app(gateway: Gateway) -> Starlette:
    """The HTTP application over a gateway whose loops somebody else runs (`serve` does)."""
    routes = [*Api(gateway).routes(), *Pages(gateway).routes()]
    return Starlette(routes=routes, exception_handlers={HTTPException: _unknown_path})


async def serve(settings: GatewaySettings, listen: socket.socket | int, clock: Clock, random: Random) -> None:
    """Serves until cancelled or signalled. `listen` is a bound socket, closed at the end, or a port of 127.0.0.1.

    Raises Misconfigured if the settings cannot work, or another process has the port or the directory.
    """
    problems = settings.problems()
    if not settings.secret_keys:
        problems.append("gateway.secret_keys is empty: nobody could call the gateway; give at least one sk_test_ key")
    if problems:
        raise Misconfigured("; ".join(problems))
    listener = bound(listen, "the payments gateway") if isinstance(listen, int) else listen
    with listener, opened(settings.directory) as store:
        gateway = Gateway(settings, store, clock, random)
        _provision(gateway)
        async with asyncio.TaskGroup() as loops:
            running = [
                loops.create_task(gateway.commits.run()),
                loops.create_task(gateway.deliverer.run(gateway.commits)),
                loops.create_task(_sweep(gateway)),
            ]
            try:
                await _answer(create_app(gateway), listener)
            finally:
                for loop in running:
                    loop.cancel()


async def _answer(app: Starlette, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        backlog=_BACKLOG,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


async def _sweep(gateway: Gateway) -> None:
    """Releases lapsed authorisations and forgets what is too old, a bounded number of rows at a time."""
    settings = gateway.settings
    while True:
        await asyncio.sleep(settings.sweep_interval_s)
        with suppress(GatewayError):  # the disk refused or the queue is full: the next round tries again
            now_s = gateway.now_ms() // 1000
            for id_ in gateway.store.committed.authorisations_due(now_s, settings.sweep_rows_max):
                await expire(gateway, id_)
            keys_before_s, events_before_s = now_s - settings.idempotency_keep_s, now_s - settings.events_keep_s
            limit = settings.sweep_rows_max
            await gateway.commits.apply(lambda: gateway.store.prune(keys_before_s, events_before_s, limit))  # noqa: B023


def _provision(gateway: Gateway) -> None:
    """Makes the webhook endpoint of the settings exist, with the secret given there."""
    settings = gateway.settings
    if not settings.webhook_url:
        return
    known = {endpoint["url"]: endpoint for endpoint in gateway.store.endpoints.values()}
    gateway.store.begin()
    desk = gateway.desk({"id": None, "idempotency_key": None})
    wanted = {"url": settings.webhook_url, "enabled_events": list(settings.webhook_events)}
    endpoint = known.get(settings.webhook_url) or model.webhook_endpoint(*desk.new_id("we"), "", wanted)
    desk.put(endpoint | wanted | {"secret": settings.webhook_secret})
    gateway.store.record(desk)
    gateway.store.commit()


async def _unknown_path(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = f"({request.method}: {request.url.path})"
    return error_response(NoSuchThing(f"Unrecognized request URL {what}. Please see https://stripe.com/docs."))
