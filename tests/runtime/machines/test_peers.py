"""Connections between members, on real sockets: hellos, messages, requests, cuts, and peers that do not keep up."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
import uvloop
from tests.runtime.machines.ends import End, Stream, address_of, listening, meet, opened, stranger, until

from serai.kernel.errors import Conflict
from serai.runtime.machines import connections
from serai.runtime.machines.connections import BUFFER_BYTES_MAX, SILENCE_S, fault_of
from serai.runtime.machines.envelopes import VERSION, Channel, Hello, number_of
from serai.runtime.machines.errors import PeerAway, PeerGone
from serai.runtime.machines.peers import Address, Self

Open = Callable[..., Awaitable[End]]
LATE_S = 60.0
"""A deadline that no test reaches: what ends before it ended for another reason."""


@pytest.fixture
async def open_end() -> AsyncIterator[Open]:
    ends: list[End] = []

    async def open_(*arguments: object, **named: object) -> End:
        ends.append(await opened(*arguments, **named))  # type: ignore[arg-type]
        return ends[-1]

    yield open_
    for end in ends:
        await end.peers.close()


async def talk() -> None:
    """Three members say much to each other at once."""
    ends = [await opened(name) for name in "abc"]
    await meet(*ends)
    for end in ends:
        for other in ends:
            for number in range(200):
                if other is not end:
                    end.peers.send(other.peers.me.name, b"%d" % number + bytes(number * 7))
    a, b, c = ends
    answers = await asyncio.gather(*(a.peers.ask("bc"[n % 2], b"%d" % n, LATE_S) for n in range(500)))
    assert answers == [b"a asked %d" % n for n in range(500)]
    assert await asyncio.gather(b.peers.ask("a", b"1", LATE_S), c.peers.ask("a", b"2", LATE_S)) == [
        b"b asked 1",
        b"c asked 2",
    ]
    await until(lambda: all(len(end.heard) == 400 for end in ends))
    for end in ends:
        for other in ends:
            said = [body for sender, body in end.heard if sender == other.peers.me.name]
            assert said == ([b"%d" % n + bytes(n * 7) for n in range(200)] if other is not end else [])
        assert end.peers.dropped == 0
    for end in ends:
        await end.peers.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_what_is_said_comes_in_order_and_each_request_gets_its_answer(run: Callable[..., None]) -> None:
    run(talk())


async def test_answers_need_not_come_in_the_order_of_the_requests(open_end: Open) -> None:
    released = asyncio.Event()

    async def answer(_: str, body: bytes) -> bytes:
        if body == b"slow":
            await released.wait()
        return body

    a, b = await open_end("a"), await open_end("b", answer)
    await meet(a, b)
    slow = asyncio.ensure_future(a.peers.ask("b", b"slow", LATE_S))
    assert await a.peers.ask("b", b"quick", LATE_S) == b"quick"
    assert not slow.done()
    released.set()
    assert await slow == b"slow"


async def test_a_request_that_is_refused_or_fails_is_told_at_once(
    open_end: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(_: str, body: bytes) -> bytes:
        if body == b"refuse":
            raise Conflict("the lead is elsewhere")
        raise KeyError(body)

    a, b = await open_end("a"), await open_end("b", answer)
    await meet(a, b)
    with pytest.raises(PeerGone, match="b: the lead is elsewhere"):
        await a.peers.ask("b", b"refuse", LATE_S)
    with pytest.raises(PeerGone, match="its log says why"):
        await a.peers.ask("b", b"fail", LATE_S)
    assert "a request of a could not be answered" in caplog.text


async def test_a_request_ends_with_its_deadline(open_end: Open) -> None:
    async def never(_: str, body: bytes) -> bytes:
        return await asyncio.get_running_loop().create_future()

    a, b = await open_end("a"), await open_end("b", never)
    await meet(a, b)
    with pytest.raises(PeerGone, match=r"did not answer within 0.05 s; it may have been done"):
        await a.peers.ask("b", b"", 0.05)


Cut = Callable[[End, End], Awaitable[None]]


async def die(_: End, b: End) -> None:
    await b.peers.close()


async def forget(a: End, _: End) -> None:
    a.peers.forget("b")


async def move(a: End, _: End) -> None:
    a.peers.set_peer("b", Address("127.0.0.1", 9))


@pytest.mark.parametrize("cut", [die, forget, move])
async def test_a_request_ends_with_its_connection_however_that_ends(open_end: Open, cut: Cut) -> None:
    asked = asyncio.Event()
    cancelled = asyncio.Event()

    async def never(_: str, body: bytes) -> bytes:
        asked.set()
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    a, b = await open_end("a"), await open_end("b", never)
    await meet(a, b)
    request = asyncio.ensure_future(a.peers.ask("b", b"", LATE_S))
    await asked.wait()
    await cut(a, b)
    with pytest.raises(PeerGone, match="broke; it may have been done"):
        await asyncio.wait_for(request, 10)
    await asyncio.wait_for(cancelled.wait(), 10)  # nobody works for an answer that nobody hears
    await until(lambda: "b" not in a.peers.connected)
    with pytest.raises(PeerAway, match="b cannot be reached"):
        await a.peers.ask("b", b"", LATE_S)


async def test_a_peer_that_comes_back_is_called_again(open_end: Open) -> None:
    a, b = await open_end("a"), await open_end("b")
    await meet(a, b)
    await b.peers.close()
    await until(lambda: "b" not in a.peers.connected)
    a.peers.send("b", b"lost")
    assert a.peers.dropped == 1
    again = await open_end("b", port=b.address.port)
    await until(lambda: "b" in a.peers.connected)
    a.peers.send("b", b"heard")
    await until(lambda: again.heard)
    assert again.heard == [("a", b"heard")]


async def test_a_peer_moves(open_end: Open) -> None:
    a, b, elsewhere = await open_end("a"), await open_end("b"), await open_end("b")
    await meet(a, b)
    a.peers.set_peer("b", elsewhere.address)
    await until(lambda: "b" in a.peers.connected)
    assert await a.peers.ask("b", b"x", LATE_S) == b"a asked x"
    a.peers.send("b", b"moved")
    await until(lambda: elsewhere.heard)
    assert b.heard == []


# Whom one speaks with ---------------------------------------------------------------------------------------------

ME = Self("one", "a")
RIGHT = Hello(VERSION, "one", "b", "a")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 9}, "b speaks version 9 of the peers' protocol, and a version 1"),
        ({"cluster": "two"}, "b is of cluster two, and a of cluster one"),
        ({"to": "c"}, "b takes a for c: correct the addresses of its peers"),
        ({"name": "a"}, "a hears from a and expects b: correct the addresses"),
        ({"name": "c"}, "a hears from c and expects b: correct the addresses"),
    ],
)
def test_who_is_wrong_is_told_so_in_one_sentence(change: dict[str, object], words: str) -> None:
    assert fault_of(RIGHT, ME, "b") is None
    assert fault_of(msgspec.structs.replace(RIGHT, **change), ME, "b") == words


async def test_two_clusters_do_not_mix_and_both_say_why_once(open_end: Open, caplog: pytest.LogCaptureFixture) -> None:
    a, b = await open_end("a"), await open_end("b", cluster="two")
    a.peers.set_peer("b", b.address)
    sentence = "a is of cluster one, and b of cluster two"
    await until(lambda: sum(sentence in record.getMessage() for record in caplog.records) == 2)
    a.peers.send("b", b"mixed")
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == [
        f"a caller is refused: {sentence}",
        f"b at 127.0.0.1:{b.address.port} cannot be reached: {sentence}",
    ]
    assert not list(a.peers.connected) and a.peers.dropped == 1 and b.heard == []


async def test_who_is_refused_is_not_heard_further_and_is_told_of_once(
    open_end: Open, caplog: pytest.LogCaptureFixture
) -> None:
    a = await open_end("a")
    for _ in range(3):
        other = await stranger(a.address)
        for hello in (msgspec.structs.replace(RIGHT, cluster="two"), RIGHT):
            other.say(Channel.HELLO, msgspec.msgpack.encode(hello))
        other.say(Channel.MESSAGE, b"smuggled")
        refusal = await other.frame()
        assert refusal is not None and refusal.channel is Channel.REFUSAL
        assert number_of(refusal.body) == (0, b"b is of cluster two, and a of cluster one")
        assert await other.frame() is None
        other.writer.close()
    assert a.heard == []
    assert len(caplog.records) == 1


async def test_a_caller_finds_out_that_it_has_called_somebody_else(
    open_end: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever answers checks too; this one does not, as an older version might not."""
    a = await open_end("a")
    sock = listening()

    async def impostor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = Stream(reader, writer)
        stream.say(Channel.HELLO, msgspec.msgpack.encode(Hello(VERSION, "one", "c", "a")))
        assert (await stream.frame()) is not None
        assert (await stream.frame()) is None
        writer.close()

    server = await asyncio.start_server(impostor, sock=sock)
    a.peers.set_peer("b", address_of(sock))
    await until(lambda: "a hears from c and expects b" in caplog.text)
    assert not list(a.peers.connected)
    a.peers.forget("b")
    server.close()


