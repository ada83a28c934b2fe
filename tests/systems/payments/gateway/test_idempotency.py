from hypothesis import given
from hypothesis import strategies as st

from serai.systems.payments.gateway.errors import IdempotencyMismatch
from serai.systems.payments.gateway.idempotency import Kept, fingerprint, objection

KEPT = Kept("/v1/refunds", b"print", 200, b"{}", "req_1")
_PAIRS = st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=4)


def test_the_same_request_has_no_objection() -> None:
    assert objection(KEPT, "key", "/v1/refunds", b"print") is None


def test_another_path_or_body_is_refused_and_the_key_named() -> None:
    for path, print_ in (("/v1/refunds", b"other"), ("/v1/payment_intents", b"print")):
        refused = objection(KEPT, "key-7", path, print_)
        assert isinstance(refused, IdempotencyMismatch)
        assert "key-7" in refused.message
        assert refused.json()["error"]["type"] == "idempotency_error"


@given(_PAIRS, _PAIRS)
def test_fingerprints_agree_exactly_where_the_pairs_do(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (sorted(one) == sorted(other))
