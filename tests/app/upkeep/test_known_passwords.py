"""A site with users whose passwords everybody can read does not start where others reach it."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
from tests.app.test_up import port

from serai.runtime.postgres.server import SUPERUSER

from .conftest import Running

__all__ = ["port"]


def up(data: Path, port: int, **settings: str) -> "subprocess.CompletedProcess[str]":
    told = {"SERAI_DATA": str(data), "SERAI_PORT": str(port), "SERAI_WORKERS": "1", "SERAI_DEMO": "false"}
    return subprocess.run(
        [sys.executable, "-m", "serai.app.cli", "up"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **told, **settings},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_demo_users_keep_a_site_on_loopback(running: Running, tmp_path: Path, port: int) -> None:
    with psycopg.connect(running.server.url(SUPERUSER)) as connection:
        connection.execute(
            "insert into identity.users (id, email, email_key, name, password_hash, demo_password)"
            " values (gen_random_uuid(), 'a@b.example', 'a@b.example', 'A', 'x', true)"
        )
    running.stop()
    plain = up(tmp_path, port, SERAI_HOST="0.0.0.0")
    assert (plain.returncode, plain.stdout) == (2, "")
    assert "passwords would travel in the clear" in plain.stderr
    for settings in (
        {"SERAI_HOST": "0.0.0.0", "SERAI_PUBLIC_URL": "https://serai.example"},
        {"SERAI_PUBLIC_URL": "https://serai.example"},
    ):
        refused = up(tmp_path, port, **settings)
        assert refused.returncode == 2, refused.stderr
        assert "Demo users, whose passwords everybody can read" in refused.stderr
        assert "web-1 starting" not in refused.stdout
