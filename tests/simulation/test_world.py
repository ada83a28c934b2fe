"""The world performs effects as `serai.kernel.machines` promises them, and no life inherits from another."""

from datetime import timedelta

import pytest
from tests.simulation.machines import Stand

from serai.kernel.machines import (
    Answer,
    Append,
    Arm,
    Asked,
    Disarm,
    Effect,
    Event,
    Halt,
    Received,
    Send,
    Store,
    Stored,
    TimedOut,
)
from serai.simulation.faults import CALM, Faults
from serai.simulation.nodes import EPOCH
from serai.simulation.violations import Violation
from serai.simulation.world import World

LOG = Append("log", b"12345678")


def test_messages_arrive_with_their_sender() -> None:
    stand = Stand()
    stand.add("a", [Send("b", "hello"), Send("a", "me")])
    stand.add("b")
    stand.start().run(1.0)
    assert stand.events("b") == [Received("a", "hello")]
    assert stand.events("a") == [Received("a", "me")]


def test_a_message_to_nobody_is_a_bug() -> None:
    stand = Stand()
    stand.add("a", [Send("z", "hello")])
    with pytest.raises(AssertionError, match="a sends to z, which does not exist"):
        stand.start()


# Timers -------------------------------------------------------------------------------------------------------------


def expiries(stand: Stand, name: str = "a") -> list[tuple[str, float]]:
    life = stand.lives[name][-1]
    return [(event.timer, round(now_s - life.born_s, 6)) for event, now_s in life.seen if isinstance(event, TimedOut)]


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        ([Arm("t", 1.0)], [("t", 1.0)]),
        ([Arm("t", 1.0), Arm("t", 3.0)], [("t", 3.0)]),
        ([Arm("t", 3.0), Arm("t", 1.0)], [("t", 1.0)]),
        ([Arm("t", 3.0), Arm("t", 1.0), Arm("t", 2.0)], [("t", 2.0)]),
        ([Arm("t", 3.0), Arm("t", 1.0), Arm("t", 3.0)], [("t", 3.0)]),
        ([Arm("t", 1.0), Disarm("t")], []),
        ([Arm("t", 1.0), Disarm("t"), Arm("t", 0.5)], [("t", 0.5)]),
        ([Arm("t", 1.0), Disarm("t"), Arm("t", 2.0)], [("t", 2.0)]),
        ([Disarm("t"), Arm("u", 0.0)], [("u", 0.0)]),
        ([Arm("t", 2.0), Arm("u", 1.0)], [("u", 1.0), ("t", 2.0)]),
    ],
)
def test_a_timer_runs_out_once_at_its_last_time(effects: list[Effect], expected: list[tuple[str, float]]) -> None:
    stand = Stand()
    stand.add("a", effects)
    stand.start().run(10.0)
    assert expiries(stand) == expected


def test_a_timer_may_be_armed_anew_when_it_has_run_out() -> None:
    stand = Stand()
    stand.add("a", [Arm("t", 1.0)], lambda event, now_s: [Arm("t", 1.0)])
    stand.start().run(4.5)
    assert expiries(stand) == [("t", float(number)) for number in (1, 2, 3, 4)]


def test_timers_die_with_their_life() -> None:
    stand = Stand()
    stand.add("a", [Arm("t", 1.0)])
    world = stand.start()
    world.run(0.5)
    world.crash("a", 0.1)
    world.run(1.3)
    assert stand.events("a") == []
    world.run(2.0)
    assert expiries(stand) == [("t", 1.0)]
    assert len(stand.lives["a"]) == 2


# Disks --------------------------------------------------------------------------------------------------------------


def test_stores_are_told_in_order_and_share_syncs() -> None:
    stand = Stand(Faults(sync_min_s=0.01, sync_max_s=0.01))
    stand.add("a", [Store(token, (LOG,)) for token in (5, 3, 4)])
    stand.start().run(1.0)
    assert stand.events("a") == [Stored(5), Stored(3), Stored(4)]
    times = [round(now_s - stand.lives["a"][0].born_s, 6) for _, now_s in stand.lives["a"][0].seen]
    assert times == [0.01, 0.02, 0.02]  # what came during the first sync shares the second


def test_nothing_is_told_to_a_life_that_did_not_ask() -> None:
    stand = Stand(Faults(sync_min_s=0.1, sync_max_s=0.1))
    stand.add("a", [Store(1, (LOG,))])
    world = stand.start()
    world.run(0.05)
    world.crash("a", 0.0)
    world.run(0.12)
    assert stand.lives["a"][0].seen == stand.lives["a"][1].seen == []
    world.run(1.0)
    assert stand.events("a") == [Stored(1)]


