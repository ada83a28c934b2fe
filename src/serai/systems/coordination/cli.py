"""`serai coordination`: serve, status, members, get, put, watch, snapshot, restore.

All but `serve` and `restore` are a client of any etcd, by --endpoint, SERAI_ETCD_URL or the usual port. Modules are
imported where they are used: a member that serves must stay small, and a verb must answer at once.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from rich.console import Console
from rich.table import Table

from serai.runtime.world import SystemRandom

T = TypeVar("T")

ENDPOINT = "http://127.0.0.1:2379"
KIB = 1024

at_endpoint = click.option(
    "--endpoint",
    envvar="SERAI_ETCD_URL",
    default=ENDPOINT,
    show_default=True,
    metavar="URL",
    help="Members, as http://host:port,...; https:// with ?cacert=, &cert= and &key= files; also SERAI_ETCD_URL.",
)
as_user = click.option("--user", envvar="SERAI_ETCD_USER", default="", metavar="NAME:PASSWORD", help="Who asks.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for machines.")


@click.group()
def commands() -> None:
    """The verbs of coordination."""


@commands.group()
def coordination() -> None:
    """A configuration store that any etcd client can use: serve, look, save, restore.

    Example: serai coordination serve --data ./store
    """


def _with(work: Callable[[Any], Awaitable[T]], endpoint: str, user: str) -> T:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # it has a log of its own beside its errors, which we tell
    client = import_module("serai.systems.coordination.client").Client

    async def run() -> T:
        name, _, password = user.partition(":")
        async with client(endpoint, user=name, password=password) as store:
            return await work(store)

    return asyncio.run(run())


def _print_json(document: object) -> None:
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))


# One member ---------------------------------------------------------------------------------------------------------


@coordination.command()
@click.option("--name", metavar="NAME", help="The member's name; default 'default'.")
@click.option("--data", metavar="DIR", type=click.Path(path_type=Path), help="Its directory; default NAME.serai.")
@click.option("--host", metavar="H", help="Address for clients; default 127.0.0.1.")
@click.option("--port", metavar="N", type=int, help="Port for clients (gRPC and HTTP); default 2379.")
@click.option("--peer-host", metavar="H", help="Address for the other members; default 127.0.0.1.")
@click.option("--peer-port", metavar="N", type=int, help="Port for the other members; default 2380.")
@click.option("--advertise", metavar="HOST", help="Name under which others reach this member.")
@click.option("--initial", metavar="a=host:2380,...", help="The members of a new cluster; default this one alone.")
@click.option("--join", metavar="host:2379", help="A member of the cluster that this one was added to.")
@click.option("--certificate", metavar="PEM", help="TLS for clients, with --key.")
@click.option("--key", metavar="PEM", help="The certificate's key.")
@click.option("--client-authority", metavar="PEM", help="Clients need a certificate of this authority.")
@click.option("--peer-certificate", metavar="PEM", help="TLS among members, with --peer-key and --peer-authority.")
@click.option("--peer-key", metavar="PEM", help="Its key.")
@click.option("--peer-authority", metavar="PEM", help="Members need a certificate of this authority.")
def serve(**command_line: Any) -> None:
    """Serve one member until Ctrl-C.

    Example: serai coordination serve --name a --data ./a --initial a=127.0.0.1:2380,b=127.0.0.1:2480
    """
    named = command_line["name"]
    if command_line["data"] is None and named:
        command_line["data"] = Path(f"{named}.serai")
    prefixed = {f"coordination_{name}": value for name, value in command_line.items()}
    import_module("serai.systems.coordination.standing").run(prefixed, click.echo)


@coordination.command()
@click.argument("file", type=click.Path(path_type=Path))
@at_endpoint
@as_user
def snapshot(*, file: Path, endpoint: str, user: str) -> None:
    """Save all keys of a running store into FILE.

    Example: serai coordination snapshot store.snapshot
    """
    saved = import_module("serai.systems.coordination.snapshots").save
    size = _with(lambda store: saved(store, file), endpoint, user)
    click.echo(f"{file}: {size:,} bytes")


@coordination.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--data", required=True, metavar="DIR", type=click.Path(path_type=Path), help="A directory of its own.")
@click.option("--name", default="default", show_default=True, metavar="NAME", help="The member's name.")
@click.option("--peer-port", default=2380, show_default=True, metavar="N", help="Its port for other members.")
@click.option("--initial", default="", metavar="a=host:2380,...", help="The members of the new cluster.")
def restore(*, file: Path, data: Path, name: str, peer_port: int, initial: str) -> None:
    """Make DIR a member of a new cluster that begins with the keys of FILE. Each member is restored from the same file.

    Example: serai coordination restore store.snapshot --data ./restored
    """
    made = import_module("serai.systems.coordination.settings").CoordinationSettings
    settings = made(name=name, data=data, peer_port=peer_port, initial=initial)
    revision = import_module("serai.systems.coordination.snapshots").restore(file, settings, SystemRandom())
    click.echo(
        f"{data} begins at revision {revision}; start it with: serai coordination serve --name {name} --data {data}"
    )


# As a client --------------------------------------------------------------------------------------------------------


@coordination.command()
@at_endpoint
@as_user
@as_json_option
def status(*, endpoint: str, user: str, as_json: bool) -> None:
    """Show how each endpoint stands: who leads, how far, how large.

    Example: serai coordination status --endpoint http://127.0.0.1:8424
    """

    async def ask(store: Any) -> list[dict[str, Any]]:
        found = []
        for number, target in enumerate(store.wire.endpoints):
            one = await store.status(number)
            found.append(
                {
                    "endpoint": target,
                    "member": f"{one.header.member_id:x}",
                    "version": one.version,
                    "leads": one.leader == one.header.member_id,
                    "term": one.raftTerm,
                    "index": one.raftIndex,
                    "revision": one.header.revision,
                    "bytes": one.dbSize,
                    "errors": list(one.errors),
                }
            )
        return found

    rows = _with(ask, endpoint, user)
    if as_json:
        _print_json(rows)
        return
    table = Table("endpoint", "member", "version", "leads", "term", "index", "revision", "size", "errors", box=None)
    for row in rows:
        size = f"{row['bytes'] / KIB:,.0f} KiB"
        leads = "yes" if row["leads"] else ""
        table.add_row(
            *(row["endpoint"], row["member"], row["version"], leads, str(row["term"]), f"{row['index']:,}"),
            *(f"{row['revision']:,}", size, ", ".join(row["errors"])),
        )
    Console().print(table)


@coordination.command()
@at_endpoint
@as_user
@as_json_option
def members(*, endpoint: str, user: str, as_json: bool) -> None:
    """Show the members of the cluster.

    Example: serai coordination members
    """

    async def ask(store: Any) -> list[dict[str, Any]]:
        answer = await store.members()
        return [
            {
                "id": f"{one.ID:x}",
                "name": one.name,
                "peer_urls": list(one.peerURLs),
                "client_urls": list(one.clientURLs),
                "learner": one.isLearner,
            }
            for one in answer.members
        ]

    rows = _with(ask, endpoint, user)
    if as_json:
        _print_json(rows)
        return
    table = Table("id", "name", "for members", "for clients", "votes", box=None)
    for row in rows:
        urls = (", ".join(row["peer_urls"]), ", ".join(row["client_urls"]))
        table.add_row(row["id"], row["name"], *urls, "" if row["learner"] else "yes")
    Console().print(table)


@coordination.command()
@click.argument("key")
@click.option("--prefix", is_flag=True, help="All keys that begin so.")
@at_endpoint
@as_user
@as_json_option
def get(*, key: str, prefix: bool, endpoint: str, user: str, as_json: bool) -> None:
    """Print the value of KEY; exit code 1 if it is not there.

    Example: serai coordination get /app/ --prefix
    """

    async def ask(store: Any) -> list[Any]:
        if prefix:
            return list((await store.all(key))[0].values())
        found = await store.get(key)
        return [] if found is None else [found]

    items = _with(ask, endpoint, user)
    if as_json:
        _print_json([{"key": one.key, "value": one.value, "mod_revision": one.mod_revision} for one in items])
    elif prefix:
        table = Table("key", "value", "revision", box=None)
        for one in items:
            table.add_row(one.key, one.value, str(one.mod_revision))
        Console(soft_wrap=True, highlight=False, markup=False).print(table)
    elif items:
        click.echo(items[0].value)
    if not items:
        raise SystemExit(1)


@coordination.command()
@click.argument("key")
@click.argument("value")
@at_endpoint
@as_user
def put(*, key: str, value: str, endpoint: str, user: str) -> None:
    """Set KEY to VALUE and print the revision.

    Example: serai coordination put /app/db_host db.example.com
    """
    click.echo(_with(lambda store: store.set(key, value), endpoint, user))


@coordination.command()
@click.argument("prefix")
@at_endpoint
@as_user
@as_json_option
def watch(*, prefix: str, endpoint: str, user: str, as_json: bool) -> None:
    """Print every change of the keys that begin with PREFIX, until Ctrl-C.

    Example: serai coordination watch /app/
    """

    async def follow(store: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
        async for change in store.watch(prefix):
            if as_json:
                click.echo(orjson.dumps({"key": change.key, "value": change.value, "revision": change.revision}))
            elif change.value is None:
                click.echo(f"{change.revision} deleted {change.key}")
            else:
                click.echo(f"{change.revision} {change.key} = {change.value}")

    try:
        _with(follow, endpoint, user)
    except asyncio.CancelledError:
        return
