"""Several members, deadlines, who asks, and TLS."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.systems.coordination import stores
from tests.systems.coordination.certificates import Certificates
from tests.systems.coordination.doors import opened

from serai.kernel.errors import Misconfigured
from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.client import Client, Created, Deadlines, Get, Put, Tls, Unanswered, Unreachable
from serai.systems.coordination.errors import AuthFailed, PermissionDenied, UserEmpty, UserNameEmpty

SHORT = Deadlines(call_s=0.3, connect_s=0.2, pause_s=0.02)


def free_url() -> str:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as sock:
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


async def test_the_next_member_is_asked_when_one_cannot_be_reached(url: str) -> None:
    async with stores.client(f"{free_url()},{url}") as store:
        await store.set("/k", "v")
        assert store.wire.at == 1
        begin = await store.set("/k", "w")
        assert (await anext(store.watch("/k", start_revision=begin))).value == "w"


async def test_a_watch_moves_to_the_next_member(url: str) -> None:
    async with stores.proxied(url) as proxy, stores.client(f"{proxy.url},{url}") as store:
        watching = store.watching("/w/")
        told = watching.tell()
        first = asyncio.create_task(anext(told))
        await asyncio.wait_for(watching.made.wait(), stores.WAIT_S)
        await proxy.cut()
        async with stores.client(url) as other:
            await other.set("/w/k", "v")
        assert getattr(await asyncio.wait_for(first, stores.WAIT_S), "value", None) == "v"
        await told.aclose()


async def test_nobody_to_be_reached_is_said_within_the_time(url: str) -> None:
    async with stores.client(f"{free_url()},{free_url()}", deadlines=SHORT) as store:
        with pytest.raises(Unreachable, match="cannot be reached"):
            await asyncio.wait_for(store.set("/k", "v"), 3.0)


async def test_a_member_that_swallows_packets_is_left_soon(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        target = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(target)
        async with stores.client(f"http://127.0.0.1:{target[1]},{url}", deadlines=SHORT) as store:
            with pytest.raises((Unreachable, Unanswered)):
                await store.status(0)
            await asyncio.wait_for(store.get("/k"), 3.0)
        for one in waiting:
            one.close()


async def test_a_write_whose_answer_is_lost_is_not_tried_again(url: str) -> None:
    async with stores.client(url) as store, stores.proxied(url) as proxy:
        await store.set("/n", "0")
        async with stores.client(f"{proxy.url},{url}", deadlines=SHORT) as behind:
            await behind.get("/n")
            mute(proxy)
            with pytest.raises(Unanswered, match="may have been done"):
                await behind.set("/n", "1")
            assert behind.wire.at == 1, "the next call goes elsewhere"
            item = await store.get("/n")
            assert item is not None and item.version == 2, "it was done, once"


async def test_what_may_be_done_twice_is_asked_of_the_next_member(url: str) -> None:
    async with stores.proxied(url) as proxy, stores.client(f"{proxy.url},{url}", deadlines=SHORT) as store:
        await store.get("/n")
        mute(proxy)
        done = await store.transact([Created("/n", 0)], [Put("/n", "1")], [Get("/n")], again=True)
        assert not done.succeeded and done.found[0] is not None and done.found[0].version == 1
        assert store.wire.at == 1
        assert await store.get("/n") == done.found[0]


def mute(proxy: stores.Proxy) -> None:
    """From now on nothing comes back; what is asked still arrives."""
    for writer in list(proxy._writers):
        if writer.get_extra_info("sockname")[1] == proxy._port:
            writer.write = lambda data: None  # type: ignore[method-assign]  # swallowed


# Who asks -------------------------------------------------------------------------------------------------------------


async def make_users(store: Client) -> None:
    async def ask(call: str, **fields: Any) -> None:
        await store.wire.call(f"Auth/{call}", getattr(rpc, f"Auth{call.removeprefix('Auth')}Request")(**fields))

    for user in ("root", "ann"):
        await ask("UserAdd", name=user, password="pass word of " + user)
    await ask("RoleAdd", name="reader")
    permission = {"permType": "READ", "key": b"/r/", "range_end": b"/r0"}
    await ask("RoleGrantPermission", name="reader", perm=permission)
    await ask("UserGrantRole", user="ann", role="reader")
    await ask("UserGrantRole", user="root", role="root")
    await ask("AuthEnable")


@pytest.fixture(params=["serai", pytest.param("etcd", marks=pytest.mark.engines)])
async def guarded(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A store of its own, where users must sign in; tokens of etcd live for two seconds."""
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "etcd":
            url = stack.enter_context(stores.etcd("--auth-token-ttl", "1"))
        else:
            url = await stack.enter_async_context(stores.embedded())
        async with stores.client(url) as store:
            await make_users(store)
        yield url


async def test_a_user_signs_in_and_again_when_the_token_is_over(guarded: str) -> None:
    async with stores.client(guarded, user="root", password="pass word of root") as root:
        await root.set("/r/k", "v")
        for spoilt in ("nonsense", "abc.1", ""):
            root.wire._token = spoilt
            item = await root.get("/r/k")
            assert item is not None and item.value == "v"
        root.wire._token = "nonsense"
        assert (await anext(root.watch("/r/", start_revision=item.mod_revision))).value == "v"
        root.wire._token = "nonsense"
        async with root.lease(10) as lease:
            root.wire._token = "nonsense"
            assert lease.left_s > 0


async def test_rights_are_the_users(guarded: str) -> None:
    async with stores.client(guarded.replace("http://", "http://ann:pass%20word%20of%20ann@")) as ann:
        assert await ann.get("/r/k") is None
        with pytest.raises(PermissionDenied):
            await ann.set("/r/k", "v")
        with pytest.raises(PermissionDenied):
            await anext(ann.watch("/s/", start_revision=1))
    async with stores.client(guarded) as nobody:
        with pytest.raises((UserEmpty, UserNameEmpty)):
            await nobody.get("/r/k")
    async with stores.client(guarded, user="ann", password="guess") as wrong:
        with pytest.raises(AuthFailed):
            await wrong.get("/r/k")


# TLS ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


async def test_a_store_with_tls_wants_our_certificate_and_we_its_authority(certificates: Certificates) -> None:
    settings = {"certificate": str(certificates("server.pem")), "key": str(certificates("server.key"))}
    async with opened(client_authority=str(certificates("ca.pem")), **settings) as door:
        url = f"https://127.0.0.1:{door.port}"
        ours = Tls(certificates("ca.pem"), certificates("root.pem"), certificates("root.key"))
        async with stores.client(url, tls=ours) as store:
            await store.set("/k", "v")
        files = f"cacert={certificates('ca.pem')}&cert={certificates('root.pem')}&key={certificates('root.key')}"
        async with stores.client(f"{url}?{files}") as store:
            await store.set("/k", "w")
        for wrong in (Tls(), Tls(authority=certificates("ca.pem"))):
            async with stores.client(url, tls=wrong, deadlines=SHORT) as store:
                with pytest.raises((Unreachable, Unanswered)):
                    await store.set("/k", "v")
        with pytest.raises(Misconfigured, match=r"no\.pem"):
            Tls(authority=certificates("no.pem")).credentials()
