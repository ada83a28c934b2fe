import pytest

from serai.systems.payments.gateway.states import LEGAL, Move, Status, refusal, sources

OPEN = {Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION, Status.REQUIRES_ACTION}


def test_a_closed_intent_never_moves_again() -> None:
    assert [pair for pair in LEGAL if pair[0] in {Status.SUCCEEDED, Status.CANCELED}] == []


def test_only_an_authorised_intent_is_captured_or_expires() -> None:
    assert sources(Move.CAPTURE) == sources(Move.EXPIRE) == (Status.REQUIRES_CAPTURE,)


def test_money_is_taken_once() -> None:
    paying = {pair for pair, after in LEGAL.items() if after is Status.SUCCEEDED}
    assert paying == {(status, Move.CHARGE) for status in OPEN} | {(Status.REQUIRES_CAPTURE, Move.CAPTURE)}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("move", Move)
def test_each_illegal_pair_has_a_sentence_that_names_the_way_out(status: Status, move: Move) -> None:
    if (status, move) in LEGAL:
        assert LEGAL[status, move] in Status
        return
    said = refusal(status, move)
    assert f"status of {status}" in said
    assert said.endswith(", ".join(sources(move)) + ".")
