"""etcdctl, of both versions, says of every engine what it says of the current etcd; what differs is listed by name."""

import json
import tempfile
from collections.abc import Callable
from functools import cache
from inspect import getmembers, isfunction
from pathlib import Path
from types import ModuleType

import pytest
from tests.conformance.coordination.etcdctl import Etcdctl
from tests.conformance.coordination.listed import listed
from tests.conformance.coordination.stories import access, care, clusters, holders, keys, leases, transactions, watches
from tests.conformance.coordination.transcripts import Transcript, differences
from tools.engines import started
from tools.install_etcd import install

pytestmark = [pytest.mark.engines, pytest.mark.timeout(240)]

Story = Callable[[Etcdctl], None]
REFERENCE = "etcd-current"


def stories(*modules: ModuleType) -> dict[str, Story]:
    """By name: keys.puts, watches.of_a_range."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": story
        for module in modules
        for name, story in getmembers(module, isfunction)
        if story.__module__ == module.__name__ and not name.startswith("_")
    }


OF_ONE = stories(access, care, holders, keys, leases, transactions, watches)
OF_THREE = stories(clusters)
ON_THREE_TOO = stories(holders, keys, leases, transactions, watches)
FOR_THE_OLD_CLIENT = (
    "access.root",
    "care.copies",
    "care.health",
    "holders.elections",
    "holders.lock_and_wait",
    "keys.gets",
    "keys.puts",
    "leases.lives",
    "transactions.branches",
    "watches.interactive",
    "watches.of_a_range",
)
"""Enough to see that an older client's messages are understood: the rest is the server's part, whoever asks."""


@cache
def told(kind: str, members: int, client: str, name: str) -> Transcript:
    """The story's transcript on a new cluster."""
    installed, transcript = install(), Transcript()
    with (
        tempfile.TemporaryDirectory(prefix="serai-etcdctl-") as folder,
        started(kind, members, Path(folder), installed) as cluster,
    ):
        ctl = Etcdctl(installed.clients[client], cluster, transcript)
        if name in OF_ONE:  # whoever answers is alike
            for member in json.loads(ctl.quietly("member", "list", "-w", "json"))["members"]:
                transcript.call(member["ID"], "MEMBER")
        (OF_THREE | OF_ONE)[name](ctl)
    return transcript


def compare(kind: str, members: int, client: str, name: str, reference: str = REFERENCE) -> None:
    """Against the reference with as many members as the story needs: it differs in what is listed, and nowhere else."""
    expected = told(reference, 3 if name in OF_THREE else 1, client, name)
    found = differences(expected, told(kind, members, client, name))
    allowed = listed(kind, f"etcdctl {name}" if client == "current" else f"etcdctl of {client} {name}")
    unlisted = {step: both for step, both in found.items() if step not in allowed}
    assert not unlisted, "\n".join(f"{step}\n{both}" for step, both in unlisted.items())
    assert set(found) == allowed, "what is listed is so no more"


def stories_of(*names: str) -> pytest.MarkDecorator:
    """Tests of one story share a worker, and so the reference's transcript."""
    return pytest.mark.parametrize("name", [pytest.param(one, marks=pytest.mark.xdist_group(one)) for one in names])


@pytest.mark.parametrize("kind", ["etcd-3.4", "serai"])
@stories_of(*OF_ONE)
def test_one_member(name: str, kind: str) -> None:
    compare(kind, 1, "current", name)


@pytest.mark.parametrize("kind", ["etcd-3.4", "serai"])
@stories_of(*OF_THREE)
def test_three_members(name: str, kind: str) -> None:
    compare(kind, 3, "current", name)


@stories_of(*ON_THREE_TOO)
def test_three_members_are_as_one(name: str) -> None:
    compare("serai", 3, "current", name)


@stories_of(*FOR_THE_OLD_CLIENT)
def test_the_old_client(name: str) -> None:
    """Debian's etcdctl finds what it finds at its own server, and what the current server has beside that."""
    compare("serai", 1, "3.4", name)
