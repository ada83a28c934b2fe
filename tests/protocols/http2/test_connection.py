"""A connection against the h2 library as its client, cut anywhere, and against clients that mean no good."""

import random
import struct
from collections.abc import Callable, Iterator

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.protocols.http2 import frames
from serai.protocols.http2.connection import Came, Connection, Drained, Event, Leaving, Limits, Requested, Reset
from serai.protocols.http2.errors import Code, ConnectionFault
from serai.protocols.http2.frames import END_HEADERS, END_STREAM, Kind
from serai.protocols.http2.hpack import encode

HEAD = encode(((b":status", b"200"),))
LAST = encode(((b"grpc-status", b"0"),))
ASK = [(":method", "POST"), (":scheme", "http"), (":path", "/a/b"), (":authority", "here"), ("te", "trailers")]
BLOCK = encode(tuple((name.encode(), value.encode()) for name, value in ASK))
BEGIN = frames.PREFACE + frames.frame(Kind.SETTINGS, 0, 0)


def client(window: int = 65_535) -> h2.connection.H2Connection:
    made = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
    made.local_settings = h2.settings.Settings(
        client=True, initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window}
    )
    made.initiate_connection()
    return made


def uncut(data: bytes) -> Iterator[bytes]:
    yield data


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    for at in range(len(data)):
        yield data[at : at + 1]


def at_random(data: bytes) -> Iterator[bytes]:
    chance = random.Random(7)
    while data:
        size = chance.randint(1, 40)
        yield data[:size]
        data = data[size:]


def talk(
    server: Connection, peer: h2.connection.H2Connection, cut: Callable[[bytes], Iterator[bytes]] = uncut
) -> tuple[list[Event], list[h2.events.Event]]:
    """Carries bytes both ways until nobody has any."""
    heard: list[Event] = []
    told: list[h2.events.Event] = []
    while True:
        up = peer.data_to_send()
        for part in cut(up):
            heard += server.feed(part)
        down = server.take()
        for event in peer.receive_data(down):
            told.append(event)
            if isinstance(event, h2.events.DataReceived):
                peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if not up and not down:
            return heard, told


@pytest.mark.parametrize("cut", [uncut, byte_by_byte, at_random])
def test_a_call_is_the_same_however_its_bytes_are_cut(cut: Callable[[bytes], Iterator[bytes]]) -> None:
    server, peer = Connection(), client()
    peer.send_headers(1, ASK)
    peer.send_data(1, b"ask" * 5000, end_stream=True)
    heard, _ = talk(server, peer, cut)
    assert isinstance(heard[0], Requested) and heard[0].head.path == b"/a/b" and not heard[0].end
    assert b"".join(event.data for event in heard if isinstance(event, Came)) == b"ask" * 5000
    server.answer(1, HEAD, b"reply", LAST)
    _, told = talk(server, peer, cut)
    kinds = [type(event) for event in told]
    assert kinds == [
        h2.events.ResponseReceived,
        h2.events.DataReceived,
        h2.events.TrailersReceived,
        h2.events.StreamEnded,
    ]
    assert told[1].data == b"reply" and not server.streams


@given(
    sizes=st.lists(st.integers(0, 60_000), min_size=1, max_size=6),
    window=st.sampled_from([1, 100, 65_535, 1_000_000]),
)
def test_answers_arrive_whole_through_any_window(sizes: list[int], window: int) -> None:
    server, peer = Connection(), client(window)
    if window == 1:
        sizes = [size % 50 for size in sizes]
    told: list[h2.events.Event] = []
    for number, size in enumerate(sizes):
        peer.send_headers(2 * number + 1, ASK, end_stream=True)
        told += talk(server, peer)[1]
        server.answer(2 * number + 1, HEAD, bytes([number]) * size, LAST)
    told += talk(server, peer)[1]
    for number, size in enumerate(sizes):
        stream = 2 * number + 1
        data = [event.data for event in told if isinstance(event, h2.events.DataReceived) and event.stream_id == stream]
        assert b"".join(data) == bytes([number]) * size
    assert sum(isinstance(event, h2.events.StreamEnded) for event in told) == len(sizes)


def test_a_stream_that_the_client_does_not_read_waits_and_says_when_it_no_longer_does() -> None:
    server, peer = Connection(), client(10)
    peer.send_headers(1, ASK, end_stream=True)
    talk(server, peer)
    server.head(1, HEAD)
    assert server.data(1, b"x" * 25) == 15
    assert b"x" * 11 not in server.take()
    assert server.feed(frames.window_update(1, 10)) == []
    assert server.feed(frames.window_update(1, 10)) == [Drained(1)]
    assert server.data(1, b"y") == 0


