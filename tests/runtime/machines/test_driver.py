"""Machines in the real world: scripted ones step by step, and three members of consensus that die and come back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from tests.runtime.machines.members import Group
from tests.simulation.machines import Reaction, Scripted

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
from serai.mechanisms.consensus.requests import Done, Propose
from serai.runtime.machines.driver import Driver
from serai.runtime.machines.errors import DiskFailed, MachineHalted


class Bench:
    """A scripted machine under a driver, and what it wanted."""

    def __init__(self, first: Sequence[Effect] = (), reaction: Reaction = lambda event, now_s: ()) -> None:
        self.machine = Scripted(first, reaction)
        self.sent: list[tuple[str, object]] = []
        self.stores: list[Store] = []
        self.looks = 0
        self.driver = Driver(
            self.machine,
            send=lambda to, message: self.sent.append((to, message)),
            store=self.stores.append,
            after_step=self._look,
        )
        self.driver.start()

    def _look(self) -> None:
        self.looks += 1


async def test_effects_are_performed_in_their_order_and_looked_at_after_each_step() -> None:
    store = Store(1, (Append("log", b"x"),))

    def reaction(event: Event, now_s: float) -> Sequence[Effect]:
        return (Send("b", 1), Answer(event.token, "yes"), Send("c", 2)) if isinstance(event, Asked) else ()

    bench = Bench((store, Send("b", "hello")), reaction)
    assert bench.stores == [store] and bench.sent == [("b", "hello")] and bench.looks == 1
    assert await bench.driver.ask("well?") == "yes"
    bench.driver.received("b", "message")
    bench.driver.stored(1)
    assert bench.machine.events == [Asked(1, "well?"), Received("b", "message"), Stored(1)]
    assert bench.sent[1:] == [("b", 1), ("c", 2)] and bench.looks == 4


async def test_a_timer_runs_out_once_and_not_before_it_is_due_nor_when_it_is_unwanted() -> None:
    def reaction(event: Event, now_s: float) -> Sequence[Effect]:
        done = event == TimedOut("late")
        return (Answer(1, "late"),) if done else ()

    bench = Bench((Arm("early", 0.01), Arm("again", 0.001), Arm("again", 0.02), Arm("never", 0.005), Disarm("never")))
    bench.driver.take((Arm("late", 0.05), Disarm("unknown")))
    bench.machine.reaction = reaction
    assert await asyncio.wait_for(bench.driver.ask("when?"), 10) == "late"
    timed = [(event.timer, at_s) for event, at_s in bench.machine.seen if isinstance(event, TimedOut)]
    assert [timer for timer, _ in timed] == ["early", "again", "late"]
    for (_, at_s), after_s in zip(timed, (0.01, 0.02, 0.05), strict=True):
        assert at_s - bench.machine.born_s > after_s - 0.002  # what the loop's clock resolves


def halting(event: Event, now_s: float) -> Sequence[Effect]:
    return (Halt("two leaders in one term"), Send("b", "never"))


def raising(event: Event, now_s: float) -> Sequence[Effect]:
    raise ZeroDivisionError("a bug")


def asking_too_much(event: Event, now_s: float) -> Sequence[Effect]:
    return (Arm("a bug", None),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reaction", "reason", "words"),
    [
        (halting, MachineHalted, "two leaders in one term"),
        (raising, ZeroDivisionError, "a bug"),
        (asking_too_much, TypeError, "delay must not be None"),
    ],
)
async def test_a_machine_that_cannot_go_on_ends_once_and_tells_all_who_wait(
    reaction: Reaction, reason: type[Exception], words: str
) -> None:
    bench = Bench((Arm("tick", 0.001),), lambda event, now_s: ())
    waiting = [asyncio.ensure_future(bench.driver.ask(number)) for number in range(3)]
    await asyncio.sleep(0)
    bench.machine.reaction = reaction
    looks = bench.looks
    with pytest.raises(MachineHalted, match=f"the member has stopped .*{words}.*it may have been done: look first"):
        await bench.driver.ask("the last straw")
    seen = len(bench.machine.events)
    assert bench.looks == looks and all(timer.cancelled() for timer in bench.driver._timers.values())
    for one in waiting:
        with pytest.raises(MachineHalted, match="it may have been done"):
            await one
    with pytest.raises(reason, match=words):
        await bench.driver.over
    with pytest.raises(MachineHalted, match="ask another one"):
        await bench.driver.ask("too late")
    bench.driver.received("b", "late")
    bench.driver.stored(1)
    bench.driver.take((Send("b", "late"),))
    await asyncio.sleep(0.01)  # the timer's time
    assert len(bench.machine.events) == seen and bench.sent == []


async def test_a_world_that_fails_ends_the_machine_too() -> None:
    """Control: only the machine's own failures counted, and it went on beside a world that had missed a step."""

    def broken() -> None:
        raise LookupError("a watcher's bug")

    driver = Driver(Scripted(), send=lambda to, message: None, store=lambda store: None, after_step=broken)
    driver.start()
    with pytest.raises(LookupError):
        await driver.over


