"""All keys of a running store into a file, and a file into a new cluster.

What is restored is a new cluster with new members, so that nobody of the old one can be taken for one of them; its keys
and their revisions are those of the file. A restore that was cut short leaves a directory that no member starts in.
"""

import socket
from pathlib import Path

from serai.kernel.errors import Misconfigured
from serai.kernel.ports import Clock, Random
from serai.mechanisms.consensus.messages import Configuration
from serai.mechanisms.consensus.seeding import SEED_INDEX, seeded
from serai.runtime.files import DirectoryLock, make_data_directory
from serai.runtime.machines.disk import Directory, Files
from serai.runtime.machines.maps import DurableMap
from serai.systems.coordination import saved
from serai.systems.coordination.client import Client
from serai.systems.coordination.cluster.identity import (
    KEYS,
    LOG,
    Identity,
    consensus_name,
    founded,
    keep_identity,
    read_identity,
    require_untouched,
)
from serai.systems.coordination.errors import NoLeader
from serai.systems.coordination.node import CoordinationNode, World
from serai.systems.coordination.settings import CoordinationSettings
from serai.systems.coordination.state.machine import State

CAUGHT_UP_S = 60.0
"""How long a stopped member may take to read its log."""


async def save(store: Client, file: Path) -> int:
    """From a running store into a file; its size. The file is there whole, or not at all. CoordinationError,
    Misconfigured."""
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("wb") as target:
            size = sum([target.write(piece) async for piece in store.snapshot()])
        saved.read(part)
        part.replace(file)
    except OSError as error:
        raise Misconfigured(f"{file} cannot be written ({(error.strerror or str(error)).lower()}).") from error
    finally:
        part.unlink(missing_ok=True)
    return size


async def save_stopped(settings: CoordinationSettings, file: Path, clock: Clock, random: Random) -> None:
    """From the directory of a member that is alone in its cluster and does not run. Misconfigured, NoLeader."""
    data = make_data_directory(settings.data)
    with DirectoryLock(data), socket.create_server(("127.0.0.1", 0)) as sock, file.open("wb") as target:
        identity = read_identity(data)
        assert identity is not None, "the caller has looked"
        node = CoordinationNode(identity, settings, data, World(clock, random, sock))
        await node.start()
        try:
            if not await node.caught_up(CAUGHT_UP_S):
                raise NoLeader(f"the member in {data} cannot lead by itself; start its cluster and ask that")
            for _, piece in saved.written(node.snapshot()):
                target.write(piece)
        finally:
            await node.stop()


def restore(file: Path, settings: CoordinationSettings, random: Random) -> int:
    """A directory that is a member of a new cluster; the revision. Misconfigured."""
    if not file.is_file():
        raise Misconfigured(f"There is no file {file}; name the snapshot to restore.")
    head, chunks = saved.read(file)
    identity = founded(settings.name, settings.founders(), f"{settings.token} {saved.digest_of(file)}")
    data = make_data_directory(settings.data)
    with DirectoryLock(data):
        require_untouched(data)
        ordered = DurableMap(data / KEYS)
        state = State(ordered)
        state.restore(SEED_INDEX, chunks)
        state.found_anew()
        _begin_log(data / LOG, state, identity, random)
        ordered.flush()
        del state
        ordered.close()
        keep_identity(data, identity)
    return head.revision


def _begin_log(path: Path, state: State, identity: Identity, random: Random) -> None:
    """The log says what the map holds, as after any other snapshot."""
    members = Configuration(tuple(sorted(consensus_name(member.id) for member in identity.known)))
    files = Files(Directory(path).path)
    for writes in seeded(state.snapshot(), members, random):
        files.perform(writes)
    files.close()
