"""RocksDB behind the port, beside a dictionary; and what a kill leaves."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serai.runtime.machines.maps import DurableMap, MapDamaged

KEYS = st.binary(min_size=1, max_size=4)
BATCHES = st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=20)), max_size=30)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
from pathlib import Path
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
    with pytest.raises(MapDamaged, match=r"map cannot be opened .* move it away"):
        DurableMap(tmp_path / "map")
