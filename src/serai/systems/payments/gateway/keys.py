"""The embedded gateway's keys, made from the installation's secrets: both sides make the same."""


def embedded_key(secret: bytes) -> str:
    """The API key of the embedded gateway, in Stripe's shape for test mode."""
    return f"sk_test_{secret.hex()}"


def embedded_webhook_secret(secret: bytes) -> str:
    """What the embedded gateway signs its webhooks with."""
    return f"whsec_{secret.hex()}"
