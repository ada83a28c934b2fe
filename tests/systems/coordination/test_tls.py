"""TLS from the command line on: members among themselves, their clients, and who must stay outside."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from tests.systems.coordination.certificates import Certificates
from tests.systems.coordination.processes import SERAI, Process, Site, free_ports

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.client import Client, Deadlines, Unanswered, Unreachable

PATIENT = Deadlines(call_s=15.0, connect_s=5.0)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def among_members(certificates: Certificates) -> dict[str, str]:
    """Settings of a member that speaks TLS with the others."""
    return {
        "SERAI_COORDINATION_PEER_CERTIFICATE": str(certificates("server.pem")),
        "SERAI_COORDINATION_PEER_KEY": str(certificates("server.key")),
        "SERAI_COORDINATION_PEER_AUTHORITY": str(certificates("ca.pem")),
    }


def for_clients(certificates: Certificates) -> dict[str, str]:
    """Settings of a member whose clients need certificates."""
    return {
        "SERAI_COORDINATION_CERTIFICATE": str(certificates("server.pem")),
        "SERAI_COORDINATION_KEY": str(certificates("server.key")),
        "SERAI_COORDINATION_CLIENT_AUTHORITY": str(certificates("ca.pem")),
    }


def files_of(certificates: Certificates, name: str) -> str:
    """Of a client, as its URL names them."""
    return f"?cacert={certificates('ca.pem')}&cert={certificates(f'{name}.pem')}&key={certificates(f'{name}.key')}"


async def cli(*words: str) -> tuple[int, str]:
    """`serai coordination`; its exit code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *(str(SERAI), "coordination", *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, said.decode()


async def test_three_members_and_their_clients_speak_tls_and_a_fourth_joins(
    tmp_path: Path, certificates: Certificates
) -> None:
    settings = among_members(certificates) | for_clients(certificates)
    files = files_of(certificates, "root")
    async with Site(tmp_path, 3, settings) as site:
        await site.start()
        urls = [f"https://127.0.0.1:{member.port}" for member in site.members.values()]
        code, said = await cli("put", "/k", "v", "--endpoint", ",".join(urls) + files)
        assert code == 0, said
        for url in urls:
            assert await cli("get", "/k", "--endpoint", url + files) == (0, "v\n")
        for wrong in (urls[0], urls[0].replace("https", "http"), f"{urls[0]}?cacert={certificates('ca.pem')}"):
            code, said = await cli("get", "/k", "--endpoint", wrong)
            assert code == 1 and len(said.strip().splitlines()) == 1, said
        assert "?cacert=" in (await cli("get", "/k", "--endpoint", urls[0]))[1]
        port, peer_port = free_ports(2)
        async with Client(urls[0] + files, deadlines=PATIENT) as store:
            url = f"https://127.0.0.1:{peer_port}"
            await store.wire.call("Cluster/MemberAdd", rpc.MemberAddRequest(peerURLs=[url], isLearner=True))
            fourth = Process("d", tmp_path / "d", port, peer_port, ("--join", urls[0] + files), settings)
            try:
                await fourth.start()
                async with Client(f"https://127.0.0.1:{port}{files}", deadlines=PATIENT) as own:
                    assert (found := await own.get("/k", stale=True)) is not None and found.value == "v"
            finally:
                await fourth.close()


async def test_a_member_without_the_members_certificate_stays_outside(
    tmp_path: Path, certificates: Certificates
) -> None:
    """Two of three speak TLS: they agree. The third is of the same cluster and started without: nobody hears it."""
    async with Site(tmp_path, 3, among_members(certificates)) as site:
        outside = site["c"]
        outside.environment = {}
        outside.options = ("--initial", outside.options[1].replace("=127", "=https://127"))
        await asyncio.gather(site["a"].start(), site["b"].start())
        leader = await site.leader()
        assert leader in ("a", "b")
        async with Client(f"http://127.0.0.1:{site['a'].port}", deadlines=PATIENT) as store:
            await store.set("/k", "v")
        await outside.start()
        async with Client(f"http://127.0.0.1:{outside.port}", deadlines=Deadlines(call_s=1.0)) as store:
            with pytest.raises((Unanswered, Unreachable)):
                await store.set("/k", "w")
            assert await store.get("/k", stale=True) is None


@pytest.mark.parametrize("missing", ["PEER_AUTHORITY", "PEER_KEY", "CERTIFICATE"])
async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, certificates: Certificates, missing: str) -> None:
    settings = among_members(certificates) | for_clients(certificates)
    settings[f"SERAI_COORDINATION_{missing}"] = str(tmp_path / "away.pem")
    port, peer_port = free_ports(2)
    member = Process("a", tmp_path / "a", port, peer_port, (), settings)
    await member.spawn()
    ended = await member.end()
    assert ended.code == 2 and "away.pem" in ended.said and "Traceback" not in ended.said