def test_a_full_disk_ends_the_process_until_there_is_room() -> None:
    stand = Stand()
    stand.add("a", [Store(1, (LOG,))])
    stand.world.fill_disk("a", 3.0)
    world = stand.start()
    assert world.machine("a") is None
    world.run(10.0)
    assert world.reached["a disk was full"] > 1
    assert stand.events("a") == [Stored(1)]


def test_a_failed_sync_ends_the_process() -> None:
    stand = Stand(Faults(failed_sync=1.0, down_s=0.5))
    stand.add("a", [Store(1, (LOG,))])
    world = stand.start()
    world.run(2.0)
    assert len(stand.lives["a"]) > 2
    assert all(life.seen == [] for life in stand.lives["a"])
    world.heal()
    world.run(3.0)
    assert stand.events("a") == [Stored(1)]


def test_a_doomed_node_crashes_in_its_next_sync() -> None:
    lost = 0
    for seed in range(30):
        stand = Stand(Faults(torn=0.0), seed)
        stand.add("a", [Arm("t", 1.0)], lambda event, now_s: [Store(1, (LOG,))] if event == TimedOut("t") else [])
        world = stand.start()
        world.doom("a", 5.0)
        world.run(0.9)
        assert world.machine("a") is not None
        world.run(1.2)
        assert world.machine("a") is None
        assert Stored(1) not in stand.events("a")
        lost += world.reached["a crash lost writes"]
    assert 5 < lost < 30


def test_bit_rot_touches_no_more_nodes_than_it_may() -> None:
    stand = Stand(Faults(bit_rot=1.0, rotten_nodes_max=1))
    for name in "abc":
        stand.add(name, [Store(1, (LOG,))])
    world = stand.start()
    for _ in range(3):
        world.run(world.now_s + 1.0)
        for name in world.names:
            world.crash(name, 0.1)
    world.run(world.now_s + 1.0)
    assert [name for name in world.names if world.is_rotten(name)] == ["a"]
    assert world.reached["a bit rotted"] == 3


# Lives --------------------------------------------------------------------------------------------------------------


def test_a_halted_machine_stays_down() -> None:
    stand = Stand()
    stand.add("a", [Halt("the log is damaged"), Send("b", "too late")])
    stand.add("b")
    world = stand.start()
    world.heal()
    world.run(5.0)
    assert world.halted == {"a": "the log is damaged"}
    assert len(stand.lives["a"]) == 1
    assert stand.events("b") == []


def test_what_comes_to_a_dead_node_is_lost_and_what_comes_later_is_not() -> None:
    stand = Stand()
    stand.add("a", [Send("b", 1), Arm("t", 1.0)], lambda event, now_s: [Send("b", 2)])
    stand.add("b")
    world = stand.start()
    world.crash("b", 0.5)
    world.run(2.0)
    assert stand.events("b") == [Received("a", 2)]


def test_a_pause_keeps_everything_and_its_order() -> None:
    def beat(event: Event, now_s: float) -> list[Effect]:
        return [Send("b", round(now_s * 1e6)), Arm("t", 0.1)] if isinstance(event, TimedOut) else []

    stand = Stand(Faults(latency_min_s=0.001, latency_max_s=0.001))
    stand.add("a", [Arm("t", 0.1)], beat)
    stand.add("b", [Arm("u", 0.5), Store(1, (LOG,)), Store(2, (LOG,))])
    world = stand.start()
    world.pause("b", 1.0)
    world.pause("b", 9.0)  # it stands still already
    assert world.is_paused("b")
    world.run(0.9)
    assert stand.events("b") == []
    world.run(3.0)
    seen = stand.events("b")
    messages = [event.message for event in seen if isinstance(event, Received)]
    assert len(messages) == 29
    assert messages == sorted(messages)
    assert [event for event in seen if isinstance(event, Stored)] == [Stored(1), Stored(2)]
    assert seen.count(TimedOut("u")) == 1
    assert all(now_s - stand.lives["b"][0].born_s >= 1.0 for _, now_s in stand.lives["b"][0].seen)


def test_nobody_is_doomed_any_more_in_a_healed_world() -> None:
    stand = Stand()
    stand.add("a", [Arm("t", 1.0)], lambda event, now_s: [Store(1, (LOG,))] if event == TimedOut("t") else [])
    world = stand.start()
    world.doom("a", 1.0)
    world.heal()
    world.run(2.0)
    assert Stored(1) in stand.events("a")


def test_healing_brings_up_who_is_down() -> None:
    stand = Stand()
    stand.add("a")
    world = stand.start()
    world.crash("a", 100.0)
    world.heal()
    assert world.machine("a") is not None
    world.run(200.0)
    assert len(stand.lives["a"]) == 2  # the start that was planned finds it up