def test_streams_share_the_connections_window_by_turns() -> None:
    server = Connection()
    server.feed(BEGIN + frames.settings({frames.Setting.INITIAL_WINDOW_SIZE: 1_000_000}))
    for stream in (1, 3):
        server.feed(frames.frame(Kind.HEADERS, END_HEADERS | END_STREAM, stream, BLOCK))
        server.head(stream, HEAD)
        server.data(stream, bytes([stream]) * 200_000)
    server.take()
    server.feed(frames.window_update(0, 4 * frames.FRAME_BYTES_MAX))
    sent = server.take()
    assert sent.count(b"\x01" * 16_000) == sent.count(b"\x03" * 16_000) == 2


def test_what_was_consumed_may_be_sent_again_and_no_more() -> None:
    limits = Limits(stream_window_bytes=1000, connection_window_bytes=100_000)
    server = Connection(limits)
    server.feed(BEGIN + frames.frame(Kind.HEADERS, END_HEADERS, 1, BLOCK))
    server.feed(frames.frame(Kind.DATA, 0, 1, b"x" * 1000))
    server.take()
    server.consumed(1, 1000)
    assert frames.window_update(1, 1000) in server.take()
    assert server.feed(frames.frame(Kind.DATA, 0, 1, b"x" * 1000)) == [Came(1, b"x" * 1000, False)]
    assert server.feed(frames.frame(Kind.DATA, 0, 1, b"x")) == [Reset(1, Code.FLOW_CONTROL_ERROR)]


def test_a_request_that_is_given_up_gets_no_answer() -> None:
    server, peer = Connection(), client()
    peer.send_headers(1, ASK)
    peer.reset_stream(1)
    heard, _ = talk(server, peer)
    assert heard[-1] == Reset(1, 0)
    server.answer(1, HEAD, b"late", LAST)
    server.head(1, HEAD)
    assert server.data(1, b"late") == 0
    server.end(1, LAST)
    assert server.take() == b""


def test_the_end_of_an_answer_before_the_end_of_its_request_stops_the_client() -> None:
    server, peer = Connection(), client()
    peer.send_headers(1, ASK)
    talk(server, peer)
    server.end(1, HEAD)
    _, told = talk(server, peer)
    assert isinstance(told[-1], h2.events.StreamReset) and told[-1].error_code == Code.NO_ERROR
    late = frames.frame(Kind.DATA, 0, 1, b"still on its way")
    assert server.feed(late) == []


def test_going_away_lets_open_streams_end_and_takes_no_new_ones() -> None:
    server, peer = Connection(), client()
    peer.send_headers(1, ASK)
    talk(server, peer)
    server.go_away()
    assert server.feed(frames.frame(Kind.HEADERS, END_HEADERS | END_STREAM, 3, BLOCK)) == []
    assert server.feed(frames.frame(Kind.DATA, END_STREAM, 1, b"rest")) == [Came(1, b"rest", True)]
    server.answer(1, HEAD, b"reply", LAST)
    assert b"reply" in server.take()


def test_a_client_that_leaves_is_told_of() -> None:
    server = Connection()
    assert server.feed(BEGIN + frames.goaway(0, Code.ENHANCE_YOUR_CALM)) == [Leaving(Code.ENHANCE_YOUR_CALM)]


def test_large_header_blocks_come_in_pieces_and_leave_in_pieces() -> None:
    server, peer = Connection(), client()
    peer.send_headers(1, [*ASK, ("x-long", "v" * 30_000)], end_stream=True)
    heard, _ = talk(server, peer)
    assert isinstance(heard[0], Requested) and heard[0].head.fields[b"x-long"] == b"v" * 30_000
    server.end(1, encode(((b":status", b"200"), (b"x-long", b"w" * 40_000))))
    _, told = talk(server, peer)
    assert dict(told[0].headers)[b"x-long"] == b"w" * 40_000


# Clients that mean no good --------------------------------------------------------------------------------------------


def raised(server: Connection, data: bytes) -> ConnectionFault:
    with pytest.raises(ConnectionFault) as caught:
        server.feed(data)
    assert struct.pack(">I", caught.value.code) in server.take()[-200:]
    return caught.value


def test_a_flood_of_resets_ends_the_connection_and_answered_calls_do_not() -> None:
    server = Connection(Limits(resets_max=50))
    server.feed(BEGIN)
    stream = 1
    for _ in range(500):  # answered first: no harm
        server.feed(frames.frame(Kind.HEADERS, END_HEADERS, stream, BLOCK))
        server.head(stream, HEAD)
        server.feed(frames.reset(stream, Code.CANCEL))
        stream += 2
    flood = b"".join(
        frames.frame(Kind.HEADERS, END_HEADERS, one, BLOCK) + frames.reset(one, Code.CANCEL)
        for one in range(stream, stream + 200, 2)
    )
    assert raised(server, flood).code is Code.ENHANCE_YOUR_CALM


def test_a_flood_of_header_fragments_ends_the_connection() -> None:
    server = Connection()
    server.feed(BEGIN)
    flood = frames.frame(Kind.HEADERS, 0, 1, b"") + frames.frame(Kind.CONTINUATION, 0, 1, b"") * 1000
    assert raised(server, flood).code is Code.ENHANCE_YOUR_CALM


