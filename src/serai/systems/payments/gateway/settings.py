"""What an operator may set about the gateway, and every limit that keeps it bounded."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from serai.runtime.settings import Settings, setting

TEST_KEY = "sk_test_"
"""A key that starts so may also script faults and read the gateway's state."""


@dataclass(frozen=True)
class GatewaySettings(Settings):
    """One gateway. Who starts it fills in `directory`, `secret_keys` and the webhook."""

    room: ClassVar[str] = "gateway"

    directory: Path = setting(Path("gateway"), "Directory of the gateway's own SQLite file; one process holds it.")
    secret_keys: tuple[str, ...] = setting((), "Stripe-style secret keys (sk_test_…) that open its API.", secret=True)
    public_url: str = setting(
        "http://127.0.0.1:8426", "Where a buyer's browser reaches the gateway's authentication page."
    )
    webhook_url: str = setting("", "An endpoint that exists from the first start.", zero="none")
    webhook_secret: str = setting("", "What signs the events sent to webhook_url.", secret=True)
    webhook_events: tuple[str, ...] = setting(("*",), "Types of the events sent to webhook_url.")
    dashboard_open: bool = setting(False, "Whether the dashboard answers without a key; sensible on loopback only.")

    authorisation_s: int = setting(7 * 86_400, "Life of an uncaptured authorisation (Stripe: seven days).", unit="s")
    idempotency_keep_s: int = setting(86_400, "How long a key replays its first answer (Stripe: 24 h).", unit="s")
    events_keep_s: int = setting(30 * 86_400, "How long events can be read (Stripe: 30 days).", unit="s")
    sweep_interval_s: float = setting(5.0, "Time between looks for lapsed authorisations and old rows.", unit="s")
    sweep_rows_max: int = setting(500, "Rows of each kind that one sweep takes, so that payments never wait.")

    body_bytes_max: int = setting(65_536, "Longest request body.", unit="bytes")
    queue_max: int = setting(2_048, "Changes that may wait for the disk; one more is answered 429.", unit="changes")
    batch_max: int = setting(
        64, "Changes that share one fsync; more raise throughput and everybody's wait.", unit="changes"
    )
    hang_max_s: float = setting(
        120.0,
        "How long a scripted timeout keeps a client waiting; above the 80 s default of Stripe's clients.",
        unit="s",
    )
    faults_max: int = setting(100, "Fault scripts that may wait to be used up.", unit="scripts")

    endpoints_max: int = setting(16, "Webhook endpoints; every event is written once for each.", unit="endpoints")
    webhook_timeout_s: float = setting(10.0, "How long an endpoint may take to answer.", unit="s")
    webhook_attempts_max: int = setting(8, "Times an event is sent before it is given up.", unit="attempts")
    webhook_backoff_s: float = setting(0.5, "Wait after the first failed attempt; doubles with each.", unit="s")
    webhook_backoff_max_s: float = setting(60.0, "Longest wait between two attempts.", unit="s")
    webhook_poll_s: float = setting(0.5, "Time between looks for webhooks whose wait is over.", unit="s")
    webhook_concurrency_max: int = setting(16, "Webhooks under way at once.", unit="webhooks")
    webhook_late_s: float = setting(
        5.0, "How late a scripted late webhook is, and how long one that is to be overtaken waits at most.", unit="s"
    )

    def problems(self) -> list[str]:
        """Every problem at once, each a sentence; empty if it may start."""
        found = [f"gateway.secret_keys: {key[:8]}… must start with sk_" for key in self.secret_keys if key[:3] != "sk_"]
        if urlsplit(self.public_url).scheme not in {"http", "https"}:
            found.append(f"gateway.public_url: {self.public_url!r} is not an http or https URL")
        if bool(self.webhook_url) != bool(self.webhook_secret):
            found.append("gateway.webhook_url and gateway.webhook_secret go together: set both or none")
        at_least_1 = (
            "authorisation_s",
            "queue_max",
            "batch_max",
            "body_bytes_max",
            "endpoints_max",
            "webhook_attempts_max",
            "webhook_concurrency_max",
        )
        return found + [f"gateway.{name} must be at least 1" for name in at_least_1 if getattr(self, name) < 1]
