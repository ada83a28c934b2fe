"""A member with its disk, its state and its clients: limits, snapshots by themselves, starts after each of them."""

from dataclasses import replace

import pytest
from tests.mechanisms.consensus.world import SETTINGS, Files, World

from serai.kernel.machines import Append, Received, Store, Truncate
from serai.mechanisms.consensus.errors import DamagedLog, DamagedSnapshot
from serai.mechanisms.consensus.messages import Append as AppendMessage
from serai.mechanisms.consensus.messages import Appended, Configuration, Stale, Vote, VoteReply
from serai.mechanisms.consensus.requests import (
    AskStatus,
    Busy,
    Change,
    Done,
    HandOver,
    NotLeader,
    Propose,
    Refused,
    Status,
)
from serai.mechanisms.consensus.roles import Role
from serai.mechanisms.consensus.settings import Settings

ABC = Configuration(("a", "b", "c"))


def group(settings: Settings = SETTINGS, members: Configuration = ABC) -> World:
    """A group that a leads."""
    world = World(members, settings=settings)
    for name in sorted(members.everyone):
        world.start(name)
    world.settle()
    world.now_s = 1.5
    world.tick("a")
    world.settle()
    assert world.nodes["a"].member.role is Role.LEADER
    return world


def done(world: World, at: str, data: bytes) -> None:
    token = world.ask(at, Propose(data))
    world.settle()
    assert isinstance(world.answers[token], Done)


def test_nothing_that_promises_is_sent_before_it_is_durable() -> None:
    world = group()
    world.ask("a", Propose(b"x"))
    for letter in list(world.letters):
        world.deliver(letter)
    assert all(world.disks[name].pending for name in "abc")
    assert world.letters == []
    world.sync("b")
    assert [letter.message for letter in world.letters] == [Appended(0, 2, 3)]


def test_what_is_asked_together_is_one_write_and_one_message_to_each_follower() -> None:
    world = group()
    together = world.ask_together("a", [Propose(b"x"), AskStatus(), Propose(b"y"), Propose(b"z")])
    assert len(world.disks["a"].pending) == 1
    assert [(letter.to, len(letter.message.entries)) for letter in world.letters] == [("b", 3), ("c", 3)]  # type: ignore[union-attr]
    world.settle()
    apart = group()
    for data in (b"x", b"y", b"z"):
        done(apart, "a", data)
    assert world.states["a"].words == apart.states["a"].words
    assert [type(world.answers[token]) for token in together] == [Done, Status, Done, Done]


@pytest.mark.parametrize(
    ("members", "role"),
    [(Configuration(("a",)), Role.LEADER), (Configuration(("a",), (), ("b",)), Role.LEADER), (ABC, Role.FOLLOWER)],
)
def test_who_alone_has_a_vote_waits_for_nobody_at_its_start(members: Configuration, role: Role) -> None:
    world = World(members, settings=SETTINGS)
    world.start("a")
    world.settle()
    world.now_s = SETTINGS.tick_s
    world.tick("a")
    world.settle()
    assert world.nodes["a"].member.role is role


def test_a_vote_is_durable_before_it_is_told() -> None:
    world = group()
    world.now_s = 9.0
    world.step("b", Received("c", Vote(0, 5, 2, 2, False)))
    assert world.letters == []
    world.sync("b")
    assert [letter.message for letter in world.letters] == [VoteReply(0, 5, True)]
    world.crash("b")
    world.start("b")
    assert (world.nodes["b"].member.term, world.nodes["b"].member.vote) == (5, "c")


def test_a_proposal_too_large_or_too_many_is_refused() -> None:
    world = group(replace(SETTINGS, entry_bytes_max=10, uncommitted_bytes_max=40))
    large = world.ask("a", Propose(b"x" * 11))
    assert world.answers[large] == Refused("a proposal of 11 bytes is too large; at most 10 are taken")
    asked = [world.ask("a", Propose(b"x" * 10)) for _ in range(5)]
    busy = [token for token in asked if world.answers.get(token) == Busy()]
    assert 1 <= len(busy) < 5
    world.settle()
    assert all(isinstance(world.answers[token], Done | Busy) for token in asked)
    done(world, "a", b"later")


