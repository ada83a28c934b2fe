"""Header lists as HPACK (RFC 7541): a decoder for what clients send, and an encoder that needs no memory.

It prevents a header block that is small on the wire from filling the memory, and a table that two ends see differently.
Clients of RPCs send the same few headers again and again: a block that changed nothing in the table is known by its
bytes until something does.
"""

from collections import deque

from serai.protocols.http2 import huffman
from serai.protocols.http2.errors import Code, ConnectionFault

Headers = tuple[tuple[bytes, bytes], ...]

TABLE_BYTES_MAX = 4096
"""Of the dynamic table: HPACK's default, which we do not change."""
ENTRY_OVERHEAD_BYTES = 32
LIST_BYTES_MAX = 64 * 1024
"""Of one decoded header list, with 32 bytes for each field, as SETTINGS_MAX_HEADER_LIST_SIZE counts."""
KNOWN_BLOCKS_MAX = 64
INTEGER_MAX = 1 << 28

STATIC: tuple[tuple[bytes, bytes], ...] = (
    (b"", b""),  # counted from 1
    (b":authority", b""), (b":method", b"GET"), (b":method", b"POST"), (b":path", b"/"), (b":path", b"/index.html"),
    (b":scheme", b"http"), (b":scheme", b"https"), (b":status", b"200"), (b":status", b"204"), (b":status", b"206"),
    (b":status", b"304"), (b":status", b"400"), (b":status", b"404"), (b":status", b"500"), (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"), (b"accept-language", b""), (b"accept-ranges", b""), (b"accept", b""),
    (b"access-control-allow-origin", b""), (b"age", b""), (b"allow", b""), (b"authorization", b""),
    (b"cache-control", b""), (b"content-disposition", b""), (b"content-encoding", b""), (b"content-language", b""),
    (b"content-length", b""), (b"content-location", b""), (b"content-range", b""), (b"content-type", b""),
    (b"cookie", b""), (b"date", b""), (b"etag", b""), (b"expect", b""), (b"expires", b""), (b"from", b""),
    (b"host", b""), (b"if-match", b""), (b"if-modified-since", b""), (b"if-none-match", b""), (b"if-range", b""),
    (b"if-unmodified-since", b""), (b"last-modified", b""), (b"link", b""), (b"location", b""), (b"max-forwards", b""),
    (b"proxy-authenticate", b""), (b"proxy-authorization", b""), (b"range", b""), (b"referer", b""), (b"refresh", b""),
    (b"retry-after", b""), (b"server", b""), (b"set-cookie", b""), (b"strict-transport-security", b""),
    (b"transfer-encoding", b""), (b"user-agent", b""), (b"vary", b""), (b"via", b""), (b"www-authenticate", b""),
)  # fmt: skip

_DYNAMIC = 0x80 | len(STATIC)
"""The first byte that is a field of the dynamic table."""
_STATIC_NAMES = {name: index for index, (name, _) in reversed(list(enumerate(STATIC))) if index}
_STATIC_FIELDS = {field: index for index, field in enumerate(STATIC) if index and field[1]}


class Decoder:
    """One connection's view of its client's table."""

    def __init__(self) -> None:
        self._dynamic: deque[tuple[bytes, bytes]] = deque()
        self._bytes = 0
        self._bytes_max = TABLE_BYTES_MAX
        self._known: dict[bytes, Headers] = {}
        """Blocks that changed nothing since the table last changed."""

    def decode(self, block: bytes) -> Headers:
        """The list, in its order. ConnectionFault: after a block that cannot be read, none can."""
        known = self._known.get(block)
        if known is not None:
            return known
        try:
            headers, changed = self._read(block)
        except (IndexError, ValueError) as error:
            raise ConnectionFault(Code.COMPRESSION_ERROR, f"a header block cannot be read: {error}") from error
        if changed or len(self._known) >= KNOWN_BLOCKS_MAX:
            self._known.clear()
        if not changed:
            self._known[block] = headers
        return headers

    def _read(self, block: bytes) -> tuple[Headers, bool]:
        fields: list[tuple[bytes, bytes]] = []
        at = size = 0
        changed = False
        while at < len(block):
            first = block[at]
            if 0x80 < first < 0xFF:  # most fields: known, by a number of one byte
                at += 1
                field = STATIC[first & 0x7F] if first < _DYNAMIC else self._dynamic[first - _DYNAMIC]
            elif first & 0x80:
                index, at = _integer(block, at, 7)
                field = self._field(index)
            elif first & 0xE0 == 0x20:
                if fields:
                    raise ValueError("the table's size changes behind a field")
                changed, at = True, self._resize(block, at)
                continue
            else:
                field, at = self._literal(block, at, 6 if first & 0x40 else 4)
                if first & 0x40:
                    changed = True
                    self._add(field)
            size += len(field[0]) + len(field[1]) + ENTRY_OVERHEAD_BYTES
            if size > LIST_BYTES_MAX:
                raise ConnectionFault(Code.ENHANCE_YOUR_CALM, f"a header list has more than {LIST_BYTES_MAX} bytes")
            fields.append(field)
        return tuple(fields), changed

    def _field(self, index: int) -> tuple[bytes, bytes]:
        if 0 < index < len(STATIC):
            return STATIC[index]
        if index == 0:
            raise ValueError("field 0 does not exist")
        return self._dynamic[index - len(STATIC)]

    def _literal(self, block: bytes, at: int, prefix: int) -> tuple[tuple[bytes, bytes], int]:
        index, at = _integer(block, at, prefix)
        if index:
            name = self._field(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        return (name, value), at

    def _resize(self, block: bytes, at: int) -> int:
        size, at = _integer(block, at, 5)
        if size > TABLE_BYTES_MAX:
            raise ValueError(f"a table of {size} bytes is more than the {TABLE_BYTES_MAX} that are allowed")
        self._bytes_max = size
        self._evict()
        return at

    def _add(self, field: tuple[bytes, bytes]) -> None:
        self._dynamic.appendleft(field)
        self._bytes += len(field[0]) + len(field[1]) + ENTRY_OVERHEAD_BYTES
        self._evict()

    def _evict(self) -> None:
        while self._bytes > self._bytes_max:
            name, value = self._dynamic.pop()
            self._bytes -= len(name) + len(value) + ENTRY_OVERHEAD_BYTES


def _integer(block: bytes, at: int, prefix: int) -> tuple[int, int]:
    """Section 5.1. An integer that goes on for ever is refused."""
    top = (1 << prefix) - 1
    value = block[at] & top
    at += 1
    if value < top:
        return value, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        shift += 7
        if value > INTEGER_MAX or shift > 35:
            raise ValueError("an integer is too large")
        if not byte & 0x80:
            return value, at


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    huffed = block[at] & 0x80
    length, at = _integer(block, at, 7)
    end = at + length
    if end > len(block):
        raise ValueError("a string ends behind its block")
    text = block[at:end]
    return (huffman.decode(text) if huffed else text), end


def encode(headers: Headers) -> bytes:
    """A block that says the same to every decoder, whatever came before: no field of it enters a table."""
    return b"".join([_encoded(name, value) for name, value in headers])


def _encoded(name: bytes, value: bytes) -> bytes:
    index = _STATIC_FIELDS.get((name, value))
    if index is not None:
        return bytes([0x80 | index])
    index = _STATIC_NAMES.get(name, 0)
    head = _integer_bytes(index, 4, 0)
    return head + (b"" if index else _string_bytes(name)) + _string_bytes(value)


def _string_bytes(text: bytes) -> bytes:
    return _integer_bytes(len(text), 7, 0) + text


def _integer_bytes(value: int, prefix: int, flags: int) -> bytes:
    top = (1 << prefix) - 1
    if value < top:
        return bytes([flags | value])
    parts = bytearray([flags | top])
    value -= top
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
