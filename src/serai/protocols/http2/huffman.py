"""The static Huffman code of HPACK (RFC 7541, appendix B).

The code is canonical: among codes of one length the values rise with the symbols, and longer codes follow shorter ones.
So the lengths say all of it.
"""

_EOS = 256

# fmt: off
LENGTHS = (
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6,
    6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8,
    13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15,
    11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23,
    23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26,
    26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21,
    22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27,
    27, 26, 30,
)
# fmt: on
"""Bits of each symbol's code; the last is the end of a string."""


def codes() -> dict[tuple[int, int], int]:
    """(length, code) -> symbol."""
    found: dict[tuple[int, int], int] = {}
    code = before = 0
    for symbol in sorted(range(len(LENGTHS)), key=lambda symbol: (LENGTHS[symbol], symbol)):
        code <<= LENGTHS[symbol] - before
        before = LENGTHS[symbol]
        found[before, code] = symbol
        code += 1
    return found


_SYMBOLS = codes()
_SHORTEST = min(LENGTHS)
_STEPS: dict[int, tuple[bytes, int]] = {}
"""What a byte means behind bits that are not a whole code yet: the symbols that it completes, and the bits then left.
Filled as it is needed; a code's beginnings are few, so it stays below 65,536 entries. Bits are led by a one."""


def decode(data: bytes) -> bytes:
    """The string. ValueError if it is none: padding that is long or not of ones, or the end's own code in it."""
    parts: list[bytes] = []
    rest = 1
    for byte in data:
        place = rest << 8 | byte
        step = _STEPS.get(place)
        if step is None:
            step = _STEPS[place] = _step(place)
        symbols, rest = step
        parts.append(symbols)
    left = rest.bit_length() - 1
    if left >= 8 or rest != (2 << left) - 1:
        raise ValueError("a string is not padded with fewer than eight ones")
    return b"".join(parts)


def _step(place: int) -> tuple[bytes, int]:
    """The symbols that stand whole in some bits (led by a one), and the bits behind them."""
    left = place.bit_length() - 1
    text = bytearray()
    length = _SHORTEST
    while length <= left:
        code = (place >> (left - length)) & ((1 << length) - 1)
        symbol = _SYMBOLS.get((length, code))
        if symbol is None:
            length += 1
            continue
        if symbol == _EOS:
            raise ValueError("the end of a string stands inside it")
        text.append(symbol)
        left -= length
        length = _SHORTEST
    return bytes(text), 1 << left | place & ((1 << left) - 1)
