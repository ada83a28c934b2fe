"""What a run found: a promise that was broken, told so that a person can follow it."""

from collections.abc import Sequence

SHOWN_MAX = 5
"""Findings that a story tells; the rest are counted."""

LINE_MAX = 320
"""Characters of one thing in a story; the middle of a longer one is left out."""


def some_of(findings: Sequence[str]) -> str:
    """The first findings, a line each, and how many more there are."""
    more = [f"and {len(findings) - SHOWN_MAX} more"] if len(findings) > SHOWN_MAX else []
    return "\n".join([*findings[:SHOWN_MAX], *more])


def shortened(thing: object) -> str:
    """As text, without its middle if it is long."""
    text = str(thing)
    return text if len(text) <= LINE_MAX else f"{text[: LINE_MAX // 2]} … {text[-LINE_MAX // 2 :]}"


class Violation(Exception):
    """A promise was broken. `kind` is a short name such as `linearizability`; the message is the counterexample."""

    def __init__(self, kind: str, story: str) -> None:
        super().__init__(f"{kind}: {story}")
        self.kind = kind
        self.story = story
