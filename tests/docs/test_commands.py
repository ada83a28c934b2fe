"""Every `serai ...` that the documentation tells exists, with the options that it names; the README stays short."""

import re
import shlex
from pathlib import Path

import click
import pytest

from serai.app.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/README.md")]
)
README_LINES_MAX = 130

INDENTED = re.compile(r"^ {4}(?:.*&& )?(serai .*)$", re.MULTILINE)
QUOTED = re.compile(r"`(serai [^`]+)`")


def told(page: Path) -> list[str]:
    """The commands of a page, without their comments."""
    text = page.read_text()
    return [line.split(" #")[0].strip() for line in (*INDENTED.findall(text), *QUOTED.findall(text))]


COMMANDS = sorted({(page.relative_to(ROOT).as_posix(), line) for page in PAGES for line in told(page)})


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_that_is_told_exists_with_its_options(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z-]+", words[0]):
        found = command.get_command(context, words[0])
        assert found is not None, f"{page} tells `{line}`; there is no {words[0]!r}"
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    asked = {word.partition("=")[0] for word in words if word.startswith("--")}
    if command.name == "bench":
        return  # what follows belongs to the benchmark, which parses it itself
    assert asked <= known, f"{page} tells `{line}`"


def test_commands_are_found_at_all() -> None:
    assert len(COMMANDS) > 25
    assert ("README.md", "serai up") in COMMANDS


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES_MAX


def test_the_readmes_test_command_is_the_one_that_the_gates_run() -> None:
    assert "pip install -e '.[test]' && pytest" in (ROOT / "README.md").read_text()
    gates = (ROOT / ".ci" / "run").read_text()
    assert "pip install --quiet -e '.[test]'" in gates and "tests pytest\n" in gates
