"""Messages cut anywhere, compressed or not, too large; statuses and deadlines."""

import gzip
import struct

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.protocols.grpc import wire
from serai.protocols.grpc.wire import Failed, Messages, Status


@given(st.lists(st.binary(max_size=200), max_size=8), st.lists(st.integers(1, 50), min_size=1))
def test_messages_are_the_same_however_they_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    data = b"".join([wire.framed(message) for message in messages])
    parts, found, number = Messages(1000), [], 0
    while data:
        size = cuts[number % len(cuts)]
        found += list(parts.feed(data[:size]))
        data, number = data[size:], number + 1
    assert found == messages and parts.whole


def test_compressed_messages_are_read_and_a_bomb_is_not() -> None:
    def packed(message: bytes) -> bytes:
        body = gzip.compress(message)
        return struct.pack(">BI", 1, len(body)) + body

    assert list(Messages(1000, b"gzip").feed(packed(b"hello"))) == [b"hello"]
    with pytest.raises(Failed, match="larger than max") as raised:
        list(Messages(1000, b"gzip").feed(packed(b"0" * 100_000)))
    assert raised.value.status is Status.RESOURCE_EXHAUSTED
    with pytest.raises(Failed, match="does not say how"):
        list(Messages(1000).feed(packed(b"hello")))
    with pytest.raises(Failed, match="cannot be decompressed"):
        list(Messages(1000, b"gzip").feed(struct.pack(">BI", 1, 3) + b"abc"))
    with pytest.raises(Failed, match="not known here") as unknown:
        Messages(1000, b"snappy")
    assert unknown.value.status is Status.UNIMPLEMENTED


def test_a_message_that_claims_too_much_is_refused_before_it_comes() -> None:
    with pytest.raises(Failed, match="larger than max") as raised:
        list(Messages(1000).feed(struct.pack(">BI", 0, 1001)))
    assert raised.value.status is Status.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("text", "seconds"), [(b"1H", 3600), (b"2M", 120), (b"3S", 3), (b"4m", 0.004), (b"5u", 5e-6), (b"99999999n", 0.1)]
)
def test_deadlines(text: bytes, seconds: float) -> None:
    assert wire.timeout_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", [b"", b"S", b"1", b"-1S", b"123456789S", b"1x"])
def test_a_deadline_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(Failed, match="grpc-timeout"):
        wire.timeout_s(text)


def test_a_status_says_its_message_escaped() -> None:
    block = wire.failure_alone(Status.NOT_FOUND, "100 % käse\n")
    fields = dict(hpack.Decoder().decode(block, raw=True))
    assert fields[b"grpc-status"] == b"5" and fields[b":status"] == b"200"
    assert fields[b"grpc-message"] == b"100 %25 k%C3%A4se%0A"
    assert b":status" not in dict(hpack.Decoder().decode(wire.failure(Status.NOT_FOUND, "x"), raw=True))
