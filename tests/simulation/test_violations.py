"""Stories stay short enough to be read."""

from serai.simulation.violations import LINE_MAX, SHOWN_MAX, Violation, shortened, some_of


def test_a_violation_has_a_kind_and_a_story() -> None:
    violation = Violation("set", "a has lost 1")
    assert (violation.kind, violation.story, str(violation)) == ("set", "a has lost 1", "set: a has lost 1")


def test_only_some_findings_are_told() -> None:
    findings = [f"finding {number}" for number in range(SHOWN_MAX + 2)]
    assert some_of(findings[:2]) == "finding 0\nfinding 1"
    assert some_of(findings).splitlines() == [*findings[:SHOWN_MAX], "and 2 more"]


def test_long_things_lose_their_middle() -> None:
    assert shortened("x" * LINE_MAX) == "x" * LINE_MAX
    cut = shortened("a" * 500 + "z" * 500)
    assert cut == "a" * (LINE_MAX // 2) + " … " + "z" * (LINE_MAX // 2)
