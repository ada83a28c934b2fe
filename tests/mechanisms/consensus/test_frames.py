"""The codec: every message, any cut, any flipped bit."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mechanisms.consensus.test_roles import ABC, SAID

from serai.mechanisms.consensus.errors import BadFrame
from serai.mechanisms.consensus.frames import FRAME_BYTES_MAX, Decoder, encode
from serai.mechanisms.consensus.messages import AnyMessage, Append, Entry, Kind, SnapshotChunk

ENTRIES = (Entry(1, 1, Kind.CONFIGURATION, ABC.to_bytes()), Entry(2, 2, Kind.COMMAND, bytes(range(256))))
MESSAGES: list[AnyMessage] = [*SAID.values(), Append(3, 2, 0, 0, 1, ENTRIES), SnapshotChunk(1, 2, 5, 2, ABC, 0, 1, b"")]
STREAM = b"".join(map(encode, MESSAGES))


def test_messages_come_back_as_they_were() -> None:
    assert list(Decoder().feed(STREAM)) == MESSAGES


def test_byte_by_byte() -> None:
    decoder = Decoder()
    assert [message for byte in STREAM for message in decoder.feed(bytes([byte]))] == MESSAGES


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_any_cut(cuts: list[int]) -> None:
    decoder, at = Decoder(), [0, *sorted(cuts), len(STREAM)]
    parts = [STREAM[one:two] for one, two in pairwise(at)]
    assert [message for part in parts for message in decoder.feed(part)] == MESSAGES


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_any_flipped_bit_is_refused_or_never_completes(message: AnyMessage) -> None:
    frame = encode(message)
    for bit in range(len(frame) * 8):
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            assert list(Decoder().feed(bytes(damaged))) == []
        except BadFrame:
            continue


def test_an_endless_frame_is_refused_at_once() -> None:
    with pytest.raises(BadFrame, match=f"claims {FRAME_BYTES_MAX + 1} bytes"):
        list(Decoder().feed((FRAME_BYTES_MAX + 1).to_bytes(4, "little") + bytes(4)))


def test_a_whole_frame_that_is_no_message_is_refused() -> None:
    from zlib import crc32

    body = b"\x93\x63\x00\x00"
    checksum = crc32(body, crc32(len(body).to_bytes(4, "little")))
    with pytest.raises(BadFrame, match="is no message"):
        list(Decoder().feed(len(body).to_bytes(4, "little") + checksum.to_bytes(4, "little") + body))
