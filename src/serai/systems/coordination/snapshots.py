"""All keys of a running store into a file, and a file into a new cluster.

What is restored is a new cluster with new members, so that nobody of the old one can be taken for one of them; its keys
and their revisions are those of the file. A restore that was cut short leaves a directory that no member starts in.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serai.kernel.errors import Misconfigured
from serai.kernel.ports import Random
from serai.mechanisms.consensus.messages import Configuration
from serai.mechanisms.consensus.seeding import SEED_INDEX, seeded
from serai.runtime.files import DirectoryLock, make_data_directory
from serai.runtime.machines.disk import Directory, Files
from serai.runtime.machines.maps import DurableMap
from serai.systems.coordination import saved
from serai.systems.coordination.cluster.identity import (
    KEYS,
    LOG,
    Identity,
    consensus_name,
    founded,
    keep_identity,
    require_untouched,
)
from serai.systems.coordination.settings import CoordinationSettings
from serai.systems.coordination.state.machine import State


async def save(store: Any, file: Path) -> int:
    """From a running store into a file; its size. The file is there whole, or not at all. CoordinationError."""
    part = file.with_name(f".{file.name}.part")
    size = 0
    try:
        with part.open("wb") as target:
            async for piece in store.snapshot():
                size += target.write(piece)
        saved.read(part)
        part.replace(file)
    except OSError as error:
        raise Misconfigured(f"{file} cannot be written ({(error.strerror or str(error)).lower()}).") from error
    finally:
        part.unlink(missing_ok=True)
    return size


def restore(file: Path, options: Mapping[str, object], random: Random) -> int:
    """A directory that is a member of a new cluster; the revision. Misconfigured."""
    settings = CoordinationSettings(**options)  # type: ignore[arg-type]  # the command line's own names
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