# Requests -----------------------------------------------------------------------------------------------------------


def test_a_request_is_answered_once() -> None:
    stand = Stand()
    stand.add("a", reaction=lambda event, now_s: [Answer(event.token, event.request * 2)])  # type: ignore[union-attr]
    world = stand.start()
    replies: list[object] = []
    world.ask("client", "a", 21, replies.append)
    world.run(1.0)
    assert replies == [42]
    assert isinstance(stand.events("a")[0], Asked)


def test_a_second_answer_is_a_violation() -> None:
    stand = Stand()
    stand.add("a", reaction=lambda event, now_s: [Answer(event.token, 1)] * 2)  # type: ignore[union-attr]
    world = stand.start()
    world.ask("client", "a", "?", lambda reply: None)
    with pytest.raises(Violation, match="a answers 1, which nobody asked or which was answered"):
        world.run(1.0)


def test_a_life_cannot_answer_for_an_earlier_one() -> None:
    tokens: list[int] = []

    def react(event: Event, now_s: float) -> list[Effect]:
        if isinstance(event, Asked):
            tokens.append(event.token)
            return []
        return [Answer(tokens[0], "late")] if tokens else []

    stand = Stand()
    stand.add("a", [Arm("t", 1.0)], react)
    world = stand.start()
    world.ask("client", "a", "?", lambda reply: None)
    world.run(0.5)
    world.crash("a", 0.1)
    with pytest.raises(Violation, match="answer"):
        world.run(3.0)


@pytest.mark.parametrize("cut", [(["client"], ["a"]), (["a"], ["client"])])
def test_requests_and_replies_are_lost_like_messages(cut: tuple[list[str], list[str]]) -> None:
    stand = Stand()
    stand.add("a", reaction=lambda event, now_s: [Answer(event.token, 1)])  # type: ignore[union-attr]
    world = stand.start()
    world.network.cut(*cut)
    replies: list[object] = []
    world.ask("client", "a", "?", replies.append)
    world.run(1.0)
    assert replies == []
    assert len(stand.events("a")) == (cut[0] == ["a"])


# Clocks -------------------------------------------------------------------------------------------------------------


def test_monotonic_clocks_drift_and_begin_anywhere() -> None:
    stand = Stand(Faults(clock_drift=0.1))
    for name in "abc":
        stand.add(name, [Arm("t", 1.0)])
    world = stand.start()
    starts = {life[0].born_s for life in stand.lives.values()}
    assert len(starts) == 3
    world.run(2.0)
    for name in "abc":
        assert expiries(stand, name) == [("t", 1.0)]  # by its own clock
    took = [stand.world.clock(name).monotonic() - stand.lives[name][0].born_s for name in "abc"]
    assert all(1.8 <= seconds <= 2.2 for seconds in took)
    assert len({round(seconds, 3) for seconds in took}) == 3


def test_wall_clocks_are_skewed_and_step() -> None:
    stand = Stand(Faults(clock_skew_s=10.0))
    stand.add("a")
    world = stand.start()
    clock = world.clock("a")
    off = clock.now() - EPOCH
    assert timedelta(0) < abs(off) < timedelta(seconds=10)
    before = clock.monotonic()
    world.step_clock("a", 7.0)
    assert clock.now() - EPOCH - off == timedelta(seconds=7)
    assert clock.monotonic() == before


# Watching -----------------------------------------------------------------------------------------------------------


def test_an_observer_sees_every_step_with_its_effects() -> None:
    stand = Stand()
    stand.add("a", [Arm("t", 1.0)], lambda event, now_s: [Send("a", "x")] if event == TimedOut("t") else [])
    seen: list[tuple[str, Event, list[Effect]]] = []
    stand.world.observer = lambda name, machine, event, effects: seen.append((name, event, list(effects)))
    stand.start().run(2.0)
    assert seen == [("a", TimedOut("t"), [Send("a", "x")]), ("a", Received("a", "x"), [])]


def test_a_trace_tells_events_and_effects() -> None:
    lines: list[str] = []
    world = World(1, CALM, lines.append)
    stand = Stand()
    stand.world = world
    stand.add("a", [Send("a", "x")])
    stand.start().run(1.0)
    assert [line[14:] for line in lines] == [
        "a started",
        "a -> Send(to='a', message='x')",
        "a <- Received(sender='a', message='x')",
    ]


def test_a_world_refuses_senseless_faults() -> None:
    with pytest.raises(AssertionError, match=r"loss is 2.0"):
        World(1, Faults(loss=2.0))
