"""Doors without a network: what they take along, how they decide, and what comes of their scans afterwards.

A door that is cut off holds the public keys and a snapshot of the revoked serials, and remembers its own scans. It can
refuse forged, foreign, cancelled and twice shown tickets, but two cut-off doors can each admit the same ticket once.
That cannot be prevented, so it must not be hidden: `merge` gives the same admissions whatever order the devices come
back in, and reports every later admission as a conflict.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from struct import Struct
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.systems.cinema.tickets.checkin import Decision, TicketState, Use, decide
from serai.systems.cinema.tickets.token import SERIAL_MAX, PublicKey, verify

REVOKED_MAX = 1_000_000
KEYS_MAX = 64
BUNDLE_BYTES_MAX = 16 * 1024 * 1024

_MAGIC = b"SRB1"
_HEAD = Struct(">4sQQHI")
"""Format, version of the snapshot, when it was taken (seconds since 1970), number of keys, number of serials."""
_KEY = Struct(">H32s")


class InvalidBundle(Invalid):
    """The bytes are not a bundle for a door; load it again."""

    code = "invalid_bundle"
    title = "The door's list cannot be read"


@dataclass(frozen=True, slots=True)
class Revocations:
    """Serials that must not enter, as of one moment. A higher version knows all that a lower one knew, and more."""

    version: int
    taken_at: datetime
    serials: frozenset[int]

    def state(self, serial: int) -> TicketState:
        """What this snapshot says of a serial."""
        return TicketState.REVOKED if serial in self.serials else TicketState.VALID


@dataclass(frozen=True, slots=True)
class Bundle:
    """All that a door takes along. It holds no secret: public keys and numbers."""

    keys: Mapping[int, PublicKey]
    revocations: Revocations

    def encode(self) -> bytes:
        """As bytes: sorted serials as deltas of 7 bits a byte (LEB128), all of it deflated."""
        serials = sorted(self.revocations.serials)
        assert len(serials) <= REVOKED_MAX and len(self.keys) <= KEYS_MAX, "more than a bundle may hold"
        taken_s = int(self.revocations.taken_at.timestamp())
        head = _HEAD.pack(_MAGIC, self.revocations.version, taken_s, len(self.keys), len(serials))
        keys = b"".join(_KEY.pack(key.id, key.raw) for _, key in sorted(self.keys.items()))
        deltas = (serial - before for before, serial in zip([0, *serials], serials, strict=False))
        return head + zlib.compress(keys + b"".join(map(_varint, deltas)), 9)

    @classmethod
    def decode(cls, raw: bytes) -> "Bundle":
        """The bundle that `encode` wrote. Raises InvalidBundle for anything else, without reading past its limits."""
        if len(raw) < _HEAD.size:
            raise InvalidBundle(f"A bundle has at least {_HEAD.size} bytes; this has {len(raw)}.")
        magic, version, taken_s, keys, serials = _HEAD.unpack_from(raw)
        if magic != _MAGIC or keys > KEYS_MAX or serials > REVOKED_MAX or taken_s >= 2**36:
            raise InvalidBundle("This is not a bundle of this version of Serai; load it again from the server.")
        body = _inflated(raw[_HEAD.size :])
        if len(body) < keys * _KEY.size:
            raise InvalidBundle("The bundle is cut off; load it again from the server.")
        found = {number: PublicKey(number, key) for number, key in _KEY.iter_unpack(body[: keys * _KEY.size])}
        listed = _serials(body[keys * _KEY.size :], serials)
        if len(found) != keys or len(listed) != serials:
            raise InvalidBundle("The bundle is cut off or damaged; load it again from the server.")
        return cls(found, Revocations(version, datetime.fromtimestamp(taken_s, UTC), frozenset(listed)))


def _inflated(raw: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(raw, BUNDLE_BYTES_MAX)
    except zlib.error as error:
        raise InvalidBundle(f"The bundle is damaged ({error}); load it again from the server.") from error
    if not inflater.eof or inflater.unused_data:
        raise InvalidBundle("The bundle is cut off or too large; load it again from the server.")
    return body


def _varint(value: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first, the top bit set on all but the last."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _serials(raw: bytes, most: int) -> list[int]:
    """Ascending serials from deltas; stops at the first thing that no encoder writes."""
    found: list[int] = []
    serial = shift = value = 0
    for byte in raw:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte & 0x80 and shift < 49:
            continue
        serial += value
        if serial > SERIAL_MAX or len(found) == most or byte & 0x80:
            return []
        found.append(serial)
        shift = value = 0
    return [] if shift else found


@dataclass(frozen=True, slots=True)
class Scan:
    """One admission at a door. `nonce` is the device's own random text for this scan; `at` is the device's clock."""

    serial: int
    device: str
    nonce: str
    at: datetime

    def order(self) -> tuple[datetime, str, str]:
        """Earlier first; equal times are settled by the device and the nonce, so that everyone settles them alike."""
        return self.at, self.device, self.nonce


def decide_offline(
    token: str, bundle: Bundle, *, show_id: UUID, at: datetime, admitted: Mapping[int, Scan], nonce: str
) -> tuple[Decision, int | None]:
    """A cut-off door's decision on a token, and the serial to remember if it admits.

    `admitted` holds the door's own admissions by serial. The answer can be wrong only in two ways: cancelled after the
    snapshot, or admitted at another door meanwhile; `merge` finds both.
    """
    checked = verify(token, bundle.keys, show_id=show_id, at=at)
    if checked.ticket is None:
        return decide(checked.verification, TicketState.UNKNOWN, Use.FRESH), None
    serial = checked.ticket.serial
    decision = decide(checked.verification, bundle.revocations.state(serial), use_of(serial, nonce, admitted))
    return decision, serial if decision.admitted else None


def use_of(serial: int, nonce: str, admitted: Mapping[int, Scan]) -> Use:
    """What earlier admissions say of this scan."""
    if serial in admitted:
        return Use.SAME_SCAN if admitted[serial].nonce == nonce else Use.OTHER_SCAN
    return Use.NONCE_TAKEN if any(scan.nonce == nonce for scan in admitted.values()) else Use.FRESH


@dataclass(frozen=True, slots=True)
class Conflict:
    """An admission that should not have been. `first` is the rightful one; None: revoked by then."""

    reason: str
    scan: Scan
    first: Scan | None


@dataclass(frozen=True, slots=True)
class Merged:
    """The rightful admission of each serial, the scans that were not known before, and what must be looked at."""

    admissions: Mapping[int, Scan]
    new: tuple[Scan, ...]
    conflicts: tuple[Conflict, ...]


def merge(known: Iterable[Scan], uploaded: Iterable[Scan], revoked_at: Mapping[int, datetime]) -> Merged:
    """Joins scans that came late with those on record; uploading twice, or in another order, changes nothing.

    Per serial the earliest scan before its revocation is the rightful admission. Every other is a conflict:
    `double_admission` (two devices, or one device twice, let somebody in) or `revoked` (let in after cancellation).
    A scan is one (device, nonce, serial); a device that sends it twice with different times keeps the earlier.
    """
    before = list(known)
    recorded = {(scan.device, scan.nonce, scan.serial) for scan in before}
    every: dict[tuple[str, str, int], Scan] = {}
    for scan in sorted([*before, *uploaded], key=Scan.order):
        every.setdefault((scan.device, scan.nonce, scan.serial), scan)
    by_serial: dict[int, list[Scan]] = defaultdict(list)
    for scan in every.values():
        by_serial[scan.serial].append(scan)
    admissions: dict[int, Scan] = {}
    conflicts: list[Conflict] = []
    for serial, scans in sorted(by_serial.items()):
        late = [scan for scan in scans if serial in revoked_at and scan.at >= revoked_at[serial]]
        conflicts += [Conflict("revoked", scan, None) for scan in late]
        timely = scans[: len(scans) - len(late)]
        if timely:
            admissions[serial] = timely[0]
            conflicts += [Conflict("double_admission", scan, timely[0]) for scan in timely[1:]]
    new = tuple(scan for key, scan in every.items() if key not in recorded)
    return Merged(admissions, new, tuple(conflicts))
