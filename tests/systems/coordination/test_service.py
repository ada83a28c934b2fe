"""What is served, and what becomes of errors on the wire."""

import subprocess
import sys

import pytest
from google.protobuf.message import DecodeError

from serai.protocols.etcd.table import RPCS
from serai.protocols.grpc.wire import Status
from serai.systems.coordination.errors import BY_CODE
from serai.systems.coordination.handlers.service import DIFFERENCES, FAMILIES, fail, method_name, served


def test_every_call_is_served_but_those_that_are_listed() -> None:
    missing = [rpc.path for rpc in RPCS if not served(rpc)]
    assert missing == ["/etcdserverpb.Maintenance/Downgrade"]


def test_every_public_method_of_a_family_is_a_call() -> None:
    calls = {(rpc.service, method_name(rpc)) for rpc in RPCS}
    beside = {("etcdserverpb.Watch", name) for name in ("caller", "response", "written", "cut_bytes")}
    for service, family in FAMILIES.items():
        methods = {(service, name) for name in vars(family) if not name.startswith("_")}
        assert methods - calls - beside == set()


def test_differences_are_of_calls() -> None:
    known = {f"{rpc.service.partition('.')[2]}/{rpc.name}" for rpc in RPCS}
    assert DIFFERENCES.keys() <= known


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_refusal_has_a_status_and_etcds_words(code: str) -> None:
    error = BY_CODE[code]("a value")
    status, words = fail(error)
    assert Status(status) is not Status.OK and words == error.etcd and words


def test_what_is_ours_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    assert fail(DecodeError("odd"))[0] is Status.INTERNAL and not caplog.records
    status, words = fail(ValueError("secret"))
    assert status is Status.INTERNAL and "secret" not in words
    assert caplog.records[0].exc_info is not None


def test_a_member_stays_small() -> None:
    """What the door imports is what a member's memory and start cost."""
    look = "import sys, serai.systems.coordination.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60).stdout
    heavy = {"fastapi", "starlette", "pydantic", "grpc", "uvicorn", "psycopg", "jinja2", "httpx"}
    assert heavy & set(loaded.split()) == set()