def test_only_a_leader_takes_what_only_a_leader_can_do() -> None:
    world = group()
    tokens = [world.ask("b", request) for request in (Propose(b"x"), Change(("a",)), HandOver("b"))]
    assert [world.answers[token] for token in tokens] == [NotLeader("a")] * 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (Change(()), "nobody would vote"),
        (Change(("a", "a")), "a member is named twice"),
        (Change(("a", "b"), ("b",)), "a member is named twice"),
        (Change(("a", "b"), ("c",)), "c votes; remove it first, then add it as a learner"),
        (Change(("a", "b", "c")), "they are already so"),
        (Change(("a", "b", "c", "d")), "d is not a learner yet; add it as one first"),
    ],
)
def test_changes_that_make_no_sense_are_refused(change: Change, why: str) -> None:
    world = group()
    token = world.ask("a", change)
    assert world.answers[token] == Refused(f"group 0 keeps its members: {why}")


def test_one_change_at_a_time_and_a_new_leader_waits() -> None:
    world = group()
    world.ask("a", Change(("a", "b", "c"), ("d",)))
    token = world.ask("a", Change(("a", "b")))
    assert "another change is not complete yet" in str(world.answers[token])
    other = World(Configuration(("a",)))
    other.start("a")
    other.settle()
    other.now_s = 1.5
    other.tick("a")
    other.sync("a")
    token = other.ask("a", Change(("a",), ("b",)))
    assert "another change is not complete yet" in str(other.answers[token])


def test_a_member_says_how_it_stands() -> None:
    world = group()
    done(world, "a", b"x")
    token = world.ask("a", AskStatus())
    status = world.answers[token]
    assert isinstance(status, Status)
    assert (status.role, status.leader, status.commit, status.applied) == (Role.LEADER, "a", 3, 3)
    assert status.followers == {"b": 3, "c": 3}


def test_snapshots_come_by_themselves_and_old_segments_go() -> None:
    world = group(replace(SETTINGS, snapshot_every_bytes=2_000, segment_bytes_max=500))
    for number in range(100):
        done(world, "a", b"%030d" % number)
    for name in "abc":
        disk = world.disks[name]
        assert sum(map(len, disk.durable.values())) < 12_000
        assert sum(file.startswith("snapshot-") for file in disk.names()) == 1
        assert world.nodes[name].status().snapshot > 50
    words = world.states["a"].words
    for name in "abc":
        world.crash(name)
    for name in "abc":
        world.start(name)
    assert len(world.states["a"].words) > 40
    world.now_s += 2.5
    world.tick("b")
    world.settle()
    assert [world.states[name].words for name in "abc"] == [words] * 3


def test_a_start_without_its_snapshot_is_refused_by_name() -> None:
    world = group(replace(SETTINGS, snapshot_every_bytes=200, segment_bytes_max=100))
    for number in range(20):
        done(world, "a", b"%d" % number)
    world.crash("b")
    disk = world.disks["b"]
    (file,) = [file for file in disk.names() if file.startswith("snapshot-")]
    del disk.durable[file]
    with pytest.raises(DamagedSnapshot, match=f"{file} is damaged: it is missing"):
        world.start("b")


def test_a_log_that_is_gone_while_the_applied_state_is_not() -> None:
    world = World(Configuration(("a",)), keeping=True)
    world.start("a")
    world.settle()
    world.now_s = 1.5
    world.tick("a")
    world.settle()
    done(world, "a", b"x")
    world.crash("a")
    world.disks["a"] = Files()
    with pytest.raises(DamagedLog, match="it ends at entry 0, and the applied state holds entry 3"):
        world.start("a")


def test_half_a_snapshot_that_a_crash_left_is_removed() -> None:
    world = group()
    world.nodes["b"].make_snapshot()
    world.perform("b", world.nodes["b"].take_effects())
    world.disks["b"].perform(world.disks["b"].pending[0].writes[0])
    world.crash("b")
    assert any(file.startswith("snapshot-") for file in world.disks["b"].names())
    world.start("b")
    done(world, "a", b"x")
    assert not any(file.startswith("snapshot-") for file in world.disks["b"].names())


