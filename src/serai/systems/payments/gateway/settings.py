"""What an operator may set about the gateway, and every limit that keeps it bounded."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """A webhook endpoint that exists from the first start, so that both sides can know its secret beforehand."""

    url: str
    secret: str = field(repr=False)
    events: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """One gateway. `database` is its own SQLite file; `secret_keys` open its API."""

    database: Path
    secret_keys: tuple[str, ...] = field(repr=False)
    """Stripe-style secret keys; one that starts with `sk_test_` may also script faults."""
    public_url: str = "http://127.0.0.1:8426"
    """Where a buyer's browser reaches the hosted authentication page."""
    webhooks: tuple[WebhookTarget, ...] = ()
    dashboard_open: bool = False
    """Whether `/` answers without a key; sensible on loopback only."""

    authorisation_s: int = 7 * 86_400
    """Life of an uncaptured authorisation (Stripe: seven days for online card payments)."""
    idempotency_keep_s: int = 86_400
    """How long a key replays its first answer (Stripe: at least 24 hours)."""
    events_keep_s: int = 30 * 86_400
    """How long events can be read (Stripe: 30 days)."""
    sweep_interval_s: float = 5.0
    sweep_rows_max: int = 500
    """Rows that one sweep expires or deletes of each kind, so that it never blocks payments for long."""

    body_bytes_max: int = 65_536
    queue_max: int = 2_048
    """Changes that may wait for the disk; one more is answered 429."""
    batch_max: int = 64
    """Changes that share one fsync; larger batches raise throughput and the wait of those not in them."""
    hang_max_s: float = 120.0
    """How long a scripted timeout keeps a client waiting; beyond the 80 s default of Stripe's libraries."""
    faults_max: int = 100
    """Fault scripts that may wait to be used up."""

    endpoints_max: int = 16
    webhook_timeout_s: float = 10.0
    webhook_attempts_max: int = 8
    webhook_backoff_s: float = 0.5
    """Wait after the first failed attempt; doubles with each, up to `webhook_backoff_max_s`."""
    webhook_backoff_max_s: float = 60.0
    webhook_poll_s: float = 0.5
    webhook_concurrency_max: int = 16
    webhook_late_s: float = 5.0
    """How late the fault `webhook_late` delivers, and how long `webhook_out_of_order` waits for a later event."""

    def validate(self) -> list[str]:
        """Every problem at once, each a sentence; empty if it may start."""
        problems = []
        if not self.secret_keys:
            problems.append("secret_keys is empty: nobody could call the gateway; give at least one sk_test_ key")
        problems += [f"secret key {key[:8]}… must start with sk_" for key in self.secret_keys if key[:3] != "sk_"]
        if urlsplit(self.public_url).scheme not in {"http", "https"}:
            problems.append(f"public_url {self.public_url!r} is not an http or https URL")
        if len(self.webhooks) > self.endpoints_max:
            problems.append(f"{len(self.webhooks)} webhooks are set; endpoints_max allows {self.endpoints_max}")
        positive = ("authorisation_s", "queue_max", "batch_max", "body_bytes_max", "webhook_attempts_max")
        problems += [f"{name} must be at least 1" for name in positive if getattr(self, name) < 1]
        return problems
