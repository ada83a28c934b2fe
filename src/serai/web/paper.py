"""Drawing on paper: text in any script, and codes of bars and squares, the same for tickets and labels.

A name in any script must not break a document, so letters that Inter lacks come from DejaVu, and what neither has is
drawn as a box. Codes are made of vectors: they stay sharp on any screen and printer.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.bidi import BidiParagraph

from serai.web.fonts import FALLBACK, REGULAR, SEMIBOLD

NO_GLYPH = "□"

Color = tuple[int, int, int]
INK: Color = (35, 30, 24)
MUTED: Color = (95, 86, 73)

POINT_MM = 0.3528
SIZE_MIN_PT = 6


@cache
def _letters(font: Path) -> frozenset[int]:
    """The code points that a font file can draw."""
    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


class Pen:
    """Draws on a document. Every text goes through `plain`, so that no letter can break it."""

    def __init__(self, pdf: FPDF, more_fonts: tuple[Path, ...] = ()) -> None:
        self.pdf = pdf
        self.fonts = (REGULAR, FALLBACK, *more_fonts)
        self.pdf.add_font("inter", "", REGULAR)
        self.pdf.add_font("inter", "B", SEMIBOLD)

    def take_fallbacks(self, texts: Iterable[str]) -> None:
        """Embeds further fonts if some text needs them, and only then: reading them costs more than a whole page."""
        needed = {ord(char) for text in texts for char in self.plain(text)} - _letters(REGULAR) - {10}
        names = []
        for place, font in enumerate(self.fonts[1:]):
            if needed & _letters(font):
                names.append(f"fallback{place}")
                self.pdf.add_font(names[-1], "", font)
        if names:
            self.pdf.set_fallback_fonts(names, exact_match=False)

    def line(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        width: float,
        bold: bool = False,
        color: Color = INK,
        align: str = "L",
    ) -> None:
        """One line; if it is too wide it shrinks a little, then loses its end."""
        plain = self.plain(text)
        style = "B" if bold else ""
        self.pdf.set_font("inter", style, size)
        while size > SIZE_MIN_PT and self.pdf.get_string_width(plain) > width:
            size -= 0.5
            self.pdf.set_font("inter", style, size)
        while len(plain) > 2 and self.pdf.get_string_width(plain) > width:
            plain = plain[:-2] + "…"
        self.pdf.set_text_color(*color)
        self.pdf.set_xy(x, y)
        self.pdf.cell(width, size * POINT_MM * 1.2, plain, align=align)

    def squares(self, matrix: Sequence[Sequence[bool]], left: float, top: float, size: float) -> None:
        """A code of squares `size` wide, as one filled rectangle for each run of dark modules."""
        module = size / len(matrix)
        self.pdf.set_fill_color(0, 0, 0)
        for number, row in enumerate(matrix):
            # A hair taller than a module: neighbours overlap, so no viewer shows a white seam between rows.
            for start, width in _runs(row):
                self.pdf.rect(left + start * module, top + number * module, width * module, module * 1.02, style="F")

    def bars(self, modules: str, left: float, top: float, module: float, height: float) -> None:
        """A code of bars, '1' for a dark module, each `module` wide."""
        self.pdf.set_fill_color(0, 0, 0)
        for start, width in _runs([each == "1" for each in modules]):
            self.pdf.rect(left + start * module, top, width * module, height, style="F")

    def plain(self, text: str) -> str:
        """The text as our fonts can draw it, in the order in which it is drawn."""
        visible = (
            char for char in unicodedata.normalize("NFC", text) if unicodedata.category(char)[0] != "C" or char == "\n"
        )
        drawn = "".join(char if self._covers(char) else NO_GLYPH for char in visible)
        if any(unicodedata.bidirectional(char) in {"R", "AL"} for char in drawn):
            drawn = BidiParagraph(text=drawn).get_reordered_string()
        return drawn

    def _covers(self, char: str) -> bool:
        return char.isspace() or any(ord(char) in _letters(font) for font in self.fonts)


def _runs(row: Sequence[bool]) -> list[tuple[int, int]]:
    """(start, width) of each run of dark modules."""
    found, place = [], 0
    for dark, run in groupby(row):
        width = len(list(run))
        if dark:
            found.append((place, width))
        place += width
    return found
