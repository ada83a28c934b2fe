"""HPACK beside the `hpack` library, and what a hostile block may not do."""

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.protocols.http2 import huffman
from serai.protocols.http2.errors import Code, ConnectionFault
from serai.protocols.http2.hpack import LIST_BYTES_MAX, STATIC, TABLE_BYTES_MAX, Decoder, encode

NAMES = st.sampled_from([name for name, _ in STATIC[1:]] + [b"grpc-timeout", b"x-id", b"grpc-trace-bin"])
VALUES = st.one_of(st.sampled_from([b"", b"POST", b"trailers", b"4999823u"]), st.binary(max_size=300))
LISTS = st.lists(st.tuples(NAMES, VALUES), max_size=12)


@given(st.lists(LISTS, max_size=12), st.lists(st.sampled_from([0, 64, 1000, 4096]), max_size=12))
def test_reads_what_another_encoder_says(lists: list[list[tuple[bytes, bytes]]], sizes: list[int]) -> None:
    encoder, decoder = hpack.Encoder(), Decoder()
    for number, headers in enumerate(lists):
        if number < len(sizes):
            encoder.header_table_size = sizes[number]
        block = encoder.encode(headers, huffman=number % 3 > 0)
        assert list(decoder.decode(block)) == headers


@given(st.lists(LISTS, max_size=8))
def test_is_read_by_another_decoder_whatever_came_before(lists: list[list[tuple[bytes, bytes]]]) -> None:
    decoder = hpack.Decoder()
    for headers in lists:
        assert [tuple(field) for field in decoder.decode(encode(tuple(headers)), raw=True)] == headers
    assert not decoder.header_table.dynamic_entries


@given(st.lists(LISTS, min_size=2, max_size=20))
def test_a_block_known_by_its_bytes_is_forgotten_when_the_table_changes(
    lists: list[list[tuple[bytes, bytes]]],
) -> None:
    """Control: a decoder that keeps its known blocks for ever reads some of these differently."""
    encoder, decoder = hpack.Encoder(), Decoder()
    for headers in [*lists, *lists, *lists[::-1]]:
        assert list(decoder.decode(encoder.encode(headers))) == headers


def test_a_decoder_that_never_forgets_reads_another_list() -> None:
    encoder, decoder = hpack.Encoder(), Decoder()
    first = [(b"x-id", b"1")]
    decoder.decode(encoder.encode(first))
    known = encoder.encode(first)  # one index, now of the newest entry
    assert list(decoder.decode(known)) == first
    encoder.encode([(b"x-id", b"2")])
    remembered = dict(decoder._known)
    decoder.decode(hpack.Encoder().encode([(b"x-id", b"2")]))
    assert known in remembered and known not in decoder._known
    assert list(decoder.decode(known)) == [(b"x-id", b"2")]


@given(st.binary(max_size=200))
def test_rubbish_is_refused_and_nothing_else_happens(block: bytes) -> None:
    try:
        Decoder().decode(block)
    except ConnectionFault as fault:
        assert fault.code in (Code.COMPRESSION_ERROR, Code.ENHANCE_YOUR_CALM)


@pytest.mark.parametrize(
    ("block", "what"),
    [
        (b"\x80", "field 0"),
        (b"\xff\xff\xff\xff\xff\xff", "too large"),
        (b"\xbe", "index out of range"),
        (b"\x82\x20", "behind a field"),
        (b"\x3f\xe2\x1f", "more than"),
        (b"\x00\x05ab", "behind its block"),
    ],
)
def test_each_malformed_block_is_told_apart(block: bytes, what: str) -> None:
    with pytest.raises(ConnectionFault, match=what) as raised:
        Decoder().decode(block)
    assert raised.value.code is Code.COMPRESSION_ERROR


def test_a_small_block_cannot_become_a_large_list() -> None:
    decoder = Decoder()
    decoder.decode(b"\x40\x01a" + b"\x7f" + bytes([4000 - 127 & 0x7F | 0x80, (4000 - 127) >> 7]) + b"v" * 4000)
    bomb = b"\xbe" * (LIST_BYTES_MAX // 4000 + 1)
    with pytest.raises(ConnectionFault, match="header list") as raised:
        decoder.decode(bomb)
    assert raised.value.code is Code.ENHANCE_YOUR_CALM
    assert len(bomb) < 20


@given(st.binary(max_size=400))
def test_huffman_gives_back_what_another_coder_wrote(text: bytes) -> None:
    from hpack.huffman import HuffmanEncoder
    from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

    assert huffman.decode(HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(text)) == text


@pytest.mark.parametrize("data", [b"\x00", b"\xff", b"\xff\xff\xff\xff", b"\x1f\xff", b"\x18"])
def test_huffman_refuses_bad_padding_and_the_end_inside(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"padded|end"):
        huffman.decode(data)


def test_the_table_is_no_larger_than_the_default() -> None:
    decoder = Decoder()
    for number in range(1000):
        value = b"%06d" % number
        decoder.decode(b"\x40\x01a" + bytes([len(value)]) + value)
    assert decoder._bytes <= TABLE_BYTES_MAX
