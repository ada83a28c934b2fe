"""The engines beside the systems, each a process that imports little: gateway, mailbox, coordination."""

import asyncio
from dataclasses import replace
from importlib import import_module

from serai.app.leaving import stop_signal
from serai.app.plan import open_secrets, port_of
from serai.runtime.control import say_ready
from serai.runtime.memory import settle
from serai.runtime.settings import Configuration, RuntimeSettings
from serai.runtime.sockets import bound
from serai.runtime.world import SystemClock, SystemRandom

HINTS = ("payment_intent.amount_capturable_updated", "payment_intent.payment_failed", "payment_intent.canceled")
"""What the embedded gateway tells by webhook: the changes that a buyer or the bank makes, not those that we ask for."""


async def run_gateway(configuration: Configuration) -> None:
    """The embedded payments gateway."""
    keys = import_module("serai.systems.payments.gateway.keys")
    server = import_module("serai.systems.payments.gateway.server")
    gateway_settings = import_module("serai.systems.payments.gateway.settings").GatewaySettings
    settings = configuration.get(RuntimeSettings)
    random = SystemRandom()
    secrets = open_secrets(settings.data, random)
    directory = settings.data / "gateway"
    directory.mkdir(mode=0o700, exist_ok=True)
    hook = f"http://127.0.0.1:{settings.port}/api/payments/v1/webhook"
    gateway = replace(
        configuration.get(gateway_settings),
        directory=directory,
        secret_keys=(keys.embedded_key(secrets.get("gateway_key")),),
        public_url=f"http://127.0.0.1:{port_of(settings, 'gateway')}",
        webhook_url=hook,
        webhook_events=HINTS,
        webhook_secret=keys.embedded_webhook_secret(secrets.get("gateway_webhook")),
        dashboard_open=True,
    )
    with bound(port_of(settings, "gateway"), "the gateway") as sock:
        serving = asyncio.create_task(server.serve(gateway, sock, SystemClock(), random))
        settle()
        say_ready()
        await serving


async def run_coordination(configuration: Configuration) -> None:
    """The embedded configuration store, as a cluster of one."""
    serve = import_module("serai.systems.coordination.serve").serve
    own = configuration.get(import_module("serai.systems.coordination.settings").CoordinationSettings)
    embedded = import_module("serai.app.upkeep.store").embedded_store(configuration.get(RuntimeSettings), own)
    await serve(embedded, SystemClock(), SystemRandom(), stop_signal(), say_ready)


async def run_mailbox(configuration: Configuration) -> None:
    """The embedded SMTP relay."""
    mail = import_module("serai.runtime.mail")
    settings = configuration.get(RuntimeSettings)
    with bound(port_of(settings, "mailbox"), "the mailbox") as sock:
        say_ready()
        await mail.serve_mailbox(settings.data / "mail", sock, stop_signal())
