"""The house keeps its rooms: import contracts hold and every module says what it is for."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "serai").rglob("*.py"))


def test_import_contracts_hold_without_exceptions() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "ignore_imports" not in (ROOT / "pyproject.toml").read_text()


def _imported(path: Path) -> set[str]:
    """Names of every module that `path` imports, wherever in the file the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_a_system_reaches_another_only_through_its_api() -> None:
    trespasses = []
    for path in (ROOT / "src" / "serai" / "systems").rglob("*.py"):
        home = path.relative_to(ROOT / "src" / "serai" / "systems").parts[0]
        for name in _imported(path):
            parts = name.split(".")
            foreign = parts[:2] == ["serai", "systems"] and len(parts) > 3 and parts[2] != home
            if foreign and parts[3] != "api":
                trespasses.append(f"{path.relative_to(ROOT)} imports {name}")
    assert trespasses == []


def test_every_module_opens_with_what_it_is_for() -> None:
    silent = [str(path.relative_to(ROOT)) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_no_room_for_leftovers() -> None:
    named = {"utils", "helpers", "common", "manager", "misc"}
    assert [path for path in SOURCES if named & {*path.relative_to(ROOT).parts, path.stem}] == []
