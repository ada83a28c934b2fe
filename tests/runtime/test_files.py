"""Files survive a crash, a directory has one holder, and secrets stay the same and closed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serai.runtime.files import (
    DataDirectoryInUse,
    DataDirectoryUnusable,
    DirectoryLock,
    SecretFile,
    SecretsDamaged,
    holder_of,
    make_data_directory,
    write_atomic,
)
from serai.runtime.world import SystemRandom


@pytest.fixture
def not_root(tmp_path: Path) -> Iterator[Path]:
    """A directory in which we may not write: as root, by being nobody for a while."""
    closed = Path("/usr")
    if os.geteuid() != 0:
        yield closed
        return
    os.seteuid(65534)
    try:
        yield closed
    finally:
        os.seteuid(0)


def test_a_file_is_replaced_whole_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomic(path, b"old", mode=0o600)
    write_atomic(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_a_failed_write_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomic(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["directory"]


def test_a_directory_without_right_to_write_is_one_sentence(not_root: Path) -> None:
    with pytest.raises(DataDirectoryUnusable, match=r"/usr/data cannot be written \(permission denied\); .*--data"):
        make_data_directory(not_root / "data")


def test_a_file_where_the_directory_should_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(DataDirectoryUnusable, match="cannot be written"):
        make_data_directory(tmp_path / "taken")


def test_nobody_else_lists_the_data(tmp_path: Path) -> None:
    made = make_data_directory(tmp_path / "a" / "b")
    assert made.stat().st_mode & 0o077 == (0o011 if os.geteuid() == 0 else 0)


HOLDER = "import sys; from pathlib import Path; from serai.runtime.files import DirectoryLock;"
HOLDER += "held = DirectoryLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"


def test_the_second_holder_is_told_who_is_the_first_until_it_is_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as first:
        assert first.stdout and first.stdout.readline() == b"held\n"
        assert holder_of(tmp_path) == first.pid
        with pytest.raises(DataDirectoryInUse, match=f"in use by process {first.pid};"):
            DirectoryLock(tmp_path)
        first.send_signal(signal.SIGKILL)
    assert holder_of(tmp_path) is None
    with DirectoryLock(tmp_path):
        assert holder_of(tmp_path) == os.getpid()
    assert holder_of(tmp_path) is None


def test_a_directory_on_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("/dev/full")
    with pytest.raises(DataDirectoryUnusable, match=r"lock cannot be written \(.*\); make room there"):
        DirectoryLock(tmp_path)


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    made = SecretFile(path, SystemRandom())
    key, password = made.get("cookie", 32), made.text("serai_app")
    again = SecretFile(path, SystemRandom())
    assert (again.get("cookie", 32), again.text("serai_app")) == (key, password)
    assert len(key) == 32 and len(password) == 32
    assert path.stat().st_mode & 0o777 == 0o600


def test_processes_that_ask_at_once_get_one_secret(tmp_path: Path) -> None:
    files = [SecretFile(tmp_path / "secrets.json", SystemRandom()) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda file: file.get("cookie"), files))) == 1


@pytest.mark.parametrize("content", [b"", b"[]", b'{"cookie": 7}', b'{"cookie": "AAAA"}'])
def test_a_damaged_file_is_refused_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secrets.json"
    path.write_bytes(content)
    with pytest.raises(SecretsDamaged, match=r"secrets\.json .* restore"):
        SecretFile(path, SystemRandom()).get("cookie")
    assert path.read_bytes() == content
