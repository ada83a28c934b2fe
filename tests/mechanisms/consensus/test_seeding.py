"""A group that begins with a state: its first members agree, those that come later get it, and no crash takes it."""

import pytest
from tests.doubles import SeededRandom
from tests.mechanisms.consensus.world import SETTINGS, Files, Words, World

from serai.mechanisms.consensus.errors import DamagedSnapshot
from serai.mechanisms.consensus.messages import Configuration
from serai.mechanisms.consensus.requests import Change, Done, Propose
from serai.mechanisms.consensus.roles import Role
from serai.mechanisms.consensus.seeding import seeded

ABC = Configuration(("a", "b", "c"))


def state() -> Words:
    words = Words()
    words.words = [b"one", b"two", b"three"]
    return words


def seeded_disk(seed: int, writes_max: int | None = None) -> Files:
    disk = Files()
    for writes in list(seeded(state().snapshot(), ABC, SeededRandom(seed)))[:writes_max]:
        for write in writes:
            disk.perform(write)
    return disk


def seeded_group() -> World:
    world = World(ABC, settings=SETTINGS)
    for seed, name in enumerate("abc"):
        world.disks[name] = seeded_disk(seed)
        world.start(name)
    world.settle()
    world.now_s = 1.5
    world.tick("a")
    world.settle()
    assert world.nodes["a"].member.role is Role.LEADER
    return world


def test_the_first_members_begin_with_the_state_and_go_on_from_it() -> None:
    world = seeded_group()
    token = world.ask("a", Propose(b"four"))
    world.settle()
    assert isinstance(world.answers[token], Done)
    world.tick("a")
    world.now_s += SETTINGS.heartbeat_s
    world.tick("a")
    world.settle()
    assert {tuple(world.states[name].words) for name in "abc"} == {(b"one", b"two", b"three", b"four")}


def test_a_member_that_comes_later_gets_the_state() -> None:
    world = seeded_group()
    world.start("d")
    token = world.ask("a", Change(("a", "b", "c"), ("d",)))
    world.settle()
    assert isinstance(world.answers[token], Done)
    for _ in range(3):
        world.now_s += SETTINGS.heartbeat_s
        world.tick("a")
        world.settle()
    assert world.states["d"].words == state().words


def test_a_state_that_is_lost_comes_back_from_the_disk() -> None:
    world = seeded_group()
    for name in "abc":
        world.crash(name)
    world.start("b")
    assert world.states["b"].words == state().words


def test_a_seed_whose_snapshot_is_damaged_is_refused() -> None:
    disk = seeded_disk(1)
    (file,) = [file for file in disk.names() if file.startswith("snapshot-")]
    disk.durable[file] = disk.durable[file][:-1]
    world = World(ABC, disks={"a": disk})
    with pytest.raises(DamagedSnapshot, match=file):
        world.start("a")
