"""Peers that speak TLS, with certificates that openssl makes: mutual, and refusals of who has none or another's."""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.runtime.machines.ends import End, meet, opened, stranger, until

from serai.runtime.machines.envelopes import Channel
from serai.runtime.machines.peers import Address

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")

Open = Callable[..., Awaitable[End]]


@dataclass(frozen=True)
class Authority:
    """Signs certificates for 127.0.0.1."""

    folder: Path

    def found(self) -> "Authority":
        self.folder.mkdir()
        self._openssl("req", "-x509", *self._new_key("ca"), "-out", "ca.pem", "-subj", "/CN=peers", "-days", "2")
        self._openssl("req", *self._new_key("member"), "-out", "member.csr", "-subj", "/CN=member")
        (self.folder / "names").write_text("subjectAltName=IP:127.0.0.1")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2")
        self._openssl("x509", "-req", "-in", "member.csr", "-out", "member.pem", *signing)
        return self

    def _new_key(self, name: str) -> tuple[str, ...]:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        return (*curve, "-keyout", f"{name}.key")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=30)

    def server(self, *, mutual: bool) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.folder / "ca.pem")
        context.load_cert_chain(self.folder / "member.pem", self.folder / "member.key")
        context.verify_mode = ssl.CERT_REQUIRED if mutual else ssl.CERT_NONE
        return context

    def client(self, *, certified: bool) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        if certified:
            context.load_cert_chain(self.folder / "member.pem", self.folder / "member.key")
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours").found()


@pytest.fixture
async def open_end() -> AsyncIterator[Open]:
    ends: list[End] = []

    async def open_(name: str, server: ssl.SSLContext | None, client: ssl.SSLContext | None) -> End:
        ends.append(await opened(name, server_tls=server, client_tls=client))
        return ends[-1]

    yield open_
    for end in ends:
        await end.peers.close()


@pytest.mark.parametrize("mutual", [True, False])
async def test_peers_speak_tls(open_end: Open, authority: Authority, mutual: bool) -> None:
    tls = authority.server(mutual=mutual), authority.client(certified=mutual)
    a, b = await open_end("a", *tls), await open_end("b", *tls)
    await meet(a, b)
    large = bytes(3 << 20)
    a.peers.send("b", large)
    assert await a.peers.ask("b", b"x", 20) == b"a asked x"
    assert b.heard == [("a", large)]
    (incoming,) = [connection for connection in b.peers._living if connection not in b.peers._outgoing.values()]
    assert incoming._transport is not None
    assert bool(incoming._transport.get_extra_info("peercert")) == mutual


async def refused(a: End, b: End) -> None:
    calls = 0
    pause_s = a.peers._pause_s

    def counted(tries: int) -> float:
        nonlocal calls
        calls += 1
        return pause_s(tries)

    a.peers._pause_s = counted  # type: ignore[method-assign]
    a.peers.set_peer("b", b.address)
    await until(lambda: calls == 2)
    assert not list(a.peers.connected) and b.heard == []


async def test_a_caller_without_a_certificate_is_refused(open_end: Open, authority: Authority) -> None:
    a = await open_end("a", None, authority.client(certified=False))
    b = await open_end("b", authority.server(mutual=True), None)
    await refused(a, b)


async def test_a_caller_with_another_authoritys_certificate_is_refused(
    open_end: Open, authority: Authority, tmp_path: Path
) -> None:
    stolen = authority.client(certified=False)
    other = Authority(tmp_path / "theirs").found()
    stolen.load_cert_chain(other.folder / "member.pem", other.folder / "member.key")
    a = await open_end("a", None, stolen)
    b = await open_end("b", authority.server(mutual=True), None)
    await refused(a, b)


async def test_a_server_of_another_authority_is_not_spoken_with(
    open_end: Open, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Authority(tmp_path / "theirs").found()
    a = await open_end("a", None, authority.client(certified=True))
    b = await open_end("b", other.server(mutual=False), None)
    await refused(a, b)
    assert "certificate verify failed" in caplog.text


async def test_who_does_not_speak_tls_is_not_heard(open_end: Open, authority: Authority) -> None:
    b = await open_end("b", authority.server(mutual=False), None)
    plain = await stranger(b.address)
    plain.say(Channel.HELLO, b"plain")
    assert await plain.frame() is None
    plain.writer.close()


async def test_a_host_that_no_name_can_be_is_said_and_tried_again(
    open_end: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """Control: uncaught, the task that calls would end without a word."""
    a = await open_end("a", None, None)
    a.peers.set_peer("b", Address("x" * 70 + ".example", 1))
    await until(lambda: "cannot be reached" in caplog.text)
    assert not a.peers._calling["b"].done()
