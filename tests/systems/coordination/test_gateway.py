"""The JSON gateway on the port of gRPC: calls, streams, errors and pages."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.systems.coordination.doors import WAIT_S, Opened, opened

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination import errors
from serai.systems.coordination.handlers.maintenance import API_VERSION
from serai.systems.coordination.state.words import Put


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
async def door() -> AsyncIterator[Opened]:
    async with opened() as it:
        yield it


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
async def http(door: Opened, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    two = request.param == "HTTP/2"
    async with httpx.AsyncClient(base_url=door.url, timeout=WAIT_S, http1=not two, http2=two) as client:
        yield client


async def test_a_call_and_grpc_see_the_same(door: Opened, http: httpx.AsyncClient) -> None:
    answer = await http.post("/v3/kv/put", json={"key": b64(b"k"), "value": b64(b"v")})
    assert answer.json()["header"]["revision"] == "2"
    found = await door.stub("KV/Range", rpc.RangeRequest(key=b"k"))
    assert found.kvs[0].value == b"v"
    told = (await http.post("/v3/kv/range", json={"key": b64(b"k")})).json()
    assert told["kvs"][0] == {
        "key": b64(b"k"), "value": b64(b"v"), "create_revision": "2", "mod_revision": "2", "version": "1",
    }  # fmt: skip
    assert told["count"] == "1" and "more" not in told


@pytest.mark.parametrize(
    ("path", "body", "http_status", "code", "words"),
    [
        ("/v3/kv/put", b"{}", 400, 3, errors.EmptyKey.etcd),
        ("/v3/kv/range", b'{"key": "aw==", "revision": 99}', 400, 11, errors.FutureRevision.etcd),
        ("/v3/kv/lease/revoke", b'{"ID": 5}', 404, 5, errors.LeaseNotFound.etcd),
        ("/v3/kv/put", b'{"key": "*"}', 400, 3, "PutRequest.key is no base64: '*'"),
        ("/v3/maintenance/downgrade", b"{}", 501, 12, "Downgrade is not served here"),
        ("/v3/nothing", b"{}", 404, 5, "there is no /v3/nothing; calls are below /v3/"),
    ],
)
async def test_errors_in_the_shape_of_both_generations(
    http: httpx.AsyncClient, path: str, body: bytes, http_status: int, code: int, words: str
) -> None:
    answer = await http.post(path, content=body)
    assert answer.status_code == http_status
    assert answer.json() == {"error": words, "code": code, "message": words, "details": []}


async def test_calls_take_post_alone(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v3/kv/range")).status_code == 405


async def test_a_body_has_an_end(http: httpx.AsyncClient) -> None:
    large = b'{"value": "' + b"A" * (5 * 1024 * 1024) + b'"}'
    assert (await http.post("/v3/kv/put", content=large)).status_code == 413
    assert (await http.get("/health")).status_code == 200


async def lines(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.aiter_lines():
        yield json.loads(line)


async def test_a_watch_goes_on_after_its_one_request(door: Opened, http: httpx.AsyncClient) -> None:
    body = {"create_request": {"key": b64(b"k"), "rangeEnd": b64(b"l")}}
    async with http.stream("POST", "/v3/watch", json=body) as answer:
        told = lines(answer)
        assert (await anext(told))["result"]["created"] is True
        await door.member.propose(Put(b"k1", b"v"))
        event = (await anext(told))["result"]["events"][0]
        assert event["kv"]["key"] == b64(b"k1") and "type" not in event
    await http.aclose()
    async with asyncio.timeout(WAIT_S):
        while door.member.state.hub.watches:
            await asyncio.sleep(0)


async def test_requests_of_a_stream_come_one_by_one_cut_anywhere(door: Opened, http: httpx.AsyncClient) -> None:
    for number in (1, 2):
        await door.stub("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=number, TTL=60))

    async def body() -> AsyncIterator[bytes]:
        for piece in (b'{"I', b'D": 1}{"ID":', b' "2"}\n', b'\n{"ID":3}'):
            yield piece

    answer = await http.post("/v3/lease/keepalive", content=body())
    told = [json.loads(line)["result"] for line in answer.text.splitlines()]
    assert [(one["ID"], one.get("TTL", "0")) for one in told] == [("1", "60"), ("2", "60"), ("3", "0")]


async def test_a_stream_that_ends_in_the_middle_says_so(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v3/lease/keepalive", content=b'{"ID": 1}{"ID"')
    last = json.loads(answer.text.splitlines()[-1])
    assert last["error"]["grpc_code"] == 3 and "ends inside an object" in last["error"]["message"]


async def test_a_lock_over_json_says_its_fencing_number(door: Opened, http: httpx.AsyncClient) -> None:
    told = (await http.post("/v3/lock/lock", json={"name": b64(b"l")})).json()
    found = await door.stub("KV/Range", rpc.RangeRequest(key=base64.b64decode(told["key"])))
    assert told["fencing"] == str(found.kvs[0].create_revision)


async def test_a_token_comes_in_the_header(door: Opened, http: httpx.AsyncClient) -> None:
    await http.post("/v3/auth/user/add", json={"name": "root", "password": "p"})
    await http.post("/v3/auth/role/add", json={"name": "root"})
    await http.post("/v3/auth/user/grant", json={"user": "root", "role": "root"})
    await http.post("/v3/auth/enable")
    refused = await http.post("/v3/kv/range", json={"key": b64(b"k")})
    assert refused.json()["message"] == errors.UserEmpty.etcd
    token = (await http.post("/v3/auth/authenticate", json={"name": "root", "password": "p"})).json()["token"]
    for header in (token, f"Bearer {token}"):
        answer = await http.post("/v3/kv/range", json={"key": b64(b"k")}, headers={"Authorization": header})
        assert answer.status_code == 200
    assert (await http.post("/v3/kv/range", headers={"authorization": "forged"})).status_code == 401


async def test_pages_for_operators(door: Opened, http: httpx.AsyncClient) -> None:
    assert (await http.get("/health")).json() == {"health": "true", "reason": ""}
    assert (await http.get("/version")).json()["etcdserver"] == API_VERSION
    assert "etcd_server_has_leader 1\n" in (await http.get("/metrics")).text
    assert [(await http.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 200]
    door.member.leader = 0
    ill = await http.get("/health")
    assert (ill.status_code, ill.json()["reason"]) == (503, errors.NoLeader.etcd)
    assert [(await http.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 503]
    assert "etcd_server_has_leader 0\n" in (await http.get("/metrics")).text