def test_a_snapshot_begun_anew_after_a_crash_outlives_the_removal_of_its_left_over() -> None:
    world = group()
    done(world, "a", b"x")
    world.nodes["b"].make_snapshot()
    world.perform("b", world.nodes["b"].take_effects())
    world.disks["b"].perform(world.disks["b"].pending[0].writes[0])
    world.crash("b")
    world.start("b")
    world.now_s += 0.2
    world.tick("a")
    while world.nodes["b"].applied_index < world.nodes["a"].applied_index:
        if world.letters:
            world.deliver(world.letters[0])
        else:
            world.sync("b")
    world.nodes["b"].make_snapshot()
    world.perform("b", world.nodes["b"].take_effects())
    world.settle()
    assert world.nodes["b"].status().snapshot > 0
    world.crash("b")
    world.start("b")


def test_a_member_that_joins_an_old_group_gets_a_snapshot() -> None:
    world = group(replace(SETTINGS, snapshot_every_bytes=500, segment_bytes_max=200))
    for number in range(30):
        done(world, "a", b"%d" % number)
    world.start("d")
    token = world.ask("a", Change(("a", "b", "c"), ("d",)))
    for _ in range(4):
        world.now_s += 0.2
        world.tick("a")
        world.settle()
    assert isinstance(world.answers[token], Done)
    assert world.states["d"].words == world.states["a"].words
    assert world.nodes["d"].status().snapshot > 0
    world.crash("d")
    world.start("d")
    assert world.nodes["d"].member.log.configuration.learners == ("d",)


def test_a_crash_in_the_first_write_leaves_a_member_that_begins_again() -> None:
    world = World(Configuration(("a",)))
    world.start("a")
    world.disks["a"].perform(world.disks["a"].pending[0].writes[0])
    world.crash("a")
    assert world.disks["a"].names() == ["log-0000000001"]
    world.start("a")
    world.settle()
    world.now_s = 1.5
    world.tick("a")
    world.settle()
    done(world, "a", b"x")


def test_what_an_earlier_life_wrote_is_synced_before_anything_is_promised_on_it() -> None:
    world = group()
    world.crash("b")
    world.start("b")
    (store,) = world.disks["b"].pending
    assert isinstance(store.writes[0], Truncate), "the old segment is written to, so that it is synced"
    assert isinstance(store.writes[-1], Append)
    world.now_s = 9.0
    world.step("b", Received("a", AppendMessage(0, 2, 2, 2, 0, ())))
    assert world.letters == []
    world.sync("b")
    assert [letter.message for letter in world.letters] == [Appended(0, 2, 2)]


def test_a_quiet_member_vouches_for_its_last_write_once() -> None:
    world = group()
    done(world, "a", b"x")
    world.now_s += 0.01
    world.tick("b")
    (mark,) = world.disks["b"].pending
    assert isinstance(mark, Store)
    world.settle()
    world.tick("b")
    assert not world.disks["b"].pending


def test_a_message_that_makes_no_sense_is_counted_and_dropped() -> None:
    world = group()
    world.step("b", Received("a", AppendMessage(0, 2, -1, 0, 0, ())))
    world.step("b", Received("a", Stale(9, 3)))
    assert world.nodes["b"].refused == 2
    assert world.nodes["b"].member.term == 2


def test_a_halted_member_does_nothing_more() -> None:
    world = group()
    world.step("a", Received("b", AppendMessage(0, 2, 0, 0, 0, ())))
    assert world.halted == {"a": "b sends Append as leader of term 2, which a leads"}
    assert world.nodes["a"].step(Received("b", Stale(0, 99)), 2.0) == ()


def test_a_group_of_one_on_an_empty_disk_needs_to_be_told_so() -> None:
    world = World(Configuration())
    world.disks["a"] = Files()
    world.start("a")
    world.now_s = 9.0
    world.tick("a")
    assert world.nodes["a"].member.role is Role.FOLLOWER
    assert not world.disks["a"].pending
