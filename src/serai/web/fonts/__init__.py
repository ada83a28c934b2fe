"""The fonts that travel inside documents and pictures; pages bring their own as web fonts."""

from pathlib import Path

FONTS = Path(__file__).parent
REGULAR = FONTS / "Inter-Regular.ttf"
SEMIBOLD = FONTS / "Inter-SemiBold.ttf"
FALLBACK = FONTS / "DejaVuSans.ttf"
