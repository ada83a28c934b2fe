"""Settings: one frozen dataclass per room, every field documented, every value traceable to where it came from.

Sources, strongest first: command line, environment (`SERAI_CINEMA_HOLD_TTL_S`), `serai.toml` (`[cinema] hold_ttl_s`),
default. All problems are reported at once, so that an operator mends a configuration in one round.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from serai.kernel.errors import Misconfigured

S = TypeVar("S", bound="Settings")


def setting(default: Any, doc: str, *, unit: str = "", secret: bool = False, zero: str = "") -> Any:
    """A field of a settings class: what it means, its unit, the effect of zero, and whether it must stay hidden."""
    return field(default=default, metadata={"doc": doc, "unit": unit, "secret": secret, "zero": zero})


@dataclass(frozen=True)
class Settings:
    """Base of every room's settings. `room` prefixes the names; the runtime's own have no prefix."""

    room: ClassVar[str] = ""

    def problems(self) -> list[str]:
        """What is wrong with these values, a sentence each; empty when they can be used together."""
        return []


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value in force came from: 'default', 'environment SERAI_PORT', 'serai.toml', 'command line'."""

    name: str
    value: str
    source: str
    doc: str
    unit: str


class Configuration:
    """Every room's settings in force, and where each value came from."""

    def __init__(
        self,
        command_line: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        file: Path | None = None,
    ) -> None:
        self._command_line = {key: value for key, value in (command_line or {}).items() if value is not None}
        self._environment = os.environ if environment is None else environment
        self._file = _read_toml(file) if file else {}
        self._loaded: dict[type[Settings], Settings] = {}
        self.origins: list[Origin] = []

    def get(self, room: type[S]) -> S:
        """The room's settings; raises Misconfigured with every problem in one message."""
        if room not in self._loaded:
            self._loaded[room] = self._load(room)
        loaded = self._loaded[room]
        assert isinstance(loaded, room)
        return loaded

    def _load(self, room: type[S]) -> S:
        hints = get_type_hints(room)
        values: dict[str, Any] = {}
        problems: list[str] = []
        for item in fields(room):
            raw, source = self._find(room.room, item.name, item.default)
            try:
                values[item.name] = raw if source == "default" else _coerce(raw, hints[item.name])
            except ValueError as error:
                problems.append(f"{_variable(room.room, item.name)} (from {source}): {error}")
                continue
            shown = "(hidden)" if item.metadata.get("secret") and values[item.name] else str(values[item.name])
            name = f"{room.room}.{item.name}" if room.room else item.name
            self.origins.append(Origin(name, shown, source, item.metadata["doc"], item.metadata["unit"]))
        if not problems:
            made = room(**values)
            problems = made.problems()
        if problems:
            raise Misconfigured("; ".join(problems))
        return made

    def _find(self, room: str, name: str, default: Any) -> tuple[Any, str]:
        key = f"{room}_{name}" if room else name
        if key in self._command_line:
            return self._command_line[key], "command line"
        variable = _variable(room, name)
        if variable in self._environment:
            return self._environment[variable], f"environment {variable}"
        table = self._file.get(room, {}) if room else self._file
        if isinstance(table, dict) and name in table:
            return table[name], "serai.toml"
        return default, "default"


def _variable(room: str, name: str) -> str:
    return f"SERAI_{room}_{name}".upper() if room else f"SERAI_{name}".upper()


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{path} is not valid TOML: {error}") from error


def _coerce(raw: object, hint: Any) -> Any:
    """`raw` as the type that the field declares; a ValueError says what was expected."""
    if get_origin(hint) is UnionType:
        if raw in ("", None):
            return None
        hint = next(kind for kind in get_args(hint) if kind is not NoneType)
    if hint is bool:
        return _boolean(raw)
    if get_origin(hint) is tuple:
        items = raw.split(",") if isinstance(raw, str) else raw
        return tuple(str(item).strip() for item in items if str(item).strip())  # type: ignore[attr-defined]  # a list, from TOML
    if hint is Path:
        return Path(str(raw)).expanduser()
    try:
        return hint(raw)
    except (TypeError, ValueError):
        raise ValueError(f"expected {hint.__name__}, got {raw!r}") from None


def _boolean(raw: object) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    word = str(raw).lower()
    if word not in words:
        raise ValueError(f"expected true or false, got {raw!r}")
    return words[word]


def _default_data() -> Path:
    return Path("/var/lib/serai") if os.geteuid() == 0 else Path.home() / ".serai"