async def test_a_peer_that_always_refuses_is_called_more_and_more_seldom(open_end: Open) -> None:
    """Control: counted from the connection instead of the hello, all pauses are the shortest."""
    a = await open_end("a")
    sock, calls = listening(), list[float]()

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(asyncio.get_running_loop().time())
        writer.close()

    server = await asyncio.start_server(refuse, sock=sock)
    a.peers.set_peer("b", address_of(sock))
    await until(lambda: len(calls) == 5)
    assert calls[4] - calls[3] > 0.2  # at least half of 0.05 s, doubled three times
    a.peers.forget("b")
    server.close()


async def test_a_stranger_that_says_nothing_is_not_kept(open_end: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "GREETING_S", 0.05)
    a = await open_end("a")
    silent = await stranger(a.address)
    assert await silent.frame() is None
    silent.writer.close()


@pytest.mark.parametrize(
    ("channel", "body"),
    [(Channel.MESSAGE, b"x"), (Channel.HELLO, b"rubbish"), (Channel.HELLO, bytes(5000)), (Channel.REPLY, bytes(8))],
)
async def test_a_stranger_that_does_not_say_who_it_is_is_cut_off(open_end: Open, channel: Channel, body: bytes) -> None:
    a = await open_end("a")
    other = await stranger(a.address)
    other.say(channel, body)
    assert await other.frame() is None
    assert a.heard == []
    other.writer.close()


