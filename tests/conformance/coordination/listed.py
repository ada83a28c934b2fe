"""What docs/reference/etcd-differences.md lists: each line there names an engine, a story of a suite, a step of it."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "etcd-differences.md"
_LINE = re.compile(r"^- `(?P<engine>[^`]+)` `(?P<story>[^`]+)` `(?P<step>[^`]+)`$")


@dataclass(frozen=True, slots=True)
class Difference:
    """One step that is another than on the current etcd. `heading` is the difference's name."""

    heading: str
    engine: str
    story: str
    step: str


def read(text: str) -> list[Difference]:
    """All lines of the page, each under the nearest heading above it."""
    heading, found = "", []
    for line in text.splitlines():
        if line.startswith("### "):
            heading = line.removeprefix("### ")
        elif match := _LINE.match(line):
            found.append(Difference(heading, **match.groupdict()))
    return found


def listed(engine: str, story: str) -> set[str]:
    """The steps of a story in which an engine may differ, and must."""
    return {one.step for one in read(PAGE.read_text()) if (one.engine, one.story) == (engine, story)}
