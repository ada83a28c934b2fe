"""A poster as it is sent: the movie's SVG with the letters of its own title, so that it looks alike everywhere.

An SVG in an <img> sees no font of the page. The few letters that a poster shows are cut out of our own font and
travel inside the picture: 6 KB instead of a title in whatever the reader's machine has.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape
from io import BytesIO
from textwrap import wrap

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from serai.web.fonts import SEMIBOLD

POSTERS_MAX = 256
"""Posters ready to be sent, in each web process."""

POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:"
"""Opened by itself, a poster is a document: one that somebody uploaded must not run anything."""

_TEXT = re.compile(r"<text\b.*?</text>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_OPENING = re.compile(r"<svg\b[^>]*>")


@dataclass(frozen=True, slots=True)
class Picture:
    """What is sent, and the name of exactly this content."""

    content: bytes
    etag: str


TITLE_CHARS = 14
"""About as many letters as fit a line of a plain poster."""


def plain(title: str) -> str:
    """A poster for a movie that has none: its title under a quiet screen."""
    lines = wrap(title, TITLE_CHARS)[:5] or [""]
    top = 540 - (len(lines) - 1) * 46
    spans = "".join(f'<tspan x="32" y="{top + place * 46}">{escape(line)}</tspan>' for place, line in enumerate(lines))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 600"><rect width="400" height="600" fill="#17302f"/>'
        '<path d="M60 70h280l60 330H0z" fill="#0c6672" opacity=".55"/><path d="M60 70h280v150H60z" fill="#e3f1f1"/>'
        '<circle cx="200" cy="330" r="9" fill="#d9902c"/><g fill="#faf7f2" font-family="Inter,Arial,sans-serif">'
        f'<text font-size="40" font-weight="600" letter-spacing="-.6">{spans}</text></g></svg>'
    )


@lru_cache(maxsize=POSTERS_MAX)
def drawn(svg: str) -> Picture:
    """The picture of a poster's SVG."""
    letters = {char for text in _TEXT.findall(svg) for char in unescape(_TAG.sub("", text))}
    opening = _OPENING.match(svg)
    if letters and opening:
        svg = f"{svg[: opening.end()]}<style>{_font_face(letters)}</style>{svg[opening.end() :]}"
    content = svg.encode()
    return Picture(content, f'"{hashlib.sha256(content).hexdigest()[:20]}"')


def _font_face(letters: set[str]) -> str:
    options = Options()
    options.flavor = "woff"
    options.layout_features = ["kern"]
    font = TTFont(SEMIBOLD)
    cut = Subsetter(options)
    cut.populate(text="".join(letters))
    cut.subset(font)
    font.flavor = "woff"
    file = BytesIO()
    font.save(file)
    data = base64.b64encode(file.getvalue()).decode()
    return f"@font-face{{font-family:Inter;font-weight:100 900;src:url(data:font/woff;base64,{data})}}"
