"""The README's example scenario runs, and is caught as it says."""

import re
from pathlib import Path
from typing import Any

from serai import simulation
from serai.simulation.campaign import Campaign, Verdict


def test_the_example_is_caught() -> None:
    text = Path(simulation.__file__).with_name("README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    room: dict[str, Any] = {}
    exec(code, room)
    (scenario,) = room["SCENARIOS"]
    campaign = Campaign("example", scenario)
    for _ in campaign.play(1, 50):
        pass
    assert campaign.verdict is Verdict.CAUGHT, campaign.story
    assert "the acknowledged increments" in campaign.story


def test_every_test_that_it_names_exists() -> None:
    text = Path(simulation.__file__).with_name("README.md").read_text()
    named = set(re.findall(r"`(test_\w+\.py)", text))
    assert len(named) > 9
    assert named <= {path.name for path in Path(__file__).parents[1].rglob("test_*.py")}
