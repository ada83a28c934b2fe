"""The static Huffman code of HPACK (RFC 7541, appendix B).

The code is canonical: among codes of one length the values rise with the symbols, and longer codes follow shorter ones.
So the lengths say all of it.
"""

from functools import lru_cache

_EOS = 256
_PEEK_BITS = 8
"""Codes up to this length are found at once: all of letters, digits and most signs."""

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
_PEEK: list[tuple[int, int] | None] = [None] * (1 << _PEEK_BITS)
"""By the next eight bits: (symbol, length), where the code is that short."""

for (_length, _code), _symbol in _SYMBOLS.items():
    if _length <= _PEEK_BITS:
        _first = _code << (_PEEK_BITS - _length)
        _PEEK[_first : _first + (1 << (_PEEK_BITS - _length))] = [(_symbol, _length)] * (1 << (_PEEK_BITS - _length))


@lru_cache(maxsize=4096)
def decode(data: bytes) -> bytes:
    """The string. ValueError if it is none: padding that is long or not of ones, or the end's own code in it."""
    bits = len(data) * 8
    number = int.from_bytes(data) << _PEEK_BITS | ((1 << _PEEK_BITS) - 1)
    text = bytearray()
    left = bits
    while left > 0:
        found = _PEEK[(number >> left) & 0xFF] or _long(number, left)
        if found is None or found[1] > left:
            break
        if found[0] == _EOS:
            raise ValueError("the end of a string stands inside it")
        text.append(found[0])
        left -= found[1]
    padding = (number >> _PEEK_BITS) & ((1 << left) - 1)
    if left >= _PEEK_BITS or padding != (1 << left) - 1:
        raise ValueError("a string is not padded with fewer than eight ones")
    return bytes(text)


def _long(number: int, left: int) -> tuple[int, int] | None:
    for length in range(_PEEK_BITS + 1, min(left, max(LENGTHS)) + 1):
        code = (number >> (left + _PEEK_BITS - length)) & ((1 << length) - 1)
        symbol = _SYMBOLS.get((length, code))
        if symbol is not None:
            return symbol, length
    return None
