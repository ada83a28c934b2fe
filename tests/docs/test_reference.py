"""The reference says what is so: every page is what the code and a migrated database say, and nothing goes unsaid."""

import json
import re
import runpy
import shlex
from collections import defaultdict
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

import click
import jsonschema_rs
import pytest
from tests.event_schemas import SCHEMAS, SYSTEMS, problems_of

from serai.app.cli import cli
from serai.mechanisms.allocation.claims import ClaimState
from serai.mechanisms.payments.saga import PaymentState
from serai.runtime.postgres.server import SUPERUSER, EmbeddedServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "tools" / "write_reference.py"))


def test_every_page_is_current(tool: dict[str, Any], server: EmbeddedServer) -> None:
    """Also: the migrations give the documented schema, and the roles may do what is documented."""
    made = tool["pages"](server.url(SUPERUSER))
    assert {
        "settings.md",
        "errors.md",
        "events.md",
        "roles.md",
        "metrics.md",
        "commands.md",
        "schema.md",
        "etcd.md",
    } == made.keys()
    for name, text in made.items():
        kept = (tool["REFERENCE"] / name).read_text()
        changes = "\n".join(unified_diff(kept.splitlines(), text.splitlines(), name, name, n=0, lineterm=""))
        assert changes == "", "run python tools/write_reference.py"


def test_one_code_has_one_meaning(tool: dict[str, Any]) -> None:
    tool["import_everything"]()
    by_code = defaultdict(list)
    for error in tool["error_classes"]():
        by_code[error.code].append(f"{error.__module__}.{error.__name__}")
    assert len(by_code) > 50
    assert {code: names for code, names in by_code.items() if len(names) > 1} == {}


def test_every_error_and_setting_says_what_it_means(tool: dict[str, Any]) -> None:
    tool["import_everything"]()
    assert [error for error in tool["error_classes"]() if not error.__doc__ or not error.title] == []
    for room in tool["heirs"](tool["Settings"]):
        rows = tool["_setting_rows"](room)
        assert [row[0] for row in rows if not row[5].strip().endswith((".", ")"))] == []


def emitted_types() -> set[str]:
    """Types whose names are made from a state: each state has one."""
    claims = {f"serai.allocation.claim.{state.value}.v1" for state in ClaimState}
    return claims | {f"serai.payments.payment.{state.value}.v1" for state in PaymentState}


def test_every_state_that_is_told_has_a_schema() -> None:
    documented = {path.stem for path in SCHEMAS.glob("*.json")}
    assert emitted_types() - documented == set()
    assert {name.split(".")[1] for name in documented} <= SYSTEMS


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_is_valid_and_named_by_its_version(path: Path) -> None:
    schema = json.loads(path.read_text())
    jsonschema_rs.meta.validate(schema)
    assert schema["$id"] == schema["title"] == path.stem
    assert re.fullmatch(r"serai\.\w+\.\w+\.\w+\.v\d+", path.stem)
    assert schema["description"].endswith(".")
    assert set(schema["required"]) <= schema["properties"].keys()


GOOD = {
    "show_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "seats": 2,
    "total": {"amount": 2400, "currency": "EUR"},
}


@pytest.mark.parametrize(
    ("event_type", "data", "words"),
    [
        ("serai.cinema.booking.confirmed.v1", GOOD, None),
        ("serai.cinema.booking.confirmed.v1", GOOD | {"seats": 0}, "minimum"),
        ("serai.cinema.booking.confirmed.v1", GOOD | {"colour": "red"}, "colour is not documented"),
        ("serai.cinema.booking.confirmed.v1", {"seats": 2}, "required"),
        ("serai.cinema.booking.confirmed.v2", GOOD, "has no schema"),
        ("serai.cinema.show.cancelled.v1", {"actor": "x"}, "does not belong to the topic"),
    ],
)
def test_the_comparison_of_events_can_fail(event_type: str, data: dict[str, Any], words: str | None) -> None:
    found = problems_of(event_type, "serai.cinema.booking", data)
    assert found == [] if words is None else any(words in problem for problem in found), found


def shown_commands() -> Iterator[tuple[str, str]]:
    """Every line `serai ...` that a page or a verb's help shows, and where it stands."""
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        if path.is_file() and "decisions" not in path.parts:
            for line in re.findall(r"^(?: {4}|\$ |Example: | +Example: |\| )?(serai [a-z].*)$", path.read_text(), re.M):
                yield path.name, line
            for line in re.findall(r"`(serai [a-z][^`]*)`", path.read_text()):
                yield path.name, line


def parsed(line: str) -> str | None:
    """What is wrong with a command, found by parsing it without running it."""
    words = [word for word in shlex.split(line, comments=True) if word not in ("&", "...")]
    if "&&" in words:
        words = words[: words.index("&&")]
    command: click.Command = cli
    context: click.Context | None = None
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        context = click.Context(command, parent=context, **cli.context_settings)
        found = command.get_command(context, rest[0])
        if found is None:
            return f"there is no {rest[0]}"
        command, rest = found, rest[1:]
    if not rest:  # named, not shown: `serai backup`
        return None
    asked = [option for option in command.params if getattr(option, "prompt", None) and option.opts[0] not in rest]
    rest += [word for option in asked for word in (option.opts[0], "typed")]
    try:
        command.make_context(words[0], [word for word in rest if word not in ("--help", "-h")], parent=context)
    except click.UsageError as error:
        told = error.format_message()
        return None if told.endswith("does not exist.") else told  # the example's file is the reader's own
    return None


def test_every_command_that_is_shown_can_be_called() -> None:
    shown = [*shown_commands()]
    assert len(shown) > 10
    wrong = [(where, line, told) for where, line in shown if (told := parsed(line)) and not re.search("[A-Z]{3}", line)]
    assert wrong == []
    assert "--moon" in (parsed("serai up --moon 3") or "")
    assert parsed("serai fly") == "there is no fly"
