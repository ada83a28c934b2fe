"""The command line: every verb has an example, results are JSON where asked, mistakes are one sentence."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from serai.app.cli import cli
from serai.app.plan import PORTS

from .test_up import environment, port

__all__ = ["port"]


def verbs(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command
            if isinstance(command, click.Group):
                yield from verbs(command, (*path, name))
            else:
                yield (*path, name), command


def test_every_verb_has_an_example_that_calls_it() -> None:
    known = dict(verbs(cli))
    assert {("up",), ("status",), ("doctor",), ("settings",), ("keys", "create")} <= known.keys()
    lacking = [
        words for words, command in known.items() if f"Example: serai {' '.join(words)}" not in (command.help or "")
    ]
    assert lacking == []


def serai(data: Path, port: int, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "serai.app.cli", *arguments],
        env=environment(data, port, **settings),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_status_of_nothing_says_how_to_start(data: Path, port: int) -> None:
    done = serai(data, port, "status")
    assert (done.returncode, done.stdout) == (1, f"Nothing runs on {data}; `serai up` starts it.\n")
    assert json.loads(serai(data, port, "status", "--json").stdout) == {"state": "stopped"}


def test_a_mistake_is_one_sentence_and_exit_code_2(data: Path, port: int) -> None:
    for arguments in (["up", "cinemas"], ["up", "--port", "0"], ["keys", "list"]):
        done = serai(data, port, *arguments)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr


def test_the_doctor_finds_all_well_and_then_what_is_not(data: Path, port: int) -> None:
    done = serai(data, port, "doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert [finding for finding in findings.values() if not finding["well"]] == []
    assert {f"port {port + PORTS['postgres']}", "postgresql", "disk", "data directory"} <= findings.keys()
    done = serai(data, port, "doctor", "--json", SERAI_SMTP_URL="smtp://127.0.0.1:1", SERAI_POSTGRES_BIN="/nowhere")
    assert done.returncode == 1
    assert {finding["name"] for finding in json.loads(done.stdout) if not finding["well"]} == {
        "SERAI_SMTP_URL",
        "postgresql",
    }


def test_the_doctor_changes_nothing(data: Path, port: int) -> None:
    serai(data / "absent", port, "doctor")
    assert list(data.iterdir()) == []


def test_settings_tell_where_they_came_from_and_hide_secrets(data: Path, port: int) -> None:
    done = serai(data, port, "settings", "--json", "--host", "127.0.0.2", SERAI_STRIPE_KEY="sk_live_1")
    found = {origin["name"]: origin for origin in json.loads(done.stdout)}
    assert found["host"]["source"] == "command line"
    assert found["port"] | {"doc": ""} == {
        "name": "port",
        "value": str(port),
        "source": "environment SERAI_PORT",
        "doc": "",
        "unit": "port",
    }
    assert found["stripe_key"]["value"] == "(hidden)"
    assert "sk_live_1" not in done.stdout


@pytest.mark.parametrize("words", [[], ["--version"], ["--help"], ["status", "--help"]])
def test_help_and_version_need_no_site(words: list[str]) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.output.startswith(("Usage: ", "serai "))
