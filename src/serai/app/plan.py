"""Which children `serai up` keeps, what each stands on, and what each is told; and where everything listens.

A child reads its settings as if it had been started by hand, from the environment: the supervisor only fills in the
addresses of the engines that it embeds, so no child knows whether an engine is embedded.
"""

import os
import signal
import sys
from asyncio import to_thread
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from serai.app.keeper import Child
from serai.kernel.errors import Misconfigured
from serai.kernel.ports import Random
from serai.runtime.control import SHARED_METRICS, SUPERVISED
from serai.runtime.files import SecretFile
from serai.runtime.postgres.outside import require_server
from serai.runtime.postgres.server import DATABASE, ROLES, SUPERUSER, EmbeddedServer, Role
from serai.runtime.processes import Launch
from serai.runtime.settings import Configuration, RuntimeSettings

WEB_SOCKET = "SERAI_WEB_FD"
CALLERS = "SERAI_CALLERS_FD"
"""Names the inherited socket in a web child's environment: bound, and to be listened on when the child can serve."""

PORTS = {
    "web": 0,
    "postgres": 1,
    "kv": 2,
    "broker": 3,
    "coordination": 4,
    "coordination peer": 5,
    "gateway": 6,
    "mailbox": 7,
}
"""Where each child listens, counted from SERAI_PORT."""

PROGRAM = (sys.executable, "-m", "serai.app.child")
"""Followed by a child's name."""

JOBS_NICE = 10
"""Jobs give way to requests."""


def port_of(settings: RuntimeSettings, child: str) -> int:
    """Where a child listens."""
    return settings.port + PORTS[child]


def open_configuration(command_line: Mapping[str, object] | None = None) -> Configuration:
    """Settings from the command line, the environment, and serai.toml here or the file that SERAI_CONFIG names."""
    named = os.environ.get("SERAI_CONFIG")
    if named and not Path(named).is_file():
        raise Misconfigured(f"SERAI_CONFIG names {named}, which is not a file; correct it or unset it.")
    return Configuration(command_line, file=Path(named or "serai.toml"))


def open_secrets(data: Path, random: Random) -> SecretFile:
    """The keys that belong to a data directory."""
    return SecretFile(data / "secrets.json", random)


def passwords(secrets: SecretFile) -> dict[Role, str]:
    """Of the embedded server's roles."""
    return {role: secrets.text(f"postgres:{role}") for role in (*ROLES, SUPERUSER)}


@dataclass(frozen=True, slots=True)
class RoleUrls:
    """Where each role connects. `owner` may be empty with an outside server: then nothing can be migrated."""

    app: str
    jobs: str
    owner: str


def outside_urls(settings: RuntimeSettings) -> RoleUrls | None:
    """The URLs of an outside server, each tried; None when the embedded one is to be used. Raises Misconfigured."""
    urls = RoleUrls(settings.postgres_url, settings.postgres_jobs_url, settings.postgres_owner_url)
    if not urls.app:
        if urls.jobs or urls.owner:
            raise Misconfigured("SERAI_POSTGRES_URL is missing, though another role's URL is set; set it too.")
        return None
    if not urls.jobs:
        raise Misconfigured("SERAI_POSTGRES_JOBS_URL is missing; set it to the same server as SERAI_POSTGRES_URL.")
    for url, variable in (
        (urls.app, "SERAI_POSTGRES_URL"),
        (urls.jobs, "SERAI_POSTGRES_JOBS_URL"),
        (urls.owner, "SERAI_POSTGRES_OWNER_URL"),
    ):
        if url:
            require_server(url, variable)
    return urls


def embedded_urls(port: int, secrets: SecretFile) -> RoleUrls:
    """Where each role reaches the embedded server on `port`."""
    known = passwords(secrets)
    roles: tuple[Role, ...] = ("serai_app", "serai_jobs", "serai_owner")
    return RoleUrls(*(f"postgresql://{role}:{known[role]}@127.0.0.1:{port}/{DATABASE}" for role in roles))


@dataclass(frozen=True, slots=True)
class Site:
    """What is decided before the first child starts."""

    settings: RuntimeSettings
    systems: tuple[str, ...]
    urls: RoleUrls
    server: EmbeddedServer | None
    """None when an outside PostgreSQL is used."""
    web_descriptor: int
    callers_descriptor: int
    program: tuple[str, ...] = PROGRAM


