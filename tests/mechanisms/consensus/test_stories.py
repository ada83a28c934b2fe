"""Golden transcripts: each story happens again as it is written. `--rewrite-stories` writes them anew."""

from pathlib import Path

import pytest
from tests.mechanisms.consensus.storyteller import Story

STORIES = sorted((Path(__file__).parent / "stories").glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path, request: pytest.FixtureRequest) -> None:
    written = path.read_text()
    told = Story().tell(written)
    if request.config.getoption("--rewrite-stories"):
        path.write_text(told)
    else:
        assert told == written


def test_there_are_stories() -> None:
    assert len(STORIES) >= 20
