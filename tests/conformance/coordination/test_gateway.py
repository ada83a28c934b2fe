"""The JSON gateway, as etcd3gw and curl use it: the same answers as the current etcd's, call by call."""

import base64
import json
import tempfile
from contextlib import closing
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.coordination.listed import listed
from tests.conformance.coordination.transcripts import Transcript, differences
from tools.engines import started

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

ANSWER_MAX_S = 15.0


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Gateway:
    """One connection, kept open, as HTTP clients do."""

    def __init__(self, port: int, transcript: Transcript) -> None:
        self.port = port
        self.transcript = transcript
        self.connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_MAX_S)
        self.token = ""
        self.streams: list[Stream] = []

    def __call__(self, path: str, body: object = None, *, raw: str = "") -> Any:
        """A POST to /v3/…; a step by its path and body."""
        text = raw or json.dumps(body or {})
        headers = {"Authorization": self.token} if self.token else {}
        self.connection.request("POST", f"/v3/{path}", text, headers)
        answer = self.connection.getresponse()
        said = answer.read().decode()
        self.transcript.add(f"{path} {text}", f"{answer.status} {answer.getheader('content-type')}\n{said}")
        return json.loads(said) if answer.status == 200 else {}

    def get(self, path: str) -> str:
        """A GET beside the API: its status is a step."""
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        said = answer.read().decode()
        self.transcript.add(f"GET {path}", str(answer.status))
        return said

    def stream(self, path: str, body: object) -> "Stream":
        """A POST whose answers come line by line."""
        self.streams.append(Stream(self.port, path, body))
        return self.streams[-1]

    def close(self) -> None:
        """Every connection."""
        self.connection.close()
        for stream in self.streams:
            stream.answer.close()
            stream.connection.close()


class Stream:
    """An answer that does not end."""

    def __init__(self, port: int, path: str, body: object) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_MAX_S)
        self.connection.request("POST", f"/v3/{path}", json.dumps(body))
        self.answer = self.connection.getresponse()

    def read(self) -> str:
        """The next line."""
        return self.answer.readline().decode()


def story(gateway: Gateway) -> None:
    keys(gateway)
    transactions(gateway)
    watches(gateway)
    leases(gateway)
    locks_and_elections(gateway)
    care(gateway)
    refusals(gateway)
    access(gateway)


def keys(gateway: Gateway) -> None:
    gateway("kv/put", {"key": b64("a"), "value": b64("1")})
    gateway("kv/put", {"key": b64("a"), "value": b64("2"), "prev_kv": True})
    gateway("kv/put", {"key": b64("b"), "value": b64("1")})
    gateway("kv/range", {"key": b64("a")})
    gateway("kv/range", {"key": b64("a"), "revision": "2"})
    gateway("kv/range", {"key": b64("a"), "revision": 2, "serializable": True})
    gateway("kv/range", {"key": b64("missing")})
    gateway("kv/range", {"key": "AA==", "range_end": "AA==", "sort_order": "DESCEND", "sort_target": "KEY"})
    gateway("kv/range", {"key": "AA==", "rangeEnd": "AA==", "limit": "1", "keysOnly": True})
    gateway("kv/range", {"key": "AA==", "range_end": "AA==", "count_only": True})
    gateway("kv/deleterange", {"key": b64("b"), "prev_kv": True})
    gateway("kv/deleterange", {"key": b64("b")})
    gateway("kv/compaction", {"revision": "3"})
    gateway("kv/range", {"key": b64("a"), "revision": "2"})


def transactions(gateway: Gateway) -> None:
    compare = {"key": b64("a"), "target": "VALUE", "result": "EQUAL", "value": b64("2")}
    put = {"requestPut": {"key": b64("t"), "value": b64("yes")}}
    gateway("kv/txn", {"compare": [compare], "success": [put, {"requestRange": {"key": b64("t")}}]})
    missing = {"key": b64("t"), "target": "CREATE", "result": "EQUAL", "create_revision": "0"}
    remove = {"request_delete_range": {"key": b64("t")}}
    gateway("kv/txn", {"compare": [missing], "success": [put], "failure": [remove]})
    gateway("kv/txn", {"success": [put, put]})


def watches(gateway: Gateway) -> None:
    stream = gateway.stream("watch", {"create_request": {"key": b64("w"), "start_revision": "1"}})
    gateway.transcript.add("watch what is compacted", stream.read() + stream.read())
    revision = int(gateway("kv/put", {"key": b64("w"), "value": b64("1")})["header"]["revision"])
    stream = gateway.stream("watch", {"create_request": {"key": b64("w"), "start_revision": revision, "prev_kv": True}})
    gateway.transcript.add("watch", stream.read() + stream.read())
    gateway("kv/deleterange", {"key": b64("w")})
    gateway.transcript.add("watch goes on", stream.read())


