"""The settings of simcards."""

from dataclasses import dataclass
from typing import ClassVar

from serai.runtime.settings import Settings, setting


@dataclass(frozen=True)
class SimcardsSettings(Settings):
    """What an operator may tune."""

    room: ClassVar[str] = "simcards"

    hold_ttl_s: int = setting(600, "How long a number stays held before it is paid.", unit="s")
    holds_per_guest_max: int = setting(5, "Live holds that one guest cookie may have.", unit="holds")
    payment_s: int = setting(120, "How long the number stays at least while it is being paid.", unit="s")
    candidate_ttl_s: int = setting(600, "How long a number that was found can be held by its candidate.", unit="s")
    candidates_max: int = setting(10, "Masked numbers that one search shows.", unit="numbers")
    candidates_per_day_max: int = setting(100, "Masked numbers that one caller is shown a day.", unit="numbers")
    numbers_per_day_max: int = setting(
        20, "Whole numbers that one caller is shown a day, by holding them.", unit="numbers"
    )
    address_factor: int = setting(5, "How many times a caller's daily numbers all guests of one address may see.")
    quarantine_days: int = setting(90, "How long a returned number rests, where its pool does not say.", unit="d")

    def problems(self) -> list[str]:
        """Lives and counts that cannot be."""
        found = []
        if not 1 <= self.hold_ttl_s <= 3600:
            found.append(f"SERAI_SIMCARDS_HOLD_TTL_S is {self.hold_ttl_s}; choose 1 to 3600")
        if not 1 <= self.candidates_max <= 50:
            found.append(f"SERAI_SIMCARDS_CANDIDATES_MAX is {self.candidates_max}; choose 1 to 50")
        if self.quarantine_days < 0:
            found.append(f"SERAI_SIMCARDS_QUARANTINE_DAYS is {self.quarantine_days}; choose 0 or more")
        if self.address_factor < 1:
            found.append(f"SERAI_SIMCARDS_ADDRESS_FACTOR is {self.address_factor}; choose 1 or more")
        return found