async def test_a_failed_disk_ends_the_machine_with_its_sentence() -> None:
    bench = Bench()
    waiting = asyncio.ensure_future(bench.driver.ask("write"))
    await asyncio.sleep(0)
    bench.driver.disk_failed(DiskFailed("log cannot be written"))
    with pytest.raises(MachineHalted, match=r"\(log cannot be written\)"):
        await waiting
    with pytest.raises(DiskFailed):
        await bench.driver.over


async def test_who_stops_waiting_is_forgotten() -> None:
    bench = Bench()
    waiting = asyncio.ensure_future(bench.driver.ask("never answered"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert bench.driver._asked == {}
    bench.driver.take((Answer(1, "late"),))
    bench.driver.end()
    assert await bench.driver.over is None


class Gathered(Scripted):
    """Answers what is asked together, and keeps what that was."""

    def __init__(self) -> None:
        super().__init__()
        self.together: list[list[object]] = []

    def step_asked(self, asked: Sequence[Asked], now_s: float) -> Sequence[Effect]:
        self.together.append([event.request for event in asked])
        return [Answer(event.token, len(asked)) for event in asked]


async def test_what_is_asked_in_one_turn_is_handed_over_together() -> None:
    machine = Gathered()
    driver = Driver(machine, send=lambda to, message: None, store=lambda store: None, after_step=lambda: None)
    gone = asyncio.ensure_future(driver.ask("never mind"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await asyncio.gather(*(driver.ask(number) for number in range(3))) == [3, 3, 3]
    assert await driver.ask("alone") == 1
    only = asyncio.ensure_future(driver.ask("nor this"))
    await asyncio.sleep(0)
    only.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert machine.together == [[0, 1, 2], ["alone"]] and machine.events == []


async def test_a_machine_that_does_not_gather_is_stepped_for_each() -> None:
    bench = Bench((), lambda event, now_s: (Answer(event.token, "yes"),) if isinstance(event, Asked) else ())
    assert await asyncio.gather(*(bench.driver.ask(number) for number in range(3))) == ["yes"] * 3
    assert bench.machine.events == [Asked(1, 0), Asked(2, 1), Asked(3, 2)]


# Three members ----------------------------------------------------------------------------------------------------


OpenGroup = Callable[[], Awaitable[Group]]


@pytest.fixture
async def open_group(tmp_path: Path) -> AsyncIterator[OpenGroup]:
    group = Group(tmp_path)

    async def open_() -> Group:
        await group.start()
        return group

    yield open_
    await group.kill()


async def test_nothing_is_lost_while_members_die_and_come_back(open_group: OpenGroup) -> None:
    group = await open_group()
    words = [b"w%d" % number for number in range(2_000)]
    killed = ""
    for at in range(0, 2_000, 100):
        proposals = asyncio.gather(*(group.propose(word) for word in words[at : at + 100]))
        if at == 600:
            killed = (await group.leader()).name
            await asyncio.sleep(0)  # they are asked, and none is answered
            await group.kill(killed)
        if at == 1_400:
            await group.start(killed)
        if at == 1_700:
            await group.kill(next(name for name in group.members if name != killed))
        await proposals
    await group.start(*(name for name in group.names if name not in group.members))
    leader = await group.leader()
    await group.propose(b"last")
    applied = leader.words.said
    async with asyncio.timeout(20):
        while any(member.words.said != applied for member in group.members.values()):
            await asyncio.sleep(0.01)
    assert set(applied) == {*words, b"last"}
    assert len(applied) < 2_001 + 150  # only what was open at a death may be there twice


async def test_proposals_of_one_turn_share_writes(open_group: OpenGroup) -> None:
    group = await open_group()
    leader = await group.leader()
    await group.propose(b"first")
    rounds = leader.storing.rounds
    replies = await asyncio.gather(*(leader.driver.ask(Propose(b"%d" % number)) for number in range(500)))
    assert all(isinstance(reply, Done) for reply in replies)
    assert leader.storing.rounds - rounds <= 4  # one, and what ticks write


async def test_a_follower_passes_a_proposal_on(open_group: OpenGroup) -> None:
    group = await open_group()
    leader = await group.leader()
    follower = next(member for member in group.members.values() if member is not leader)
    assert await follower.peers.ask(leader.name, b"passed on", 20) == b"Done"
    assert leader.words.said == [b"passed on"]


async def test_a_leader_whose_disk_fails_ends_and_the_others_go_on(
    open_group: OpenGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = await open_group()
    leader = await group.leader()
    await group.propose(b"first")
    monkeypatch.setattr(leader.storing._files, "perform", failing)
    with pytest.raises(MachineHalted, match="no space left on device"):
        await leader.driver.ask(Propose(b"unknown"))  # the others have it, since a leader writes beside sending
    with pytest.raises(DiskFailed, match="there is no room for"):
        await leader.driver.over
    await group.kill(leader.name)
    await group.propose(b"second")
    said = (await group.leader()).words.said
    assert [word for word in said if word != b"unknown"] == [b"first", b"second"]


def failing(writes: object) -> None:
    raise OSError(28, "No space left on device")
