"""The `Stripe-Signature` header: proves that an event comes from the gateway and when it was signed.

`v1` is HMAC-SHA256 over "t.payload" with the endpoint's secret; the time inside lets a receiver refuse a replay.
Source: docs.stripe.com/webhooks (Verify webhook signatures manually).
"""

import hmac
from hashlib import sha256


def sign(payload: bytes, secret: str, timestamp: int) -> str:
    """The header's value for `payload` signed at `timestamp` (Unix seconds)."""
    signed = b"%d.%b" % (timestamp, payload)
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, sha256).hexdigest()}"
