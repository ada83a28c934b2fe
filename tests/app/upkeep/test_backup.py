"""What was sold is sold after a restore, whenever the backup was taken; a file that is not whole restores nothing."""

import asyncio
import gzip
import os
import sqlite3
import sys
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from tests.systems.cinema.conftest import OpenSite, Site

from serai.app.assembly import all_migrations, built_systems, open_world
from serai.app.registry import all_systems
from serai.app.upkeep.backup import RestoreRefused, back_up, restore
from serai.app.upkeep.parcel import BackupUnusable, Manifest, Member, write_parcel
from serai.app.upkeep.reach import own_engine, server_for_task
from serai.app.upkeep.unfinished import DataUnfinished, mark, require_finished
from serai.kernel.errors import Misconfigured
from serai.runtime.mail import MailReader
from serai.runtime.postgres.dumps import DumpIncomplete, load
from serai.runtime.postgres.server import SUPERUSER
from serai.runtime.settings import Configuration
from serai.runtime.world import SystemClock, SystemRandom
from serai.systems.allocation.api import Allocation
from serai.systems.identity.api import IdentityApi

from .conftest import Running, settings_of

KNOWN = all_migrations(all_systems())

BOOKED = "select booking_id, state, hold_id, seat_keys, total_minor from cinema.bookings order by 1"


async def buy(site: Site, show: str, place: int) -> str:
    """Two seats; returns the booking's id."""
    seats = [seat for seat, state in (await site.seats(show)).items() if state == "available"]
    held = await site.hold(show, seats[:2])
    assert held.status_code == 201, held.text
    booked = await site.book(held.json()["id"], key=f"buyer-{place}")
    assert booked.json()["state"] == "confirmed", booked.text
    return str(booked.json()["id"])


