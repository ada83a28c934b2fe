"""The README's own commands buy two seats: taken from its text, run by a shell against a real site."""

import json
import shutil
import subprocess
from asyncio import to_thread
from pathlib import Path
from typing import Any

import pytest

from serai.systems.cinema.plan import classic

README = Path(__file__).parents[3] / "README.md"
SITE = "http://127.0.0.1:8420"


def commands(heading: str) -> str:
    """The indented lines of a chapter up to the first answer."""
    chapter = README.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    block = chapter.partition("\n    ")[2].partition("\n\n")[0]
    return "\n".join(line.removeprefix("    ") for line in block.splitlines())


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
async def test_a_seat_is_bought_by_the_readmes_commands(open_site: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(classic(rows=4, seats=8))
    script = commands("Buy a seat from the command line")
    assert script.count(SITE) == 1
    run = await to_thread(
        subprocess.run,
        ["bash", "-euo", "pipefail", "-c", script.replace(SITE, site.url)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    booking = json.loads(run.stdout)
    assert booking["state"] == "confirmed" and len(booking["seats"]) == 2
    assert list((await site.seats(show_id)).values()).count("booked") == 2
