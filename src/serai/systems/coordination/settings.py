"""What an operator may set about a member of coordination, and every limit that keeps it bounded."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from serai.kernel.errors import Misconfigured
from serai.runtime.settings import Settings, setting

MIB = 1024 * 1024


@dataclass(frozen=True)
class CoordinationSettings(Settings):
    """One member. The command line fills in name, data and ports."""

    room: ClassVar[str] = "coordination"

    name: str = setting("default", "The member's name for people; each of a cluster has its own.")
    data: Path = setting(Path("default.serai"), "Directory of the member's log and keys; one process holds it.")
    host: str = setting("127.0.0.1", "Address that clients are served on.")
    port: int = setting(2379, "Port for clients: gRPC, the JSON gateway, /health and /metrics.", unit="port")
    peer_host: str = setting("127.0.0.1", "Address that the other members are served on.")
    peer_port: int = setting(2380, "Port for the other members.", unit="port")
    advertise: str = setting("", "Host name under which clients and members reach this one.", zero="host")
    initial: str = setting("", "Members of a new cluster, as name=host:port,...", zero="this one alone")
    join: str = setting("", "Client address (host:port or URL) of a member whose cluster this one was added to.")
    token: str = setting("serai-cluster", "Tells clusters at the same addresses apart when they are founded.")

    heartbeat_s: float = setting(0.1, "How often a leader is heard; about ten round trips of the network.", unit="s")
    election_s: float = setting(1.0, "Silence after which members elect another leader; ten heartbeats.", unit="s")
    request_timeout_s: float = setting(7.0, "Longest time a request waits for a leader and a majority.", unit="s")
    quota_bytes: int = setting(
        8 * 1024 * MIB, "Size of the keys at which writes are refused.", unit="bytes", zero="none"
    )
    disk_free_min_bytes: int = setting(256 * MIB, "Free disk below which writes are refused.", unit="bytes")
    disk_reserve_bytes: int = setting(
        32 * MIB, "Room held by a file, let go on a full disk for what must be written.", unit="bytes", zero="none"
    )
    request_bytes_max: int = setting(3 * MIB // 2, "Longest request, as etcd's default.", unit="bytes")
    token_ttl_s: int = setting(
        3600, "How long a sign-in lasts; using it does not make it longer, unlike etcd's 300 s.", unit="s"
    )
    progress_every_s: float = setting(600.0, "How often watches that ask for it are told how far they are.", unit="s")
    snapshot_every_bytes: int = setting(
        64 * MIB, "Log after which a snapshot is made: less restarts sooner, more writes less.", unit="bytes"
    )

    certificate: str = setting("", "PEM file with the certificate for clients; with `key` it turns TLS on.")
    key: str = setting("", "PEM file with its key.")
    client_authority: str = setting("", "PEM file with the authority of clients' certificates, which they then need.")
    peer_certificate: str = setting("", "PEM file with the certificate among members; turns TLS on there.")
    peer_key: str = setting("", "PEM file with its key.")
    peer_authority: str = setting("", "PEM file with the authority of members' certificates.")

    def problems(self) -> list[str]:
        """What cannot be used together."""
        found = []
        if bool(self.certificate) != bool(self.key):
            found.append("SERAI_COORDINATION_CERTIFICATE and _KEY go together: set both or none")
        if self.client_authority and not self.certificate:
            found.append("SERAI_COORDINATION_CLIENT_AUTHORITY needs _CERTIFICATE and _KEY")
        parts = (self.peer_certificate, self.peer_key, self.peer_authority)
        if any(parts) and not all(parts):
            found.append("SERAI_COORDINATION_PEER_CERTIFICATE, _PEER_KEY and _PEER_AUTHORITY go together")
        if self.initial and self.join:
            found.append("--initial founds a cluster and --join enters one: give one of them")
        if self.election_s < 3 * self.heartbeat_s:
            found.append(f"election_s ({self.election_s}) must be at least three times heartbeat_s")
        return found

    def founders(self) -> list[tuple[str, str]]:
        """Name and peer URL of the members of a new cluster. Misconfigured."""
        if not self.initial:
            return [(self.name, self.peer_url)]
        scheme = "https" if self.peer_certificate else "http"
        found = []
        for part in self.initial.split(","):
            name, _, where = part.strip().partition("=")
            if not name or not where:
                raise Misconfigured(f"--initial has {part!r}; write name=host:port,name=host:port.")
            found.append((name, where if "://" in where else f"{scheme}://{where}"))
        return found

    @property
    def join_url(self) -> str:
        """Where the cluster is asked for its members."""
        scheme = "https" if self.certificate else "http"
        return self.join if "://" in self.join else f"{scheme}://{self.join}"

    @property
    def message_bytes_max(self) -> int:
        """Of one message of a client: a request, and what it says beside keys and values."""
        return self.request_bytes_max + MIB // 2

    @property
    def client_url(self) -> str:
        """Under which clients reach this member."""
        return f"{'https' if self.certificate else 'http'}://{self.advertise or self.host}:{self.port}"

    @property
    def peer_url(self) -> str:
        """Under which members reach this member."""
        scheme = "https" if self.peer_certificate else "http"
        return f"{scheme}://{self.advertise or self.peer_host}:{self.peer_port}"
