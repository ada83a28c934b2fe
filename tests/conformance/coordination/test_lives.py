"""Members that are killed, paused and started again: what was acknowledged is there, what was promised stays so."""

import asyncio
import json
import signal
import subprocess

import grpc
import pytest
from tests.conformance.coordination.api import Api, after
from tools.engines import Cluster, Seat

from serai.protocols.etcd.messages import rpc

pytestmark = [pytest.mark.engines, pytest.mark.timeout(180)]


async def _write(api: Api, prefix: str, acknowledged: dict[str, int]) -> None:
    """One key after another, until the member is gone."""
    try:
        for n in range(100_000):
            key = f"{prefix}/{n}"
            acknowledged[key] = (await api.put(key, key)).revision
    except grpc.aio.AioRpcError:
        return


async def test_a_killed_member_has_what_it_acknowledged(fresh: Cluster) -> None:
    """While it compacts and writes; its revision does not go back."""
    (seat,) = fresh.seats
    acknowledged: dict[str, int] = {}
    async with Api(seat.endpoint) as api:
        lease = (await api("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=600))).ID
        await api.put("kept/leased", lease=lease)
        writers = [asyncio.create_task(_write(api, f"kept/{n}", acknowledged)) for n in range(8)]
        while len(acknowledged) < 400:
            await asyncio.wait(writers, timeout=0.05)
        await api.compact(max(acknowledged.values()))
        while len(acknowledged) < 600:
            await asyncio.wait(writers, timeout=0.05)
        compacting = asyncio.create_task(api.compact(max(acknowledged.values())))
        fresh.kill(seat)
        await asyncio.wait([*writers, compacting], timeout=30)
    fresh.launch(seat)
    fresh.wait_ready(seat)
    async with Api(seat.endpoint) as api:
        found = await api.get("kept/", range_end=after("kept/"))
        values = {kv.key.decode(): kv.mod_revision for kv in found.kvs}
        assert {key: values.get(key) for key in acknowledged} == acknowledged
        assert found.header.revision >= max(acknowledged.values())
        assert (await api.put("kept/next")).revision == found.header.revision + 1
        left = await api("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=lease, keys=True))
        assert (left.grantedTTL, list(left.keys)) == (600, [b"kept/leased"])
        assert 0 < left.TTL <= 600


async def test_a_watch_goes_on_where_it_was_after_a_restart(fresh: Cluster) -> None:
    (seat,) = fresh.seats
    async with Api(seat.endpoint) as api:
        first = (await api.put("on/a", "1")).revision
        await api.put("on/a", "2")
    fresh.kill(seat)
    fresh.launch(seat)
    fresh.wait_ready(seat)
    async with Api(seat.endpoint) as api:
        await api.delete("on/a")
        stream = await api.watching()
        await stream.create("on/a", start_revision=first + 1, prev_kv=True)
        events = await stream.events(2)
        assert [(one.kv.mod_revision, one.prev_kv.value) for one in events] == [(first + 1, b"1"), (first + 2, b"2")]


def _leader(cluster: Cluster) -> Seat:
    client = cluster.installed.clients["current"]
    line = [str(client), f"--endpoints={cluster.endpoints}", "endpoint", "status", "-w", "json"]
    status = json.loads(subprocess.run(line, capture_output=True, text=True, timeout=20).stdout)
    leads = {one["Endpoint"] for one in status if one["Status"]["leader"] == one["Status"]["header"]["member_id"]}
    return next(seat for seat in cluster.seats if seat.endpoint in leads)


async def _put_in_the_end(api: Api, key: str, value: str) -> int:
    """Asked again while nobody leads."""
    async with asyncio.timeout(30):
        while True:
            try:
                return (await api.put(key, value)).revision
            except grpc.aio.AioRpcError as problem:
                assert problem.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN), problem


async def test_a_paused_leader_gives_no_stale_answer(three: Cluster) -> None:
    """etcd#20418: what it knew before its pause is not what is so after it."""
    leader = _leader(three)
    other = next(seat for seat in three.seats if seat is not leader)
    async with Api(leader.endpoint) as paused, Api(other.endpoint) as api:
        await api.put("pause", "before")
        assert (await paused.get("pause")).kvs[0].value == b"before"
        process = three.processes[leader.name]
        process.send_signal(signal.SIGSTOP)
        try:
            await _put_in_the_end(api, "pause", "after")
            asked = [asyncio.create_task(paused.get("pause")) for _ in range(10)]
            await asyncio.wait(asked, timeout=0.2)
        finally:
            process.send_signal(signal.SIGCONT)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        values = {one.kvs[0].value for one in answers if not isinstance(one, BaseException)}
        assert values <= {b"after"}
        assert (await paused.get("pause")).kvs[0].value == b"after"


async def test_no_watch_has_a_gap_when_leaders_die(three: Cluster) -> None:
    """Three leaders die in turn; a watch on each member that lives sees every acknowledged write once, in order."""
    written: dict[int, str] = {}
    for turn in range(3):
        leader = _leader(three)
        survivor = next(seat for seat in three.seats if seat is not leader)
        async with Api(survivor.endpoint) as api:
            stream = await api.watching()
            created = await stream.create("gap/", range_end=after("gap/"), start_revision=max(written, default=0) + 1)
            assert created.created
            for n in range(20):
                written[(await api.put("gap/a", f"{turn}/{n}")).revision] = f"{turn}/{n}"
            three.kill(leader)
            for n in range(20, 40):
                written[await _put_in_the_end(api, "gap/a", f"{turn}/{n}")] = f"{turn}/{n}"
            saw = await _until(stream, max(written))
            expected = {revision: value for revision, value in written.items() if value.startswith(f"{turn}/")}
            assert expected.items() <= saw.items(), "an acknowledged write was not seen"
        three.launch(leader)
        three.wait_ready(leader)


async def _until(stream: object, last: int) -> dict[int, str]:
    """Events by revision; they rise, and none comes twice."""
    saw: dict[int, str] = {}
    while last not in saw:
        for event in (await stream.read()).events:  # type: ignore[attr-defined]
            assert event.kv.mod_revision > max(saw, default=0)
            saw[event.kv.mod_revision] = event.kv.value.decode()
    return saw
