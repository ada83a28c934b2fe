"""Frames come out of any cut of their stream, and rubbish takes no memory."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serai.runtime.machines.envelopes import (
    HELLO_BYTES_MAX,
    BadFrame,
    Channel,
    Frame,
    Frames,
    frame,
    number_of,
    numbered,
    read_hello,
)

FRAMES = st.lists(st.builds(Frame, st.sampled_from(Channel), st.binary(max_size=300)), max_size=12)


@settings(deadline=None)
@given(sent=FRAMES, cuts=st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_any_cut_gives_the_same_frames(sent: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(frame(one.channel, one.body) for one in sent)
    whole, cut, bytewise = Frames(), Frames(), Frames()
    assert list(whole.feed(stream)) == sent
    found, at, turn = list[Frame](), 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        found += cut.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert found == sent
    assert [one for byte in stream for one in bytewise.feed(bytes([byte]))] == sent


@settings(deadline=None)
@given(rubbish=st.lists(st.binary(min_size=1, max_size=2 * HELLO_BYTES_MAX), max_size=6))
def test_rubbish_is_refused_or_small(rubbish: list[bytes]) -> None:
    frames = Frames()
    try:
        for data in rubbish:
            for one in frames.feed(data):
                assert len(one.body) <= HELLO_BYTES_MAX
            assert len(frames._rest) <= HELLO_BYTES_MAX + 5
    except BadFrame as bad:
        assert str(bad)


def test_what_a_stranger_claims_is_limited_before_it_comes() -> None:
    frames = Frames()
    with pytest.raises(BadFrame, match="claims 4097 bytes; at most 4096"):
        list(frames.feed(frame(Channel.HELLO, bytes(4097))[:5]))


def test_a_frame_that_was_handled_before_a_bad_one_is_not_handled_twice() -> None:
    frames = Frames()
    with pytest.raises(BadFrame, match="channel 99"):
        list(frames.feed(frame(Channel.MESSAGE, b"x") + b"\x00\x00\x00\x00\x63"))
    assert list(frames.feed(b"")) == []


def test_numbers_and_hellos_that_are_too_short_are_refused() -> None:
    assert number_of(numbered(7, b"x")) == (7, b"x")
    with pytest.raises(BadFrame, match="no number"):
        number_of(b"1234567")
    with pytest.raises(BadFrame, match="hello cannot be read"):
        read_hello(b"\x91\x01")
