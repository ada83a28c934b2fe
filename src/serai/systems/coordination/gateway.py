"""The JSON gateway (/v3/...) over the same methods as gRPC, and /health, /livez, /readyz, /version, /metrics.

Bodies are etcd's: one object for a call, objects one after the other for a stream, answers in `{"result": ...}` lines.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from serai.protocols.etcd.jsons import BadJson, Objects, from_json, to_object
from serai.protocols.etcd.messages import message
from serai.protocols.etcd.table import RPCS, Rpc
from serai.protocols.grpc.wire import Messages, Status
from serai.runtime.grpc.calls import Call, Framed, Service, Streaming, Unary
from serai.runtime.grpc.web import Reply, Request
from serai.systems.coordination.handlers.maintenance import API_VERSION
from serai.systems.coordination.member import Member

TEXT = "text/plain; version=0.0.4; charset=utf-8"

_HTTP = {
    Status.OK: 200,
    Status.CANCELLED: 499,
    Status.INVALID_ARGUMENT: 400,
    Status.DEADLINE_EXCEEDED: 504,
    Status.NOT_FOUND: 404,
    Status.ALREADY_EXISTS: 409,
    Status.PERMISSION_DENIED: 403,
    Status.UNAUTHENTICATED: 401,
    Status.RESOURCE_EXHAUSTED: 429,
    Status.FAILED_PRECONDITION: 400,
    Status.ABORTED: 409,
    Status.OUT_OF_RANGE: 400,
    Status.UNIMPLEMENTED: 501,
    Status.UNAVAILABLE: 503,
}
"""All others are 500."""


class BodyTooLarge(Exception):
    """A body beyond the limit."""


class Gateway:
    """Answers requests of HTTP/1.1."""

    def __init__(self, service: Service, member: Member, body_bytes_max: int) -> None:
        self._service = service
        self._member = member
        self._body_bytes_max = body_bytes_max
        self._calls: dict[str, Rpc] = {path: rpc for rpc in RPCS for path in rpc.paths}
        self._pages: dict[str, Callable[[Reply], None]] = {
            "/health": self._health,
            "/livez": self._live,
            "/readyz": self._ready,
            "/version": self._version,
            "/metrics": self._metrics,
        }

    async def handle(self, request: Request, reply: Reply) -> None:
        """One request."""
        page = self._pages.get(request.path)
        if page is not None and request.method in ("GET", "HEAD"):
            page(reply)
            return
        rpc = self._calls.get(request.path)
        if rpc is None:
            _say(reply, 404, Status.NOT_FOUND, f"there is no {request.path}; calls are below /v3/")
        elif request.method != "POST":
            _say(reply, 405, Status.UNIMPLEMENTED, f"{request.path} takes POST, not {request.method}")
        else:
            await self._call(rpc, request, reply)

    async def _call(self, rpc: Rpc, request: Request, reply: Reply) -> None:
        method = self._service.methods.get(rpc.path.encode())
        call = Call(request.headers, request.peer, None, None)
        try:
            match method:
                case Unary():
                    asked = from_json(await self._whole(request), message(rpc.request))
                    reply.whole(200, orjson.dumps(to_object(await method.handle(asked, call))))
                case Streaming():
                    await method.handle(
                        self._requests(request, message(rpc.request)), call, _sender(reply, message(rpc.response))
                    )
                    if not reply.begun:
                        reply.begin(200)
                case None:
                    _say(reply, 501, Status.UNIMPLEMENTED, f"{rpc.name} is not served here")
        except BadJson as error:
            _say(reply, 400, Status.INVALID_ARGUMENT, str(error))
        except BodyTooLarge:
            _say(reply, 413, Status.RESOURCE_EXHAUSTED, f"a body has at most {self._body_bytes_max} bytes")
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a status; `fail` logs what is ours
            status, words = self._service.fail(error)
            _say(reply, _HTTP.get(Status(status), 500), status, words)

    async def _whole(self, request: Request) -> bytes:
        body = bytearray()
        async for part in request.body():
            body += part
            if len(body) > self._body_bytes_max:
                raise BodyTooLarge
        return bytes(body)

    async def _requests(self, request: Request, kind: Any) -> AsyncIterator[Any]:
        """The objects of a stream, each as soon as it is whole."""
        objects = Objects(self._body_bytes_max)
        async for part in request.body():
            for one in objects.feed(part):
                yield from_json(one, kind)
        if objects.rest:
            raise BadJson(f"the body ends inside an object: {objects.rest[:40]!r}")

    # Pages ------------------------------------------------------------------------------------------------------------

    def _health(self, reply: Reply) -> None:
        trouble = "; ".join(self._member.status().errors)
        body = {"health": "false" if trouble else "true", "reason": trouble}
        reply.whole(503 if trouble else 200, orjson.dumps(body))

    def _live(self, reply: Reply) -> None:
        reply.whole(200, b"ok\n", TEXT)

    def _ready(self, reply: Reply) -> None:
        ready = bool(self._member.leader)
        reply.whole(200 if ready else 503, b"ok\n" if ready else b"no leader\n", TEXT)

    def _version(self, reply: Reply) -> None:
        told = {"etcdserver": API_VERSION, "etcdcluster": API_VERSION, "storage": API_VERSION, "server": "serai"}
        reply.whole(200, orjson.dumps(told))

    def _metrics(self, reply: Reply) -> None:
        status = self._member.status()
        figures = {
            "etcd_server_has_leader": int(bool(status.leader)),
            "etcd_server_is_leader": int(status.leader == status.id),
            "etcd_server_is_learner": int(status.learner),
            "etcd_server_proposals_applied_total": status.applied_index,
            "etcd_server_quota_backend_bytes": status.db_size_quota,
            "etcd_mvcc_db_total_size_in_bytes": status.db_size,
            "etcd_mvcc_db_total_size_in_use_in_bytes": status.db_size_in_use,
            "etcd_debugging_mvcc_current_revision": self._member.revision,
        }
        reply.whole(200, "".join(f"{name} {value}\n" for name, value in figures.items()).encode(), TEXT)


def _sender(reply: Reply, kind: Any) -> Callable[[Any], Any]:
    async def send(answer: Any) -> None:
        if not reply.begun:
            reply.begin(200)
        bodies = Messages(len(answer)).feed(answer) if isinstance(answer, Framed) else ()
        for one in [kind.FromString(body) for body in bodies] or [answer]:
            await reply.part(orjson.dumps({"result": to_object(one)}) + b"\n")

    return send


def _say(reply: Reply, http: int, status: int, words: str) -> None:
    """An error; `error` is what clients of etcd before 3.6 look at, `message` what those since do."""
    told = {"error": words, "code": int(status), "message": words, "details": []}
    if not reply.begun:
        reply.whole(http, orjson.dumps(told))
        return
    reply.tell(orjson.dumps({"error": {"grpc_code": int(status), "http_code": http, **told}}) + b"\n")
