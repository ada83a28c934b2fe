"""The log on the disk: every prefix, every flipped bit, every missing file; never a silent loss."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.doubles import SeededRandom
from tests.mechanisms.consensus.world import Files

from serai.mechanisms.consensus.errors import DamagedLog, DamagedSnapshot
from serai.mechanisms.consensus.journal import Journal
from serai.mechanisms.consensus.messages import Configuration, Entry, Image, Kind
from serai.mechanisms.consensus.records import BATCH_MAGIC, SEGMENT_HEAD_BYTES, SnapshotRecord, segment_number
from serai.mechanisms.consensus.recovery import Kept, Recovered, recover
from serai.mechanisms.consensus.snapshots import Writing, read_snapshot

SEGMENT_BYTES = 120


def entry(index: int, term: int = 1, data: bytes = b"") -> Entry:
    return Entry(index, term, Kind.COMMAND, data or b"%d/%d" % (index, term))


def read(disk: Files) -> Recovered:
    return recover(disk, SeededRandom(2), SEGMENT_BYTES)


def write(journal: Journal, disk: Files, *, durable: bool = True) -> None:
    for done in journal.write():
        disk.perform(done)
    if durable:
        journal.stored()


def three_batches(*, mark: bool) -> tuple[Files, list[Kept]]:
    """A log of one segment, and what must be found after each of its batches."""
    disk, journal = Files(), Journal(SeededRandom(1), segment_bytes_max=1 << 20)
    expected = [Kept()]
    journal.keep_vote(0, 1, "a")
    journal.keep_entries(0, [entry(1), entry(2)])
    write(journal, disk)
    expected.append(Kept(1, "a", None, [entry(1), entry(2)]))
    journal.keep_vote(0, 2, "b")
    write(journal, disk)
    expected.append(Kept(2, "b", None, [entry(1), entry(2)]))
    journal.keep_entries(0, [entry(2, 2), entry(3, 2, BATCH_MAGIC)])
    write(journal, disk)
    expected.append(Kept(2, "b", None, [entry(1), entry(2, 2), entry(3, 2, BATCH_MAGIC)]))
    if mark:
        assert journal.unvouched
        write(journal, disk)
        assert not journal.unvouched
        expected.append(expected[-1])
    return disk, expected


def test_what_was_written_is_found() -> None:
    disk, expected = three_batches(mark=True)
    recovered = read(disk)
    assert recovered.groups == {0: expected[-1]}
    assert (recovered.cut, recovered.fresh) == (None, False)


def test_an_empty_disk_is_fresh() -> None:
    assert read(Files()).fresh


def test_every_prefix_is_a_crash_and_gives_what_was_whole() -> None:
    disk, expected = three_batches(mark=False)
    (file,) = disk.durable
    whole = disk.durable[file]
    seen = []
    for size in range(SEGMENT_HEAD_BYTES, len(whole) + 1):
        disk.durable[file] = whole[:size]
        recovered = read(disk)
        found = recovered.groups.get(0, Kept())
        assert found in expected
        if not seen or seen[-1] != found:
            seen.append(found)
        assert (recovered.cut is None) == (
            (recovered.journal.durable > 0 and size in ends(whole)) or size == SEGMENT_HEAD_BYTES
        )
    assert seen == expected


def ends(whole: bytes) -> set[int]:
    """Where batches end."""
    from serai.mechanisms.consensus.records import read_batch, read_head

    salt, at, found = read_head(whole, 1), SEGMENT_HEAD_BYTES, set()
    assert salt is not None
    while (batch := read_batch(whole, at, salt)) is not None:
        at = batch[1]
        found.add(at)
    return found


def test_every_flipped_bit_before_the_mark_is_refused_by_name() -> None:
    disk, expected = three_batches(mark=True)
    (file,) = disk.durable
    whole = disk.durable[file]
    last_batch = sorted(ends(whole))[-2]
    for bit in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        disk.durable[file] = bytes(damaged)
        if bit // 8 < last_batch:
            with pytest.raises(DamagedLog, match=f"{file} is damaged at byte .* join anew under another name"):
                read(disk)
        else:
            assert read(disk).groups == {0: expected[-1]}, "a damaged mark loses nothing"


def test_a_flip_in_what_nothing_vouches_for_is_cut_and_said() -> None:
    disk, expected = three_batches(mark=False)
    (file,) = disk.durable
    disk.durable[file] = disk.durable[file][:-1] + b"\x00"
    recovered = read(disk)
    assert recovered.groups == {0: expected[2]}
    assert recovered.cut is not None
    assert recovered.cut.endswith(f"bytes of {file} were never durable")


def test_what_a_client_stores_never_passes_for_a_batch() -> None:
    disk, _ = three_batches(mark=True)
    (file,) = disk.durable
    other, journal = Files(), Journal(SeededRandom(99), segment_bytes_max=1 << 20)
    journal.keep_entries(0, [entry(1)])
    write(journal, other)
    journal.keep_entries(0, [entry(2, 1, disk.durable[file] * 2)])
    write(journal, other, durable=False)
    other.durable[file] = other.durable[file][:-1]
    assert read(other).groups[0].entries == [entry(1)]


def several_segments() -> tuple[Files, Journal]:
    disk, journal = Files(), Journal(SeededRandom(1), segment_bytes_max=SEGMENT_BYTES)
    journal.keep_vote(0, 1, "a")
    for index in range(1, 12):
        journal.keep_entries(0, [entry(index)])
        write(journal, disk)
    return disk, journal


def test_a_missing_segment_is_named() -> None:
    disk, _ = several_segments()
    assert len(disk.durable) >= 3
    del disk.durable["log-0000000002"]
    with pytest.raises(DamagedLog, match="log-0000000002 is damaged at byte 0: it is missing"):
        read(disk)


def test_a_missing_first_segment_leaves_a_gap_that_is_named() -> None:
    disk, _ = several_segments()
    del disk.durable["log-0000000001"]
    with pytest.raises(DamagedLog, match="of group 0, entry 1 is missing before entry"):
        read(disk)


def test_damage_in_an_earlier_segment_is_no_torn_tail() -> None:
    disk, _ = several_segments()
    disk.durable["log-0000000001"] = disk.durable["log-0000000001"][:-1]
    with pytest.raises(DamagedLog, match="log-0000000001 is damaged at byte"):
        read(disk)


def test_a_log_that_is_gone_while_its_snapshots_are_not() -> None:
    disk = Files()
    disk.durable["snapshot-00000-00000000000000000003-8"] = b""
    with pytest.raises(DamagedLog, match="the log is missing, though snapshot-00000"):
        read(disk)


def test_old_segments_go_only_when_a_snapshot_covers_them_and_votes_stay() -> None:
    disk, journal = several_segments()
    assert journal.prune() is None
    journal.keep_snapshot(SnapshotRecord(0, 9, 1, Configuration(("a",)), "snapshot-x", True))
    write(journal, disk)
    assert journal.prune() is None, "the record is not known to be durable yet"
    journal.cover(0, 9)
    before = len(disk.durable)
    while (done := journal.prune()) is not None:
        disk.perform(done)
        disk.durable["snapshot-x"] = b""
        assert read(disk).groups[0].entries == [entry(10), entry(11)]
        del disk.durable["snapshot-x"]
    assert len(disk.durable) < before
    disk.durable["snapshot-x"] = b""
    kept = read(disk).groups[0]
    assert (kept.term, kept.vote, kept.entries) == (1, "a", [entry(10), entry(11)])


def test_a_group_that_has_no_snapshot_keeps_every_segment() -> None:
    disk, journal = Files(), Journal(SeededRandom(1), segment_bytes_max=SEGMENT_BYTES)
    for index in range(1, 6):
        journal.keep_entries(0, [entry(index)])
        journal.keep_entries(7, [entry(index)])
        write(journal, disk)
    journal.keep_snapshot(SnapshotRecord(0, 5, 1, Configuration(("a",)), "snapshot-x", True))
    write(journal, disk)
    journal.cover(0, 5)
    assert journal.prune() is None
    assert read(disk).groups[7].entries == [entry(index) for index in range(1, 6)]


def test_a_new_life_writes_behind_the_old_one_and_again() -> None:
    disk, _ = three_batches(mark=True)
    for life in range(4):
        (last,) = [max(disk.durable)]
        disk.durable[last] += b"torn"
        recovered = read(disk)
        assert recovered.cut is not None
        recovered.journal.keep_entries(0, [entry(4 + life, 2)])
        write(recovered.journal, disk)
    recovered = read(disk)
    assert recovered.cut is None
    assert [known.index for known in recovered.groups[0].entries] == [1, 2, 3, 4, 5, 6, 7]


Written = list[tuple[int, int, int]]


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(1, 4)), max_size=25))
def test_random_histories_against_a_dictionary(history: Written) -> None:
    """Several groups, entries that replace others, several lives; the twin is a dictionary of lists."""
    disk, journal = Files(), Journal(SeededRandom(1), segment_bytes_max=SEGMENT_BYTES)
    model: dict[int, list[Entry]] = {}
    for term, (group, wanted, count) in enumerate(history, 1):
        index = min(wanted, len(model.setdefault(group, [])) + 1)
        new = [entry(index + more, term) for more in range(count)]
        model[group] = model[group][: index - 1] + new
        journal.keep_vote(group, term, None)
        journal.keep_entries(group, new)
        write(journal, disk)
        if term % 5 == 0:
            journal = read(disk).journal
    groups = read(disk).groups
    assert {group: kept.entries for group, kept in groups.items()} == model


def snapshot(chunks: Sequence[bytes]) -> tuple[Files, str]:
    disk = Files()
    writing = Writing(Image(3, 2, Configuration(("a",)), chunks), "snapshot-x", foreign=False)
    while (done := writing.next()) is not None:
        disk.perform(done)
    return disk, "snapshot-x"


def test_a_snapshot_comes_back_in_its_chunks() -> None:
    disk, file = snapshot((b"one", b"", b"three"))
    assert read_snapshot(disk, file, 3, 2) == [b"one", b"", b"three"]


def test_every_prefix_and_every_flipped_bit_of_a_snapshot_is_refused_by_name() -> None:
    disk, file = snapshot((b"one", b"two"))
    whole = disk.durable[file]
    damaged = [whole[:size] for size in range(len(whole))]
    for bit in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    for data in damaged:
        disk.durable[file] = data
        with pytest.raises(DamagedSnapshot, match="snapshot-x is damaged"):
            read_snapshot(disk, file, 3, 2)


def test_a_snapshot_of_another_entry_or_none_is_refused() -> None:
    disk, file = snapshot((b"one",))
    with pytest.raises(DamagedSnapshot, match="does not end as the snapshot at entry 4 of term 2"):
        read_snapshot(disk, file, 4, 2)
    with pytest.raises(DamagedSnapshot, match="it is missing"):
        read_snapshot(disk, "snapshot-y", 3, 2)


def test_other_files_are_no_segments() -> None:
    assert [segment_number(file) for file in ("log-1", "log-000000000x", "notes")] == [None, None, None]
