"""Stock's settings."""

from dataclasses import dataclass
from typing import ClassVar

from serai.runtime.settings import Settings, setting


@dataclass(frozen=True)
class StockSettings(Settings):
    """What an operator may tune."""

    room: ClassVar[str] = "stock"

    mail_every_s: int = setting(60, "How often new alerts are gathered into mails to their places.", unit="s")
    chain_every_s: int = setting(5, "How often new movements and changes are added to the chain of hashes.", unit="s")

    def problems(self) -> list[str]:
        """Pauses that cannot be."""
        found = []
        if not 1 <= self.mail_every_s <= 86_400:
            found.append(f"SERAI_STOCK_MAIL_EVERY_S is {self.mail_every_s}; choose 1 to 86400")
        if not 1 <= self.chain_every_s <= 3_600:
            found.append(f"SERAI_STOCK_CHAIN_EVERY_S is {self.chain_every_s}; choose 1 to 3600")
        return found