@pytest.mark.parametrize("channel", [Channel.HELLO, Channel.REPLY, Channel.FAREWELL])
async def test_a_caller_says_only_what_callers_say(open_end: Open, channel: Channel) -> None:
    a = await open_end("a")
    other = await stranger(a.address)
    other.say(Channel.HELLO, msgspec.msgpack.encode(RIGHT))
    greeting = await other.frame()
    assert greeting is not None and msgspec.msgpack.decode(greeting.body, type=Hello) == replace_to(RIGHT)
    other.say(channel, bytes(8))
    other.say(Channel.MESSAGE, b"after")
    assert await other.frame() is None
    assert a.heard == [] and a.farewells == []
    other.writer.close()


def replace_to(hello: Hello) -> Hello:
    """The answer to it."""
    return msgspec.structs.replace(hello, name=hello.to, to=hello.name)


async def test_a_removed_member_is_told_that_it_is_none(open_end: Open) -> None:
    a, b = await open_end("a"), await open_end("b")
    await meet(a, b)
    b.gone.add("a")
    a.peers.send("b", b"vote for me")
    await until(lambda: a.farewells)
    assert b.heard == []


# Peers that do not keep up ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_one_turn", [True, False])
async def test_what_waits_for_a_peer_that_does_not_read_is_bounded(open_end: Open, in_one_turn: bool) -> None:
    a = await open_end("a")
    sock = listening()
    stopped = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        Stream(reader, writer).say(Channel.HELLO, msgspec.msgpack.encode(Hello(VERSION, "one", "b", "a")))
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await stopped.wait()
        writer.transport.abort()

    server = await asyncio.start_server(deaf, sock=sock)
    a.peers.set_peer("b", address_of(sock))
    await until(lambda: "b" in a.peers.connected)
    connection = a.peers._outgoing["b"]
    body = bytes(1 << 18)
    for _ in range(3 * BUFFER_BYTES_MAX // len(body)):
        a.peers.send("b", body)
        if not in_one_turn:
            await asyncio.sleep(0)
    assert connection._transport is not None
    waiting = connection._out_bytes + connection._transport.get_write_buffer_size()
    assert BUFFER_BYTES_MAX // 2 < waiting <= BUFFER_BYTES_MAX + len(body) + 64
    assert a.peers.dropped > 0
    with pytest.raises(PeerAway, match="b does not keep up; nothing was asked of it"):
        await a.peers.ask("b", b"", LATE_S)
    stopped.set()
    a.peers.forget("b")
    server.close()


async def test_requests_under_way_are_bounded(open_end: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUESTS_MAX", 3)

    async def never(_: str, body: bytes) -> bytes:
        return await asyncio.get_running_loop().create_future()

    a, b = await open_end("a"), await open_end("b", never)
    await meet(a, b)
    open_ = [asyncio.ensure_future(a.peers.ask("b", b"", LATE_S)) for _ in range(3)]
    await until(lambda: len(a.peers._outgoing["b"]._asked) == 3)
    with pytest.raises(PeerAway, match="b does not keep up"):
        await a.peers.ask("b", b"", LATE_S)
    for request in open_:
        request.cancel()
    await asyncio.gather(*open_, return_exceptions=True)
    assert a.peers._outgoing["b"]._asked == {}
    with pytest.raises(PeerGone, match="b: too many requests are under way"):  # b still works for the first three
        await a.peers.ask("b", b"", LATE_S)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux's")
async def test_a_peer_that_is_gone_without_a_word_is_noticed_by_the_system(open_end: Open) -> None:
    a, b = await open_end("a"), await open_end("b")
    await meet(a, b)
    for end in (a, b):
        for connection in end.peers._living:
            assert connection._transport is not None
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == SILENCE_S * 1000
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == SILENCE_S
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert len(a.peers._living) == len(b.peers._living) == 2
