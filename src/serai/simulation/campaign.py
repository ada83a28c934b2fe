"""Many seeds of one scenario: what they reached, what they found, and the command that replays a finding.

A campaign fails by a violation, by a rare state that no seed reached (what was never there has not been tested), and,
if it has a planted bug, by not finding it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import zip_longest

from serai.simulation.scenario import Run, Scenario, run


class Verdict(Enum):
    """On a campaign."""

    PASSED = "passed"
    CAUGHT = "caught, as it must be"
    OPEN = "nothing found yet; too few seeds to say"
    FAILED = "FAILED"


@dataclass(slots=True)
class Campaign:
    """What came of the seeds so far."""

    system: str
    """Under which the scenario is registered, for the replay command."""
    scenario: Scenario
    runs: int = 0
    events: int = 0
    calls: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    """How often each state was reached, over all runs."""
    runs_that_reached: Counter[str] = field(default_factory=Counter)
    last: Run | None = None
    violation: Run | None = None

    def play(self, seed: int, seeds: int) -> Iterator[Run]:
        """Runs one seed after the other, up to the first violation. The first runs twice, to see that it can."""
        assert seeds > 0, "a campaign has at least one seed"
        differs = difference_of(self.scenario, seed)
        for number in range(seed, seed + seeds):
            done = run(self.scenario, number)
            if differs and not done.kind:
                done = Run(
                    seed, done.faults, done.digest, done.events, done.reached, done.calls, "determinism", differs
                )
            self._enter(done)
            yield done
            if self.violation:
                return

    def _enter(self, done: Run) -> None:
        assert not self.violation, "a campaign ends with its first violation"
        self.last = done
        self.runs += 1
        self.events += done.events
        self.calls += done.calls
        self.reached.update(done.reached)
        self.runs_that_reached.update(state for state, times in done.reached.items() if times)
        if done.kind:
            self.violation = done

    @property
    def missing(self) -> list[str]:
        """Rare states that must be reached and were not."""
        return [state for state in self.scenario.must_reach if not self.runs_that_reached[state]]

    @property
    def verdict(self) -> Verdict:
        """On the whole."""
        enough = self.runs >= self.scenario.reach_seeds
        if self.violation:
            return Verdict.CAUGHT if self.violation.kind == self.scenario.caught_as else Verdict.FAILED
        if self.scenario.caught_as:
            return Verdict.FAILED if enough else Verdict.OPEN
        return Verdict.FAILED if enough and self.missing else Verdict.PASSED

    @property
    def story(self) -> str:
        """Why it failed, or how the canary was caught, with the command that replays it; empty if it passed."""
        if found := self.violation:
            told = f"seed {found.seed} broke {found.kind}: {found.story}\nits faults: {found.faults}"
            return f"{told}\nreplay: {self.replay}"
        if self.verdict is Verdict.FAILED and self.scenario.caught_as:
            return f"{self.runs} seeds did not catch the planted bug, which breaks {self.scenario.caught_as}"
        return f"never reached: {', '.join(self.missing)}" if self.missing else ""

    @property
    def replay(self) -> str:
        """The one command that shows the violation again, with every event."""
        assert self.violation, "nothing was found"
        return f"serai simulate {self.system}/{self.scenario.name} --seed {self.violation.seed} --seeds 1 --trace"


def difference_of(scenario: Scenario, seed: int) -> str:
    """Where two runs of a seed part, or nothing: a machine may have asked a real clock, or kept something globally."""
    first: list[str] = []
    second: list[str] = []
    digests = {run(scenario, seed, first.append).digest, run(scenario, seed, second.append).digest}
    for number, (one, other) in enumerate(zip_longest(first, second), 1):
        if one != other:
            return f"two runs of one seed part at line {number} of their traces:\n    {one}\n    {other}"
    return "" if len(digests) == 1 else "two runs of one seed have equal traces, and clients saw different things"