def leases(gateway: Gateway) -> None:
    lease = gateway("lease/grant", {"TTL": 600})["ID"]
    gateway("kv/put", {"key": b64("l"), "value": b64("1"), "lease": lease})
    gateway("lease/keepalive", {"ID": lease})
    said = gateway("lease/leases")
    assert said["leases"] == [{"ID": lease}]
    told = Transcript()
    gateway.transcript, kept = told, gateway.transcript
    left = gateway("lease/timetolive", {"ID": lease, "keys": True})
    gateway.transcript = kept
    gateway.transcript.add("time to live", f"{left['grantedTTL']} {left['keys']} {0 < int(left['TTL']) <= 600}")
    gateway("kv/lease/revoke", {"ID": lease})
    gateway("lease/revoke", {"ID": lease})
    gateway("lease/grant", {"TTL": 60, "ID": 0})


def locks_and_elections(gateway: Gateway) -> None:
    lease = gateway("lease/grant", {"TTL": "600"})["ID"]
    key = gateway("lock/lock", {"name": b64("lock"), "lease": lease})["key"]
    gateway("lock/unlock", {"key": key})
    leader = gateway("election/campaign", {"name": b64("e"), "lease": lease, "value": b64("one")})["leader"]
    gateway("election/leader", {"name": b64("e")})
    gateway("election/proclaim", {"leader": leader, "value": b64("two")})
    stream = gateway.stream("election/observe", {"name": b64("e")})
    gateway.transcript.add("observe", stream.read())
    gateway("election/resign", {"leader": leader})
    gateway("election/leader", {"name": b64("e")})
    gateway("lease/revoke", {"ID": lease})


def care(gateway: Gateway) -> None:
    gateway("cluster/member/list")
    gateway("maintenance/status")
    gateway("maintenance/alarm", {"action": "GET"})
    gateway("maintenance/defragment")
    gateway("maintenance/hashkv", {"revision": 0})
    assert json.loads(gateway.get("/health"))["health"] == "true"
    gateway.transcript.add("version", " ".join(sorted(json.loads(gateway.get("/version")))))
    assert "etcd_server_has_leader 1" in gateway.get("/metrics")
    gateway.get("/nothing")


def refusals(gateway: Gateway) -> None:
    gateway("kv/put", {"value": b64("1")})
    gateway("kv/put", {"key": "not base64!"})
    gateway("kv/put", {"key": b64("a"), "unheard_of": 1})
    gateway("kv/put", raw="{not json")
    gateway("kv/range", {"key": b64("a"), "limit": "many"})
    gateway("kv/range", {"key": b64("a"), "revision": 10**6})
    gateway("kv/put", {"key": b64("a"), "lease": "77"})
    gateway("kv/nothing", {})


def access(gateway: Gateway) -> None:
    gateway("auth/user/add", {"name": "root", "password": "pw"})
    gateway("auth/role/add", {"name": "root"})
    gateway("auth/user/grant", {"user": "root", "role": "root"})
    gateway("auth/user/list")
    gateway("auth/user/get", {"name": "root"})
    gateway("auth/role/get", {"role": "root"})
    gateway("auth/enable")
    gateway("kv/range", {"key": b64("a")})
    gateway("auth/authenticate", {"name": "root", "password": "wrong"})
    gateway.transcript, kept = Transcript(), gateway.transcript
    gateway.token = gateway("auth/authenticate", {"name": "root", "password": "pw"})["token"]
    gateway.transcript = kept
    gateway("kv/range", {"key": b64("a"), "serializable": True})
    gateway.token = "nonsense.1"
    gateway("kv/range", {"key": b64("a"), "keys_only": True})


@cache
def told(kind: str) -> Transcript:
    transcript = Transcript()
    with (
        tempfile.TemporaryDirectory(prefix="serai-gateway-") as folder,
        started(kind, 1, Path(folder)) as cluster,
        closing(Gateway(cluster.seats[0].port, transcript)) as gateway,
    ):
        story(gateway)
    return transcript


def test_the_gateway_answers_alike() -> None:
    """Debian's is no party to it: errors had another shape then."""
    found = differences(told("etcd-current"), told("serai"))
    allowed = listed("serai", "gateway")
    unlisted = {step: both for step, both in found.items() if step not in allowed}
    assert not unlisted, "\n".join(f"{step}\n{both}" for step, both in unlisted.items())
    assert set(found) == allowed, "what is listed is so no more"


def test_the_measure_itself_is_whole() -> None:
    """A gateway that refuses everything would make anything alike."""
    answers = told("etcd-current").steps.values()
    assert sum(one.startswith("200 ") for one in answers) > 40
