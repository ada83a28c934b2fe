"""The application factory: routers in, one FastAPI application out; the same for product, tests and benches."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from serai.kernel.ports import Clock, Random
from serai.runtime.http.callers import CallerTable
from serai.runtime.http.edge import Edge, Limits
from serai.runtime.http.principal import Authenticate
from serai.runtime.http.problems import PROBLEM_RESPONSE, RenderProblem, add_problem_handlers
from serai.runtime.telemetry import exposition

Check = Callable[[], Awaitable[None]]
"""Raises a SeraiError while the site cannot serve."""

Measure = Callable[[], Awaitable[bytes]]
"""Everything that is measured, in Prometheus' text format."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    *,
    routers: Sequence[APIRouter],
    authenticate: Authenticate,
    clock: Clock,
    random: Random,
    ready: Check,
    measure: Measure | None = None,
    limits: Limits | None = None,
    callers: CallerTable | None = None,
    render_problem: RenderProblem | None = None,
    lifespan: Lifespan | None = None,
    version: str = "0",
) -> FastAPI:
    """The whole site. `ready` decides /readyz, `measure` answers /metrics, `render_problem` draws errors for people."""
    app = FastAPI(
        title="Serai",
        version=version,
        summary="The backend systems that every product needs.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan or _nothing,
        separate_input_output_schemas=False,
        responses={"default": PROBLEM_RESPONSE},
    )
    app.state.authenticate = authenticate
    unexpected = add_problem_handlers(app, render_problem)
    app.include_router(_health(ready, measure or _own_counts))
    for router in routers:
        app.include_router(router)
    app.add_middleware(
        Edge,
        clock=clock,
        random=random,
        limits=limits or Limits(),
        callers=callers or CallerTable(clock),
        unexpected=unexpected,
    )
    return app


async def _own_counts() -> bytes:
    return exposition(None)


@asynccontextmanager
async def _nothing(app: FastAPI) -> AsyncIterator[None]:
    yield


def _health(ready: Check, measure: Measure) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def alive() -> Response:
        return Response("ok\n", media_type="text/plain")

    @router.get("/readyz")
    async def can_serve(request: Request) -> Response:
        await ready()
        return Response("ready\n", media_type="text/plain")

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(await measure(), media_type=CONTENT_TYPE_LATEST)

    return router