def plan(site: Site) -> list[Child]:
    """The children, in any order: `after` says who stands on whom."""
    base = [postgres_child(site.server)] if site.server else []
    beside = _engines_beside(site)
    stands_on = tuple(child.name for child in (*base, *beside))
    prepare = _task(site, "prepare", stands_on, {"SERAI_POSTGRES_OWNER_URL": site.urls.owner})
    return [*base, *beside, prepare, *_servants(site, ("prepare", *(child.name for child in beside)))]


def postgres_child(server: EmbeddedServer) -> Child:
    """The embedded PostgreSQL: ready when roles and database exist."""

    async def ready() -> bool:
        return await to_thread(server.answers)

    return Child(
        "postgres",
        server.launch(),
        ready=ready,
        prepare=server.prepare,
        grace_s=30.0,
        url=f"postgresql://127.0.0.1:{server.port}/serai",
    )


def _engines_beside(site: Site) -> list[Child]:
    """Gateway, mailbox and configuration store: left out where the real ones are named by URL."""
    found = []
    if not site.settings.stripe_url and "payments" in site.systems:
        found.append(replace(_own(site, "gateway"), vital=False, url=_local(site, "gateway", "http")))
    if not site.settings.smtp_url:
        found.append(replace(_own(site, "mailbox"), vital=False, url=_local(site, "mailbox", "smtp")))
    if not site.settings.etcd_url and "coordination" in site.systems:
        store = replace(_own(site, "coordination"), vital=False, url=_local(site, "coordination", "http"))
        found.append(store)
    return found


def _servants(site: Site, needs: tuple[str, ...]) -> list[Child]:
    jobs = _own(site, "jobs", needs)
    count = site.settings.workers or os.cpu_count() or 1
    web = _own(site, "web", needs, {WEB_SOCKET: str(site.web_descriptor), CALLERS: str(site.callers_descriptor)})
    inherits = (site.web_descriptor, site.callers_descriptor)
    web = replace(web, url=site.settings.site_url, launch=replace(web.launch, inherits=inherits))
    jobs = replace(jobs, launch=replace(jobs.launch, nice=JOBS_NICE))
    return [jobs, *(replace(web, name=f"web-{number}") for number in range(1, count + 1))]


def _task(site: Site, name: str, after: tuple[str, ...], told: Mapping[str, str]) -> Child:
    return replace(_own(site, name, after, told), task=True)


def _own(site: Site, name: str, after: tuple[str, ...] = (), told: Mapping[str, str] | None = None) -> Child:
    """A child that is a program of ours: it says itself when it is ready."""
    environment = {**_environment(site), **(told or {})}
    launch = Launch((*site.program, name), environment, Path.cwd(), stop_signal=signal.SIGTERM)
    return Child(name, launch, after, ready="says", grace_s=15.0)


def _environment(site: Site) -> dict[str, str]:
    settings = site.settings
    told = {
        SUPERVISED: "1",
        SHARED_METRICS: str(shared_metrics(settings.data)),
        "PYTHONUNBUFFERED": "1",
        "SERAI_DATA": str(settings.data),
        "SERAI_HOST": settings.host,
        "SERAI_PORT": str(settings.port),
        "SERAI_SYSTEMS": ",".join(site.systems),
        "SERAI_DEMO": str(settings.demo).lower(),
        "SERAI_POSTGRES_URL": site.urls.app,
        "SERAI_POSTGRES_JOBS_URL": site.urls.jobs,
        "SERAI_STRIPE_URL": settings.stripe_url or _local(site, "gateway", "http"),
        "SERAI_SMTP_URL": settings.smtp_url or _local(site, "mailbox", "smtp"),
        "SERAI_ETCD_URL": settings.etcd_url or _local(site, "coordination", "http"),
    }
    # The owner's URL reaches the one child that prepares, and nobody who answers requests.
    inherited = {name: value for name, value in os.environ.items() if name != "SERAI_POSTGRES_OWNER_URL"}
    return {**inherited, **told}


def shared_metrics(data: Path) -> Path:
    """Where the children share their counts; emptied at each start of the supervisor."""
    return data / "run" / "metrics"


def _local(site: Site, child: str, scheme: str) -> str:
    return f"{scheme}://127.0.0.1:{port_of(site.settings, child)}"
