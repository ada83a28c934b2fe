"""The declaration of identity. It is built first: everything that has a principal needs it."""

from pathlib import Path

from serai.runtime.http.principal import Authenticate
from serai.runtime.jobs import Loop
from serai.runtime.postgres.database import Database
from serai.runtime.system import Figure, Parts, System, World
from serai.systems.identity import http, pages, store
from serai.systems.identity.api import IdentityApi
from serai.systems.identity.authenticator import Authenticator, Believed
from serai.systems.identity.browser import Browser
from serai.systems.identity.credentials import Signer
from serai.systems.identity.demo import Demo
from serai.systems.identity.passwords import Passwords
from serai.systems.identity.service import Identity
from serai.systems.identity.settings import IdentitySettings
from serai.systems.identity.throttle import Throttle
from serai.web.shell import Shell

SIGNING = "identity"
"""Name of the secret that signs guest cookies and form tokens. Changing it only makes browsers start anew."""

SWEEP_EVERY_S = 600.0
SWEEP_BATCH_MAX = 10_000


def make_api(world: World) -> IdentityApi:
    """What others use, without the HTTP edge: enough for the command line."""
    settings = world.configuration.get(IdentitySettings)
    return IdentityApi(
        clock=world.clock,
        random=world.random,
        database=world.database,
        passwords=Passwords(settings, world.random),
        settings=settings,
        site_slug=world.settings.site_tenant,
    )


def build(world: World) -> Parts:
    """Provides IdentityApi and Authenticate."""
    settings = world.configuration.get(IdentitySettings)
    api = make_api(world)
    believed = Believed(world.clock, life_s=settings.cache_life_s, entries_max=settings.cache_max)
    https = world.settings.public_url.startswith("https:")
    browser = Browser(Signer(world.secrets[SIGNING]), world.random, https=https)
    identity = Identity(
        database=world.database,
        clock=world.clock,
        random=world.random,
        api=api,
        throttle=Throttle(settings, world.sign_ins),
        believed=believed,
        settings=settings,
    )
    authenticator = Authenticator(world.database, browser, believed, api.site_tenant, settings)
    world.provide(IdentityApi, api)
    world.provide(Authenticate, authenticator)  # type: ignore[type-abstract]  # a port is found by its protocol
    demo = Demo(world.database, api, slug=world.settings.site_tenant, with_users=world.settings.only_here)
    routers = http.routers(identity)
    if Shell in world.provided:  # a process without a console has no pages
        routers += pages.routers(identity, world.need(Shell), demo)
    sweep = SessionSweep(world.jobs_database, settings)

    async def figure() -> Figure:
        async with world.jobs_database.transaction(None) as tx:
            return Figure(await store.live_sessions(tx), "live sessions")

    return Parts(
        figure=figure,
        routers=routers,
        loops=(Loop("identity.forget_sessions", SWEEP_EVERY_S, sweep.run),),
        demo=demo.load,
    )


class SessionSweep:
    """Deletes dead sessions in batches; expiry itself is in the predicate of every lookup."""

    def __init__(self, jobs: Database, settings: IdentitySettings) -> None:
        self._jobs = jobs
        self._settings = settings

    async def run(self) -> int:
        """One batch; returns how many went."""
        async with self._jobs.transaction(None) as tx:
            return await store.forget_expired_sessions(tx, self._settings.session_idle_s, SWEEP_BATCH_MAX)


SYSTEM = System(
    name="identity",
    title="Identity",
    summary="Users, sessions, API keys, roles and organisations",
    build=build,
    icon="fingerprint",
    home="/account",
    folder=Path(__file__).parent,
    settings=(IdentitySettings,),
    migrations="serai.systems.identity.migrations",
    commands="serai.systems.identity.cli:commands",
)
