"""Cinema's settings."""

from dataclasses import dataclass
from typing import ClassVar

from serai.runtime.settings import Settings, setting


@dataclass(frozen=True)
class CinemaSettings(Settings):
    """What an operator may tune."""

    room: ClassVar[str] = "cinema"

    hold_ttl_s: int = setting(600, "How long chosen seats stay held before they are paid.", unit="s")
    holds_per_guest_max: int = setting(10, "Live holds that one guest cookie may have.", unit="holds")
    seats_per_hold_max: int = setting(10, "Seats in one hold.", unit="seats")
    payment_s: int = setting(120, "How long the seats stay at least while they are being paid.", unit="s")
    poll_ms: int = setting(250, "How often each web process looks for changed seat maps.", unit="ms")
    changeover_min: int = setting(15, "Between the end of a film and the next show on its screen.", unit="min")
    waiting_offer_ttl_s: int = setting(1800, "How long seats are kept for somebody on the waiting list.", unit="s")
    waiting_per_show_max: int = setting(1000, "Entries on the waiting list of one show.", unit="entries")
    orphan_rule: bool = setting(False, "Refuse a choice that leaves a single seat between taken ones.")

    def problems(self) -> list[str]:
        """Lives and counts that cannot be."""
        found = []
        if not 1 <= self.hold_ttl_s <= 3600:
            found.append(f"SERAI_CINEMA_HOLD_TTL_S is {self.hold_ttl_s}; choose 1 to 3600")
        if not 1 <= self.seats_per_hold_max <= 200:
            found.append(f"SERAI_CINEMA_SEATS_PER_HOLD_MAX is {self.seats_per_hold_max}; choose 1 to 200")
        if not 60 <= self.waiting_offer_ttl_s <= 3600:
            found.append(f"SERAI_CINEMA_WAITING_OFFER_TTL_S is {self.waiting_offer_ttl_s}; choose 60 to 3600")
        if not 0 <= self.changeover_min <= 240:
            found.append(f"SERAI_CINEMA_CHANGEOVER_MIN is {self.changeover_min}; choose 0 to 240")
        if self.waiting_per_show_max < 1:
            found.append(f"SERAI_CINEMA_WAITING_PER_SHOW_MAX is {self.waiting_per_show_max}; choose 1 or more")
        if self.poll_ms < 50:
            found.append(f"SERAI_CINEMA_POLL_MS is {self.poll_ms}; choose 50 or more")
        return found
