"""A token as a QR symbol: for a page as SVG, for the PDF as a matrix.

Tokens are upper-case letters and digits, so QR packs them in alphanumeric mode: version 6 (41 by 41 modules) at error
correction M, which reads through a fold or a finger mark on 15 % of the symbol.
"""

import segno

BORDER_MODULES = 4
"""The quiet zone that ISO/IEC 18004 asks for."""


def qr_code(token: str) -> segno.QRCode:
    """The symbol, at error correction M."""
    return segno.make_qr(token, error="m", boost_error=False)


def qr_matrix(token: str) -> tuple[tuple[bool, ...], ...]:
    """Rows of modules without the quiet zone; True is dark."""
    return tuple(tuple(bool(module) for module in row) for row in qr_code(token).matrix)


def qr_svg(token: str, *, title: str = "Ticket") -> str:
    """An inline SVG with its quiet zone, black on white in any colour scheme, so that every scanner reads it."""
    svg = qr_code(token).svg_inline(
        scale=4,
        border=BORDER_MODULES,
        dark="#000",
        light="#fff",
        omitsize=True,
        title=title,
        svgclass="qr",
        lineclass=None,
    )
    return svg.replace("<svg ", '<svg role="img" ', 1)