async def serai(*arguments: str) -> tuple[int | None, str, str]:
    """The command line, in a process of its own: the site of this one goes on meanwhile."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serai.app.cli", *arguments),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def read(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


async def assert_sound(data: Path) -> list[tuple[Any, ...]]:
    """The ledger of the restored site replays to what its seats say; returns its bookings."""
    settings = settings_of(data)
    with server_for_task(settings, data / "postgres", own_engine(settings)) as server:
        urls = {"postgres_url": server.url("serai_app"), "postgres_jobs_url": server.url("serai_jobs")}
        configuration = Configuration({"data": str(data), **urls}, environment={})
        async with (
            open_world(configuration, lambda _: bytes(32), SystemClock(), SystemRandom()) as world,
            built_systems(world, all_systems()),
            world.database.transaction(await world.need(IdentityApi).site_tenant()) as tx,
        ):
            looked_at, differences = await world.need(Allocation).audit(tx, "cinema")
            assert await world.need(Allocation).breaches(tx, "cinema") == []
        assert looked_at > 0
        assert differences == []
        return read(server.url(SUPERUSER), BOOKED)


async def test_a_backup_of_a_busy_site_has_all_that_was_sold_before_it(
    open_site: OpenSite, running: Running, tmp_path: Path, place: Path
) -> None:
    site = await open_site()
    show = await site.make_show()
    for number in range(3):
        await buy(site, show, number)
    before = read(running.server.url(SUPERUSER), BOOKED)
    taking = asyncio.create_task(serai("backup", str(place / "site.tar.gz"), "--data", str(tmp_path)))
    number = 3
    while not taking.done() and number < 60:
        await buy(site, show, number)
        number += 1
    code, said, complaint = await taking
    assert (code, complaint) == (0, "")
    assert "rows in" in said
    after = read(running.server.url(SUPERUSER), BOOKED)
    assert len(after) > len(before) == 3
    code, said, complaint = await serai("restore", str(place / "site.tar.gz"), "--data", str(place / "other"))
    assert (code, complaint) == (0, "")
    assert "verified" in said
    restored = await assert_sound(place / "other")
    assert {*map(str, before)} <= {*map(str, restored)}
    known = {row[0] for row in after}
    assert {row[0] for row in restored} <= known
    with sqlite3.connect(place / "other" / "gateway" / "gateway.sqlite3") as books:
        assert books.execute("select count(*) from charge").fetchone()[0] >= len(restored)
    assert [mail.subject for mail in MailReader(place / "other" / "mail").newest(5)] == ["Your tickets"]


@pytest.fixture
async def parcel(open_site: OpenSite, running: Running, tmp_path: Path, place: Path) -> Path:
    """A backup of a stopped site with one booking."""
    site = await open_site()
    await buy(site, await site.make_show(), 0)
    await site.world.database.close()
    running.stop()
    target = place / "site.tar.gz"
    back_up(settings_of(tmp_path), target, SystemClock())
    return target


async def test_a_stopped_site_comes_back_row_for_row(parcel: Path, tmp_path: Path, place: Path) -> None:
    assert parcel.stat().st_mode & 0o777 == 0o600
    restored = place / "other"
    manifest = restore(settings_of(restored), parcel, KNOWN)
    assert manifest.rows["cinema.bookings"] == 1
    assert manifest.rows["cinema.tickets"] == 2
    assert len(await assert_sound(restored)) == 1
    assert (restored / "secrets.json").read_bytes() == (tmp_path / "secrets.json").read_bytes()
    assert (restored / "secrets.json").stat().st_mode & 0o777 == 0o600
    again = back_up(settings_of(restored), place / "again.tar.gz", SystemClock())
    assert again.rows == manifest.rows
    # What the owner, the application and the workers may do is restored too: compared as PostgreSQL tells it.
    settings, query = settings_of(restored), "select * from pg_policies order by schemaname, tablename, policyname"
    with server_for_task(settings, restored / "postgres", own_engine(settings)) as server:
        policies = read(server.url(SUPERUSER), query)
    settings = settings_of(tmp_path)
    with server_for_task(settings, tmp_path / "postgres", own_engine(settings)) as server:
        assert read(server.url(SUPERUSER), query) == policies != []

    with pytest.raises(RestoreRefused, match="is not empty"):
        restore(settings_of(restored), parcel, KNOWN)
    with pytest.raises(Misconfigured, match="exists already"):
        back_up(settings_of(tmp_path), parcel, SystemClock())
    with pytest.raises(Misconfigured, match="There is no site in"):
        back_up(settings_of(place / "nothing"), place / "x.tar.gz", SystemClock())
    assert {entry.name for entry in place.iterdir()} == {"data", "other", "site.tar.gz", "again.tar.gz"}


def turned(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0x40]) + content[at + 1 :]


def repacked(content: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """The same archive, well-formed, with members changed or left out."""
    made = BytesIO()
    with tarfile.open(fileobj=BytesIO(content)) as old, tarfile.open(fileobj=made, mode="w:gz") as new:
        for entry in old:
            file = old.extractfile(entry)
            assert file
            told = change(entry.name, file.read())
            if told is not None:
                entry.size = len(told)
                new.addfile(entry, BytesIO(told))
    return made.getvalue()


def told_otherwise(**changes: object) -> Callable[[bytes], bytes]:
    def change(name: str, content: bytes) -> bytes:
        return orjson.dumps(orjson.loads(content) | changes) if name == "manifest.json" else content

    return lambda content: repacked(content, change)


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut": (lambda content: content[: len(content) * 2 // 3], "is damaged"),
    "a bit turned": (lambda content: turned(content, len(content) // 2), "is damaged"),
    "a text": (lambda content: b"hello", "is damaged"),
    "another archive": (lambda content: gzip.compress(bytes(10_240)), "is not a backup|is damaged"),
    "a member exchanged": (
        lambda content: repacked(content, lambda name, old: b"{}" if name == "secrets.json" else old),
        "secrets.json is not what was written",
    ),
    "a member missing": (
        lambda content: repacked(content, lambda name, old: None if name == "postgres.dump" else old),
        "postgres.dump is missing",
    ),
    "of a newer format": (told_otherwise(format=2), "which is newer than this"),
    "of a newer program": (told_otherwise(serai="99.0.0"), "written by Serai 99.0.0, which is newer"),
    "of newer migrations": (told_otherwise(migrations={"cinema": 999}), "which is newer"),
    "of an unknown system": (told_otherwise(migrations={"spaceships": 1}), "which is newer"),
    "that would climb out": (told_otherwise(members={"../x": {"bytes": 0, "sha256": ""}}), "its manifest cannot be"),
}


async def test_a_file_that_is_not_whole_or_too_new_changes_nothing(parcel: Path, place: Path) -> None:
    content = parcel.read_bytes()
    for name, (damage, words) in DAMAGES.items():
        parcel.write_bytes(damage(content))
        with pytest.raises(BackupUnusable, match=words):
            restore(settings_of(place / "other"), parcel, KNOWN)
        left = place / "other"
        assert [entry.name for entry in left.glob("*")] in ([], ["lock"]), name
    with pytest.raises(BackupUnusable, match="There is no file"):
        restore(settings_of(place / "other"), place / "absent", KNOWN)

    def change(name: str, content: bytes) -> bytes:
        document = orjson.loads(content) if name == "manifest.json" else {}
        return orjson.dumps(document | {"rows": {**document["rows"], "cinema.tickets": 3}}) if document else content

    parcel.write_bytes(repacked(content, change))
    with pytest.raises(DumpIncomplete, match=r"cinema\.tickets has 2 rows, not 3"):
        restore(settings_of(place / "other"), parcel, KNOWN)
    assert [entry.name for entry in (place / "other").iterdir()] == ["lock"]


def test_nothing_starts_on_an_interrupted_restore(place: Path) -> None:
    require_finished(place)
    mark(place, "a restore was interrupted; empty the directory and restore again.")
    with pytest.raises(DataUnfinished, match="a restore was interrupted; empty the directory"):
        require_finished(place)


async def test_mistakes_are_one_sentence_and_exit_code_2(place: Path) -> None:
    (place / "text").write_text("hello")
    for arguments in (["backup", "b.tar.gz"], ["restore", str(place / "text")], ["upgrade-data"], ["migrate"]):
        where = [] if arguments == ["migrate"] else ["--data", str(place / "none")]
        code, said, complaint = await serai(*arguments, *where)
        assert (code, said, len(complaint.splitlines())) == (2, "", 1), complaint


def test_a_parcel_without_a_database_is_refused(place: Path) -> None:
    (place / "tree").mkdir()
    (place / "tree" / "x").write_bytes(b"")
    members = {"x": Member(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")}
    write_parcel(place / "p", place / "tree", Manifest("0.1.0", "", 18, {}, {}, members))
    with pytest.raises(BackupUnusable, match="lacks the database"):
        restore(settings_of(place / "other"), place / "p", KNOWN)


def test_loading_is_counted(running: Running, tmp_path: Path) -> None:
    """The control: what is loaded twice does not go unnoticed."""
    with pytest.raises(Exception, match="pg_restore failed"):
        load(running.server.engine, running.server.url("serai_owner"), tmp_path / "absent.dump", {})
