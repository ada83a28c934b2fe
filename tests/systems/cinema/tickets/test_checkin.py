"""The door's table covers every case, admits once, and never admits what is forged, cancelled or foreign."""

from itertools import product

import pytest

from serai.systems.cinema.tickets import Outcome, TicketState, Use, Verification, decide
from serai.systems.cinema.tickets.checkin import TABLE

CASES = list(product(Verification, TicketState, Use))


@pytest.mark.parametrize(("verification", "state", "use"), CASES)
def test_every_case_is_decided_as_a_plain_reading_says(
    verification: Verification, state: TicketState, use: Use
) -> None:
    decision = decide(verification, state, use)
    genuine = verification not in {Verification.BAD_SIGNATURE, Verification.UNKNOWN_KEY}
    here = verification in {Verification.OK, Verification.NOT_YET}
    if not genuine:
        assert decision.outcome is Outcome.BAD_SIGNATURE
    elif state is not TicketState.VALID:
        assert decision.outcome is Outcome.REVOKED
    elif not here:
        assert decision.outcome is Outcome.WRONG_SHOW
    elif use is Use.SAME_SCAN:
        assert decision.outcome is Outcome.ADMITTED
    elif verification is Verification.NOT_YET:
        assert decision.outcome is Outcome.NOT_YET
    else:
        assert decision.outcome is (Outcome.ADMITTED if use is Use.FRESH else Outcome.ALREADY_USED)


def test_only_one_case_admits_somebody_new() -> None:
    admitted = [case for case in CASES if decide(*case).reason == "admitted"]
    assert admitted == [(Verification.OK, TicketState.VALID, Use.FRESH)]


def test_no_line_of_the_table_is_dead_and_no_two_share_a_reason() -> None:
    assert {decide(*case).reason for case in CASES} == {rule.decision.reason for rule in TABLE}
    assert len({rule.decision.reason for rule in TABLE}) == len(TABLE)