def _is_local(host: str) -> bool:
    """Whether `host` is this machine's loopback, by name or number; any other name may lead anywhere."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class RuntimeSettings(Settings):
    """What every process needs: where data lives, where to listen, which engines to use."""

    data: Path = setting(_default_data(), "Directory of everything that Serai keeps; one folder per child.")
    host: str = setting("127.0.0.1", "Address that the web server listens on; anything else needs TLS in front.")
    port: int = setting(8420, "Port of the web server; the other children use the ports above it.", unit="port")
    workers: int = setting(0, "Web processes.", unit="processes", zero="one per core")
    systems: tuple[str, ...] = setting((), "Systems to run; those that they need come along.", zero="all")
    demo: bool = setting(True, "Load believable data at the first start, and keep it ahead of the calendar.")
    site_tenant: str = setting("serai-demo", "Slug of the organisation whose site guests see.")
    allow_plain_http: bool = setting(
        False, "Listen on other addresses than loopback though no https:// SERAI_PUBLIC_URL says that TLS is in front."
    )
    public_url: str = setting(
        "", "Address under which users reach the site, for links in mail.", zero="http://host:port"
    )
    postgres_url: str = setting(
        "", "PostgreSQL for the role serai_app; unset: the embedded server.", secret=True, zero="embedded server"
    )
    postgres_jobs_url: str = setting("", "PostgreSQL for the role serai_jobs.", secret=True)
    postgres_owner_url: str = setting("", "PostgreSQL for the role serai_owner, to migrate.", secret=True)
    postgres_bin: str = setting("", "Directory with PostgreSQL's programs, instead of the wheel's.")
    pool_min: int = setting(2, "Database connections that each process keeps open.", unit="connections")
    pool_max: int = setting(16, "Database connections that each process may open.", unit="connections")
    pool_wait_s: float = setting(10.0, "Longest wait for a free connection before a request gets 503.", unit="s")
    statement_timeout_s: float = setting(15.0, "Longest time one SQL statement may run.", unit="s")
    smtp_url: str = setting("", "SMTP relay (smtp://user:password@host:port); unset: the mailbox.", secret=True)
    etcd_url: str = setting(
        "", "Any etcd v3 (https://user:password@host:port,...?cacert=PEM) for coordination; unset: ours.", secret=True
    )
    mail_from: str = setting("Serai Tickets <tickets@serai.example>", "Sender of every mail.")
    stripe_url: str = setting("", "Base address of Stripe's API; unset: the embedded gateway.")
    stripe_key: str = setting("", "Secret key of the Stripe account; unset: the embedded gateway's.", secret=True)
    stripe_publishable_key: str = setting("", "Publishable key, for pay pages with real Stripe.")
    stripe_webhook_secret: str = setting("", "Secret that signs Stripe's webhooks.", secret=True)
    trusted_proxies: tuple[str, ...] = setting((), "Addresses whose X-Forwarded-For is believed.")
    log_level: str = setting("info", "debug, info, warning or error.")

    @property
    def site_url(self) -> str:
        """Where people find the site: the public URL, else the address that the web server listens on."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url.rstrip("/") or f"http://{host}:{self.port}"

    @property
    def only_here(self) -> bool:
        """Whether nobody but this machine's users can reach the site: it neither listens nor is announced elsewhere."""
        announced = urlsplit(self.public_url).hostname or "localhost"
        return _is_local(self.host) and _is_local(announced) and not self.trusted_proxies

    def problems(self) -> list[str]:
        """Ports, pool sizes and levels that cannot be, and passwords that would travel in the clear."""
        found = []
        if not (_is_local(self.host) or self.public_url.startswith("https://") or self.allow_plain_http):
            found.append(
                f"SERAI_HOST is {self.host}, which others can reach, and passwords would travel in the clear; put TLS"
                " in front and set SERAI_PUBLIC_URL to its https:// address, or set SERAI_ALLOW_PLAIN_HTTP=true"
            )
        if not 1 <= self.port <= 65_500:
            found.append(f"SERAI_PORT is {self.port}; choose one between 1 and 65500")
        if not 1 <= self.pool_min <= self.pool_max:
            found.append(f"SERAI_POOL_MIN ({self.pool_min}) must be between 1 and SERAI_POOL_MAX ({self.pool_max})")
        if self.log_level not in {"debug", "info", "warning", "error"}:
            found.append(f"SERAI_LOG_LEVEL is {self.log_level!r}; choose debug, info, warning or error")
        if self.workers < 0:
            found.append(f"SERAI_WORKERS is {self.workers}; choose 0 (one per core) or more")
        return found
