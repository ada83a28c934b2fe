"""What a system's verb does, done in a world of its own, against the PostgreSQL that the site uses."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from serai.app.assembly import open_world
from serai.app.plan import embedded_urls, open_configuration, open_secrets, outside_urls
from serai.app.status import running_status
from serai.kernel.errors import Misconfigured
from serai.runtime.files import SecretFile
from serai.runtime.settings import Configuration, RuntimeSettings
from serai.runtime.system import World
from serai.runtime.world import SystemClock, SystemRandom

T = TypeVar("T")


def run_in_world(work: Callable[[World], Awaitable[T]], command_line: Mapping[str, object] | None = None) -> T:
    """Opens a world, does the work, closes it. Raises Misconfigured when the site's PostgreSQL does not run."""
    settings = open_configuration(command_line).get(RuntimeSettings)
    random = SystemRandom()
    secrets = open_secrets(settings.data, random)
    configuration = connected(settings, secrets)

    async def errand() -> T:
        async with open_world(configuration, secrets.get, SystemClock(), random, "serai command") as world:
            return await work(world)

    return asyncio.run(errand())


def connected(settings: RuntimeSettings, secrets: SecretFile) -> Configuration:
    """The configuration with the URLs filled in that `serai up` fills in for its children."""
    urls = outside_urls(settings)
    if urls is None:
        running = running_status(settings.data)
        found = [child.url for child in running.children if child.name == "postgres"] if running else []
        if not found:
            raise Misconfigured(f"Nothing runs on {settings.data}; start it with `serai up`, or set SERAI_DATA.")
        # The port as it runs, which `serai up --port` may have moved.
        urls = embedded_urls(urlsplit(found[0]).port or 0, secrets)
    return open_configuration({"data": settings.data, "postgres_url": urls.app, "postgres_jobs_url": urls.jobs})
