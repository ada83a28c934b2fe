"""What a run found: a promise that was broken, told so that a person can follow it."""


class Violation(Exception):
    """A promise was broken. `kind` is a short name such as `linearizability`; the message is the counterexample."""

    def __init__(self, kind: str, story: str) -> None:
        super().__init__(f"{kind}: {story}")
        self.kind = kind
        self.story = story
