"""Foreign clients at the door of a real member: aetcd, etcdctl, and TLS with certificates of clients."""

import asyncio
import contextlib
import io
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aetcd
import grpc.aio
import httpx
import pytest
from aetcd import transactions as t
from tests.systems.coordination.certificates import Certificates
from tests.systems.coordination.doors import WAIT_S, Stub, opened, refused, said
from tests.systems.coordination.site import Cluster

from serai.protocols.etcd.messages import rpc
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.coordination import errors, saved
from serai.systems.coordination.handlers.maintenance import API_VERSION
from serai.systems.coordination.server import serve_door
from serai.systems.coordination.settings import CoordinationSettings


@contextlib.asynccontextmanager
async def served(root: Path) -> AsyncIterator[int]:
    """A member on files, with a door; its port."""
    cluster = Cluster(root)
    cluster.found(1)
    await cluster.start()
    await cluster.leader()
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as sock:
        settings = replace(cluster.settings, port=sock.getsockname()[1])
        door = await serve_door(cluster.node("a"), settings, sock, SystemClock(), SystemRandom())
        try:
            yield settings.port
        finally:
            await door.stop(0.5)
            await cluster.close()


# aetcd --------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[aetcd.Client]:
    async with served(tmp_path) as port, aetcd.Client(port=port, timeout=10) as client:
        yield client


async def test_aetcd_reads_and_writes(client: aetcd.Client) -> None:
    await client.put(b"k/1", b"one")
    await client.put(b"k/2", b"two")
    assert (await client.get(b"k/1")).value == b"one"
    assert [found.value async for found in _each(await client.get_prefix(b"k/"))] == [b"one", b"two"]
    assert await client.replace(b"k/1", b"one", b"uno") is True
    assert await client.replace(b"k/1", b"one", b"ein") is False
    done, _ = await client.transaction(
        compare=[t.Value(b"k/1") == b"uno", t.Version(b"k/1") > 1],
        success=[t.Put(b"k/3", b"three"), t.Delete(b"k/2")],
        failure=[t.Get(b"k/1")],
    )
    assert done is True and await client.get(b"k/2") is None
    assert (await client.get(b"k/3")).value == b"three"


async def _each(found: Any) -> AsyncIterator[Any]:
    for one in found:
        yield one


async def test_aetcd_watches(client: aetcd.Client) -> None:
    watch = await client.watch_prefix(b"w/")
    await client.put(b"w/1", b"one")
    await client.delete(b"w/1")
    events = []
    async with asyncio.timeout(WAIT_S):
        async for event in watch:
            events.append((str(event.kind), event.kv.key))
            if len(events) == 2:
                break
    assert events == [("PUT", b"w/1"), ("DELETE", b"w/1")]
    await watch.cancel()


async def test_aetcd_holds_leases_and_locks(client: aetcd.Client) -> None:
    lease = await client.lease(30)
    await client.put(b"l", b"v", lease=lease)
    await lease.refresh()
    info = await client.get_lease_info(lease.id)
    assert list(info.keys) == [b"l"] and info.grantedTTL == 30
    await client.revoke_lease(lease.id)
    assert await client.get(b"l") is None
    lock = client.lock(b"name", ttl=30)
    assert await lock.acquire(timeout=WAIT_S)
    assert await lock.is_acquired()
    assert await lock.release()


async def test_aetcd_looks_after_it(client: aetcd.Client, tmp_path: Path) -> None:
    await client.put(b"k", b"v")
    assert (await client.status()).version == API_VERSION
    (member,) = [member async for member in client.members()]
    assert member.name == "a"
    await client.hash()
    await client.defragment()
    file = io.BytesIO()
    await client.snapshot(file)
    (tmp_path / "s").write_bytes(file.getvalue())
    assert saved.read(tmp_path / "s")[0].revision == 2


async def test_a_value_beyond_the_limit_is_refused_in_etcds_words(tmp_path: Path) -> None:
    async with served(tmp_path) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = Stub(channel)
        await stub("KV/Put", rpc.PutRequest(key=b"k", value=b"v" * (1536 * 1024 - 100)))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub("KV/Put", rpc.PutRequest(key=b"k", value=b"v" * (1536 * 1024 + 1)))
        assert refused(raised) == said(errors.RequestTooLarge)


# etcdctl --------------------------------------------------------------------------------------------------------------


@pytest.mark.engines
async def test_etcdctl_does_what_its_users_do(tmp_path: Path) -> None:
    etcdctl = shutil.which("etcdctl")
    assert etcdctl, "apt-get install etcd-client"
    (tmp_path / "member").mkdir()
    async with served(tmp_path / "member") as port:

        async def run(*words: str, given: str = "") -> str:
            process = await asyncio.create_subprocess_exec(
                etcdctl, *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env={**os.environ, "ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": f"127.0.0.1:{port}"},
            )  # fmt: skip
            out, err = await asyncio.wait_for(process.communicate(given.encode()), WAIT_S)
            assert process.returncode == 0, err.decode()
            return out.decode()

        assert await run("put", "k", "v") == "OK\n"
        assert await run("get", "k") == "k\nv\n"
        assert "SUCCESS" in await run("txn", given='value("k") = "v"\n\nput n 1\nget n\n\nget k\n\n')
        assert await run("lock", "l", "echo", "held") == "held\n"
        assert await run("del", "k", "--prev-kv") == "1\nk\nv\n"
        assert API_VERSION in await run("endpoint", "status")
        file = tmp_path / "saved"
        await run("snapshot", "save", str(file))
        assert saved.read(file)[0].revision > 1


# TLS ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


async def test_a_certificate_is_a_sign_in_for_grpc_and_not_for_the_gateway(certificates: Certificates) -> None:
    settings = {"certificate": str(certificates("server.pem")), "key": str(certificates("server.key"))}
    async with opened(client_authority=str(certificates("ca.pem")), **settings) as door:
        files = [certificates(name).read_bytes() for name in ("ca.pem", "root.key", "root.pem")]
        address = f"127.0.0.1:{door.port}"
        async with grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(*files)) as channel:
            stub = Stub(channel)
            await stub("Auth/UserAdd", rpc.AuthUserAddRequest(name="root", options={"no_password": True}))
            await stub("Auth/UserGrantRole", rpc.AuthUserGrantRoleRequest(user="root", role="root"))
            await stub("Auth/AuthEnable", rpc.AuthEnableRequest())
            assert (await stub("KV/Put", rpc.PutRequest(key=b"k"))).header.revision == 2
        context = ssl.create_default_context(cafile=certificates("ca.pem"))
        context.load_cert_chain(certificates("root.pem"), certificates("root.key"))
        async with httpx.AsyncClient(base_url=f"https://{address}", verify=context) as http:
            assert (await http.get("/health")).status_code == 200
            assert (await http.post("/v3/kv/range", json={"key": "aw=="})).status_code == 400
        unknown = grpc.ssl_channel_credentials(files[0])
        async with grpc.aio.secure_channel(address, unknown) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await Stub(channel)("KV/Range", rpc.RangeRequest(key=b"k"), timeout=3.0)
            assert raised.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_settings_say_how_large_a_message_may_be() -> None:
    settings = CoordinationSettings()
    assert settings.message_bytes_max == settings.request_bytes_max + 512 * 1024
