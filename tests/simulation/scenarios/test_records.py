"""Records are whole or not there, wherever a log is cut and whatever stands behind."""

from serai.simulation.chance import Seeded
from serai.simulation.scenarios.records import packed, unpacked

CONTENTS = [["x", 1], {"a": None}, "text"]
LOG = b"".join(map(packed, CONTENTS))
ENDS = [len(b"".join(map(packed, CONTENTS[:count]))) for count in range(1, 4)]


def test_records_are_read_back_with_their_ends() -> None:
    assert list(unpacked(LOG)) == list(zip(CONTENTS, ENDS, strict=True))
    assert list(unpacked(b"")) == []


def test_every_cut_keeps_what_is_whole() -> None:
    for size in range(len(LOG)):
        whole = sum(end <= size for end in ENDS)
        for behind in (b"", bytes(30), Seeded(size).token(30)):
            assert list(unpacked(LOG[:size] + behind))[:whole] == list(zip(CONTENTS, ENDS, strict=True))[:whole]
            assert len(list(unpacked(LOG[:size] + behind))) == whole


def test_a_flipped_bit_ends_the_log_before_its_record() -> None:
    for at in range(8 * len(LOG)):
        damaged = bytearray(LOG)
        damaged[at // 8] ^= 1 << at % 8
        before = sum(end <= at // 8 for end in ENDS)
        assert len(list(unpacked(bytes(damaged)))) == before
