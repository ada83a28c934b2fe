import pytest
import stripe

from serai.systems.payments.gateway.signature import sign


def test_the_official_library_accepts_it_and_nothing_else() -> None:
    payload = b'{"id": "evt_1", "object": "event"}'
    now = 1_700_000_000
    header = sign(payload, "whsec_1", now)
    verify = stripe.WebhookSignature.verify_header
    assert verify(payload.decode(), header, "whsec_1")
    for body, secret in ((payload + b" ", "whsec_1"), (payload, "whsec_2")):
        with pytest.raises(stripe.SignatureVerificationError):
            verify(body.decode(), header, secret)
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        verify(payload.decode(), header, "whsec_1", tolerance=300)
