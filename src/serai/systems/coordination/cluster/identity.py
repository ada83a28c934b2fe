"""Who a member is. Ids follow from where the members of a new cluster are said to be, as etcd derives them, so that all
of them come to the same without asking each other; then they stay for ever.

It prevents a member that forgets who it was (the file is written before anything is promised), and a data directory
that is started as a member of another cluster.
"""

from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from serai.kernel.errors import Misconfigured
from serai.runtime.files import write_atomic
from serai.runtime.machines.peers import Address
from serai.systems.coordination.state.words import MemberInfo

FILE, KEYS, LOG = "member.json", "keys", "log"
"""What a data directory holds: who the member is, what is applied, and what that follows from."""
PEER_PORT = 2380


class IdentityDamaged(Misconfigured):
    """The file that says who the member is cannot be read."""

    code = "coordination_identity_damaged"


class WrongDirectory(Misconfigured):
    """The data directory is another member's, or nobody's."""

    code = "coordination_wrong_directory"


class BadUrl(Misconfigured):
    """An address that is none."""

    code = "coordination_bad_url"


class Identity(msgspec.Struct, frozen=True):
    """What the file says. `initial` are the first members of a cluster that this one helped to found; empty for one
    that joined."""

    cluster_id: int
    member_id: int
    name: str
    known: tuple[MemberInfo, ...]
    """Members and their addresses when it started first: how to find the others before the log says so."""
    founder: bool


def consensus_name(member: int) -> str:
    """How a member is called among those that agree."""
    return f"{member:016x}"


def member_of(name: str) -> int:
    """The other way round."""
    return int(name, 16)


def member_id(peer_urls: Sequence[str], token: str, made_s: int | None = None) -> int:
    """Of a member at these addresses; one that comes later is told apart by the second in which it was added."""
    said = "".join(sorted(peer_urls)) + token + ("" if made_s is None else str(made_s))
    return int.from_bytes(sha1(said.encode(), usedforsecurity=False).digest()[:8])


def cluster_id(members: Sequence[int]) -> int:
    """Of a cluster that these found."""
    said = b"".join([number.to_bytes(8) for number in sorted(members)])
    return int.from_bytes(sha1(said, usedforsecurity=False).digest()[:8])


def founded(name: str, initial: Sequence[tuple[str, str]], token: str) -> Identity:
    """As one of the first members: `initial` has each one's name and peer URL. Misconfigured."""
    urls: dict[str, list[str]] = {}
    for one, url in initial:
        urls.setdefault(one, []).append(url)
    if name not in urls:
        raise Misconfigured(f"--initial names {', '.join(urls)} and not {name!r}; add this member, or correct --name.")
    members = tuple([MemberInfo(member_id(where, token), one, tuple(where)) for one, where in urls.items()])
    if len({member.id for member in members}) < len(members):
        raise Misconfigured("--initial gives two members the same address; each needs its own.")
    own = next(member.id for member in members if member.name == name)
    return Identity(cluster_id([member.id for member in members]), own, name, members, founder=True)


def require_untouched(data: Path) -> None:
    """Nobody has begun anything in a directory. WrongDirectory."""
    for name in (FILE, KEYS, LOG):
        if (data / name).exists():
            raise WrongDirectory(
                f"{data} is not empty: it has {name}. Choose another directory; if that is what a restore or a lost"
                f" {FILE} left, empty it first."
            )


def require_same(data: Path, known: Identity, name: str, initial: Sequence[tuple[str, str]]) -> None:
    """A directory is that of the member that is to be started. `initial` as in `founded`, or empty. WrongDirectory."""
    if name != known.name:
        raise WrongDirectory(f"{data} is that of member {known.name!r} and not {name!r}; correct --name or --data.")
    if not initial:
        return
    first = {(member.name, url) for member in known.known for url in member.peer_urls} if known.founder else set()
    if first != set(initial):
        words = ",".join([f"{one}={url}" for one, url in sorted(first)]) or "none: it joined one that existed"
        raise WrongDirectory(f"{data} is of another cluster than --initial says (its first members: {words}).")


def read_identity(data: Path) -> Identity | None:
    """Of an earlier start; None at the first. IdentityDamaged."""
    path = data / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError) as error:
        raise IdentityDamaged(f"{path} cannot be read ({error}); restore it from a backup of the directory.") from error


def keep_identity(data: Path, identity: Identity) -> None:
    """For every later start. Misconfigured."""
    path = data / FILE
    try:
        write_atomic(path, msgspec.json.format(msgspec.json.encode(identity)), mode=0o600)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Misconfigured(
            f"{path} cannot be written ({reason}); make room there, or choose another --data."
        ) from error


def address_of(url: str) -> Address:
    """Where a peer URL leads. BadUrl."""
    try:
        parts = urlsplit(url)
        port = parts.port or PEER_PORT
    except ValueError as error:
        raise BadUrl(f"{url!r} is not a peer URL ({error}); write http://host:port.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise BadUrl(f"{url!r} is not a peer URL; write http://host:port.")
    return Address(parts.hostname, port)
