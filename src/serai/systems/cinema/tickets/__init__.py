"""Tickets at the door: signed tokens, their QR, the decision to admit, and doors without a network.

`token` signs and verifies, `qr` draws, `checkin` decides, `offline` carries decisions to a door and its scans back.
"""

from serai.systems.cinema.tickets.checkin import Decision, Outcome, TicketState, Use, decide
from serai.systems.cinema.tickets.offline import (
    Bundle,
    Conflict,
    InvalidBundle,
    Merged,
    Revocations,
    Scan,
    decide_offline,
    merge,
)
from serai.systems.cinema.tickets.qr import qr_code, qr_matrix, qr_svg
from serai.systems.cinema.tickets.token import Checked, PublicKey, Ticket, TicketKey, Verification, verify

__all__ = [
    "Bundle",
    "Checked",
    "Conflict",
    "Decision",
    "InvalidBundle",
    "Merged",
    "Outcome",
    "PublicKey",
    "Revocations",
    "Scan",
    "Ticket",
    "TicketKey",
    "TicketState",
    "Use",
    "Verification",
    "decide",
    "decide_offline",
    "merge",
    "qr_code",
    "qr_matrix",
    "qr_svg",
    "verify",
]
