"""RocksDB behind the port, beside a dictionary; and what a kill leaves."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serai.kernel.errors import SeraiError
from serai.runtime.machines.maps import DurableMap, MapDamaged

KEYS = st.binary(min_size=1, max_size=4)
BATCHES = st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=20)), max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(BATCHES, max_size=8), first=KEYS, end=KEYS, frozen_after=st.integers(0, 8))
def test_a_map_is_a_sorted_dictionary(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[tuple[bytes, bytes | None]]],
    first: bytes,
    end: bytes,
    frozen_after: int,
) -> None:
    path = tmp_path_factory.mktemp("map") / "map"
    ordered, twin = DurableMap(path), dict[bytes, bytes]()
    view, then = None, dict[bytes, bytes]()
    for number, batch in enumerate(batches):
        if number == frozen_after:
            view, then = ordered.frozen(), dict(twin)
        ordered.write(batch)
        for key, value in batch:
            twin.pop(key, None)
            if value is not None:
                twin[key] = value
    first, end = min(first, end), max(first, end)
    for known, expected in ((ordered, twin), *([(view, then)] if view else [])):
        assert list(known.scan(first, end)) == sorted((k, v) for k, v in expected.items() if first <= k < end)
        assert list(known.scan(b"", b"\xff" * 5)) == sorted(expected.items())
        for key in {first, end, *(key for batch in batches for key, _ in batch)}:
            assert known.get(key) == expected.get(key)
    if view is not None:
        view.close()
    ordered.close()
    again = DurableMap(path)
    assert list(again.scan(b"", b"\xff" * 5)) == sorted(twin.items())
    again.close()


def test_scans_that_were_begun_long_ago_end_where_they_were_told_to(tmp_path: Path) -> None:
    """Control: with the iterator's own upper bound such scans end anywhere."""
    ordered = DurableMap(tmp_path / "map")
    ordered.write([(b"k%05d" % number, b"v" * 100) for number in range(5_000)])
    scans = [ordered.scan(b"k%05d" % number, b"k%05d" % (number + 500)) for number in range(0, 4_000, 100)]
    rubbish = [os.urandom(50) for _ in range(10_000)]
    assert [len(list(scan)) for scan in scans] == [500] * 40
    assert len(rubbish) == 10_000
    del scans
    ordered.close()


WRITER = """
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from serai.kernel.errors import SeraiError
from serai.runtime.machines.maps import DurableMap
ordered = DurableMap(Path(sys.argv[1]))
for number in range(1_000_000):
    ordered.write([(b"a", b"%d" % number), (b"b", b"%d" % number), (b"n%07d" % number, b"")])
    print(number, flush=True)
"""


def test_a_kill_leaves_whole_batches_from_the_beginning(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "map")], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    for line in writer.stdout:
        if int(line) >= 500:
            break
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    ordered = DurableMap(tmp_path / "map")
    last = int(ordered.get(b"a") or b"-1")
    assert ordered.get(b"b") == b"%d" % last and last >= 500
    assert [key for key, _ in ordered.scan(b"n", b"o")] == [b"n%07d" % number for number in range(last + 1)]
    ordered.close()


def test_a_damaged_map_is_refused_by_name(tmp_path: Path) -> None:
    ordered = DurableMap(tmp_path / "map")
    ordered.write([(b"k", b"v")])
    ordered.flush()
    ordered.close()
    (tmp_path / "map" / "CURRENT").write_bytes(b"nothing\n")
    with pytest.raises(MapDamaged, match=r"map is damaged .* move it away"):
        DurableMap(tmp_path / "map")


def damaged(path: Path) -> DurableMap:
    """Of 5,000 keys, with a byte in the middle of their file that is another."""
    ordered = DurableMap(path)
    chance = Random(1)
    ordered.write([(b"k%05d" % number, chance.randbytes(50)) for number in range(5_000)])
    ordered.flush()
    ordered.close()
    (file,) = path.glob("*.sst")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    return DurableMap(path)


READS: dict[str, Callable[[DurableMap], object]] = {
    "scan": lambda ordered: list(ordered.scan(b"", b"z")),
    "scan that begins at the damage": lambda ordered: list(ordered.scan(b"k02500", b"z")),
    "get": lambda ordered: [ordered.get(b"k%05d" % number) for number in range(5_000)],
    "frozen scan": lambda ordered: list(ordered.frozen().scan(b"", b"z")),
    "frozen get": lambda ordered: [ordered.frozen().get(b"k%05d" % number) for number in range(2_000, 3_000)],
}


@pytest.mark.parametrize("read", READS)
def test_no_read_passes_over_damage_without_a_word(tmp_path: Path, read: str) -> None:
    ordered = damaged(tmp_path / "map")
    heard: list[SeraiError] = []
    ordered.on_failure = heard.append
    with pytest.raises(MapDamaged, match="move it away and start again") as raised:
        READS[read](ordered)
    assert heard == [raised.value] and str(tmp_path / "map") in raised.value.message


def test_what_lies_beside_the_damage_is_read(tmp_path: Path) -> None:
    ordered = damaged(tmp_path / "map")
    assert len(list(ordered.scan(b"k00000", b"k01000"))) == 1_000
    ordered.close()


def test_a_map_without_room_says_so(tmp_path: Path) -> None:
    """In a process of its own, which may write files of so many bytes."""
    program = """
import resource, signal, sys
from pathlib import Path
from random import Random
from serai.runtime.machines.errors import DiskFull
from serai.kernel.errors import SeraiError
from serai.runtime.machines.maps import DurableMap
ordered = DurableMap(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    for number in range(10):
        ordered.write([(b"%d" % number, bytes(50_000))])
except DiskFull as error:
    sys.exit(error.message)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "map")], capture_output=True, text=True, timeout=60, check=False
    )
    assert "there is no room for" in ran.stderr and ran.returncode == 1, ran.stderr
