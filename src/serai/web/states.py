"""How a state looks: a tone and an icon of its own, so that it is never told by colour alone (WCAG 1.4.1)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """A tone of the tokens (ok, warn, bad, info, plain) and an icon of the sprite."""

    tone: str
    icon: str


OK = Look("ok", "circle-check")
WAITING = Look("warn", "hourglass")
WORKING = Look("info", "circle-dot")
OVER = Look("plain", "circle-dashed")
FAILED = Look("bad", "circle-x")
CARE = Look("warn", "triangle-alert")

LOOKS = {
    **dict.fromkeys(
        (
            "ready",
            "active",
            "confirmed",
            "captured",
            "succeeded",
            "sent",
            "available",
            "valid",
            "received",
            "approved",
            "cleared",
        ),
        OK,
    ),
    **dict.fromkeys(
        ("starting", "held", "pending", "waiting", "scheduled", "offered", "raised", "submitted", "requested"), WAITING
    ),
    **dict.fromkeys(
        (
            "paying",
            "authorised",
            "running",
            "processing",
            "open",
            "acknowledged",
            "counting",
            "dispatched",
            "partly_received",
            "accepted",
        ),
        WORKING,
    ),
    **dict.fromkeys(("expired", "released", "cancelled", "revoked", "refunded", "closed", "blocked", "voided"), OVER),
    **dict.fromkeys(("down", "failed", "declined", "dead", "refused", "rejected"), FAILED),
    **dict.fromkeys(("unknown", "retrying", "degraded", "disputed", "discrepant"), CARE),
    **dict.fromkeys(("returned", "ported_out", "retired", "withdrawn", "planned"), OVER),
    "completed": OK,
    "sold": Look("info", "shield-check"),
    "quarantine": Look("warn", "moon"),
    "booked": Look("info", "ticket"),
    "used": Look("info", "scan-line"),
    "ordered": Look("ok", "send"),
    "draft": Look("plain", "file-text"),
}
"""State words of all systems. A word that is missing here looks plain until somebody decides how it should look."""

UNDECIDED = Look("plain", "circle-dot")


def look(state: str) -> Look:
    """The look of the state named `state`."""
    return LOOKS.get(state, UNDECIDED)