def test_more_streams_than_allowed_are_refused_one_by_one() -> None:
    server = Connection(Limits(streams_max=2))
    server.feed(BEGIN)
    for stream in (1, 3, 5):
        server.feed(frames.frame(Kind.HEADERS, END_HEADERS, stream, BLOCK))
    assert frames.reset(5, Code.REFUSED_STREAM) in server.take()
    assert set(server.streams) == {1, 3}


def test_an_overfull_connection_window_ends_it() -> None:
    server = Connection(Limits(stream_window_bytes=1 << 20, connection_window_bytes=70_000))
    server.feed(BEGIN + frames.frame(Kind.HEADERS, END_HEADERS, 1, BLOCK))
    data = frames.frame(Kind.DATA, 0, 1, b"x" * 16_000)
    server.feed(data * 4)
    assert raised(server, data).code is Code.FLOW_CONTROL_ERROR


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", Code.PROTOCOL_ERROR),
        (frames.PREFACE + frames.frame(Kind.PING, 0, 0, b"8 bytes."), Code.PROTOCOL_ERROR),
        (BEGIN + frames.frame(Kind.HEADERS, END_HEADERS, 2, BLOCK), Code.PROTOCOL_ERROR),
        (BEGIN + frames.frame(Kind.DATA, 0, 1, b"x"), Code.PROTOCOL_ERROR),
        (BEGIN + frames.frame(Kind.CONTINUATION, 0, 1, b"x"), Code.PROTOCOL_ERROR),
        (BEGIN + frames.frame(Kind.PUSH_PROMISE, 0, 1, b"x"), Code.PROTOCOL_ERROR),
        (BEGIN + frames.frame(Kind.PING, 0, 0, b"short"), Code.FRAME_SIZE_ERROR),
        (BEGIN + frames.frame(Kind.SETTINGS, 0, 0, b"12345"), Code.FRAME_SIZE_ERROR),
        (BEGIN + frames.settings({frames.Setting.INITIAL_WINDOW_SIZE: 1 << 31}), Code.FLOW_CONTROL_ERROR),
        (BEGIN + frames.settings({frames.Setting.MAX_FRAME_SIZE: 1}), Code.PROTOCOL_ERROR),
        (BEGIN + frames.window_update(0, 0), Code.PROTOCOL_ERROR),
        (BEGIN + frames.window_update(0, frames.WINDOW_MAX), Code.FLOW_CONTROL_ERROR),
        (BEGIN + frames.head(1 << 20, Kind.DATA, 0, 1), Code.FRAME_SIZE_ERROR),
        (BEGIN + frames.frame(Kind.HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"), Code.COMPRESSION_ERROR),
        (BEGIN + frames.reset(1, 0), Code.PROTOCOL_ERROR),
        (BEGIN + frames.frame(Kind.HEADERS, END_HEADERS | frames.PADDED, 1, b"\xff"), Code.PROTOCOL_ERROR),
    ],
)
def test_what_makes_no_sense_ends_the_connection_and_says_why(data: bytes, code: Code) -> None:
    assert raised(Connection(), data).code is code


@pytest.mark.parametrize(
    "headers",
    [
        ((b":method", b"POST"), (b":scheme", b"http")),
        ((b":method", b"POST"), (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/")),
        ((b":method", b"POST"), (b"a", b"b"), (b":scheme", b"http"), (b":path", b"/")),
        ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"")),
        ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/"), (b"Upper", b"case")),
        ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/"), (b"connection", b"close")),
        ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/"), (b"te", b"gzip")),
        ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/"), (b"content-length", b"-1")),
        ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/"), (b":strange", b"1")),
    ],
)
def test_a_malformed_request_is_reset_and_the_others_go_on(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    server = Connection()
    server.feed(BEGIN)
    events = server.feed(frames.frame(Kind.HEADERS, END_HEADERS, 1, encode(headers)))
    assert events == [Reset(1, Code.PROTOCOL_ERROR)]
    events = server.feed(frames.frame(Kind.HEADERS, END_HEADERS | END_STREAM, 3, BLOCK))
    assert isinstance(events[0], Requested)


def test_a_body_of_another_length_than_announced_is_refused() -> None:
    block = BLOCK + encode(((b"content-length", b"5"),))
    for data in (b"1234", b"123456"):
        server = Connection()
        server.feed(BEGIN + frames.frame(Kind.HEADERS, END_HEADERS, 1, block))
        assert server.feed(frames.frame(Kind.DATA, END_STREAM, 1, data)) == [Reset(1, Code.PROTOCOL_ERROR)]


@given(st.binary(max_size=300))
def test_rubbish_never_raises_anything_else(data: bytes) -> None:
    server = Connection()
    try:
        server.feed(BEGIN + data)
    except ConnectionFault:
        assert server.closing
