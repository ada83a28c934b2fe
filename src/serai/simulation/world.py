"""The scheduler: virtual time, a heap of what will happen, and the effects of every machine performed on it.

Two runs of one seed are the same run, so whatever goes wrong in one can be looked at again. Nothing here waits or asks
a real clock: an hour of a cluster's life takes as long as its events take to compute.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import inf
from typing import Any

from serai.kernel.machines import (
    Answer,
    Append,
    Arm,
    Asked,
    Disarm,
    Effect,
    Event,
    Halt,
    Machine,
    Received,
    Replace,
    Send,
    Store,
    Stored,
    TimedOut,
)
from serai.simulation.chance import Seeded
from serai.simulation.disk import SimulatedMap
from serai.simulation.faults import CALM, Faults
from serai.simulation.history import History
from serai.simulation.network import Network
from serai.simulation.nodes import Factory, Node, NodeClock, Timer
from serai.simulation.trace import Tell, Trace
from serai.simulation.violations import Violation

Observer = Callable[[str, Machine, Event, Sequence[Effect]], None]
"""Sees every step after it was made and before its effects: the place for invariants and for `World.reach`."""

SLICE_S = 0.02
"""How often `run_until` looks."""


class World:
    """Nodes, the network between them, and time. Add nodes, then `start`, then `run`."""

    def __init__(self, seed: int | str, faults: Faults = CALM, tell: Tell | None = None) -> None:
        problems = faults.problems()
        assert not problems, " ".join(problems)
        self.now_s = 0.0
        self.faults = faults
        self.history = History()
        self.reached: Counter[str] = Counter()
        """How often each named state was reached."""
        self.observer: Observer | None = None
        self.trace = Trace(tell)
        self._chance = Seeded(seed)
        self.network = Network(faults, self.chance("network"), self.reached)
        self._disks = self.chance("disks")
        self._lives = self.chance("lives")
        self._nodes: dict[str, Node] = {}
        self._heap: list[tuple[float, int, Callable[[Any, Any], None], Any, Any]] = []
        self._count = 0
        self._perform: dict[type, Callable[[Node, Any], None]] = {
            Send: self._send,
            Arm: self._arm,
            Disarm: self._disarm,
            Store: self._store,
            Answer: self._answer,
            Halt: self._halt,
        }

    # Making it ------------------------------------------------------------------------------------------------------

    def chance(self, label: str) -> Seeded:
        """A stream of chance of its own for whoever needs one, such as a machine's election timeouts."""
        return self._chance.split(label)

    def add_node(self, name: str, factory: Factory, region: str = "") -> None:
        """A node that `start` brings up."""
        assert name not in self._nodes, f"there are two nodes called {name}"
        self.network.place(name, region)
        self._nodes[name] = Node(name, len(self._nodes), factory, self.faults, self.chance(f"clocks of {name}"))

    def clock(self, name: str) -> NodeClock:
        """The clocks of a node, for a machine that writes down dates."""
        return NodeClock(self._nodes[name], lambda: self.now_s)

    def ordered_map(self, name: str) -> SimulatedMap:
        """The map of a node: it outlives the machine, save for unsynced batches that a crash takes."""
        return self._nodes[name].ordered

    # Looking at it --------------------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """Every node."""
        return list(self._nodes)

    @property
    def halted(self) -> dict[str, str]:
        """Nodes whose machine gave up for good, and why."""
        return {node.name: node.halted for node in self._nodes.values() if node.halted}

    def machine(self, name: str) -> Machine | None:
        """The machine that lives on a node now."""
        return self._nodes[name].machine

    def is_rotten(self, name: str) -> bool:
        """Bit rot has touched its disk."""
        return self._nodes[name].disk.rotten

    def is_paused(self, name: str) -> bool:
        """Its process stands still."""
        return self._nodes[name].resumes_s > self.now_s

    def reach(self, state: str) -> None:
        """Counts that a rare state was reached."""
        self.reached[state] += 1

    # Time -----------------------------------------------------------------------------------------------------------

    def after(self, delay_s: float, act: Callable[[], None]) -> None:
        """Does this so much later."""
        assert delay_s >= 0, f"nothing can be done {-delay_s} s ago"
        self._push(self.now_s + delay_s, self._call, act, None)

    def run(self, until_s: float) -> None:
        """Lets everything happen that is due until then."""
        assert until_s >= self.now_s, f"it is {self.now_s} s; time does not run back to {until_s} s"
        heap = self._heap
        while heap and heap[0][0] <= until_s:
            self.now_s, _, act, subject, content = heappop(heap)
            act(subject, content)
        self.now_s = until_s

    def run_until(self, done: Callable[[], bool], until_s: float) -> bool:
        """Runs until it is done, or until then; says whether it is done."""
        while not done() and self.now_s < until_s:
            self.run(min(self.now_s + SLICE_S, until_s))
        return done()

    def _push(self, at_s: float, act: Callable[[Any, Any], None], subject: Any, content: Any) -> None:
        self._count += 1
        heappush(self._heap, (at_s, self._count, act, subject, content))

    def _call(self, act: Callable[[], None], _: None) -> None:
        act()

    # Lives and deaths -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Brings every node up that is down and has not halted."""
        for node in self._nodes.values():
            if node.machine is None and not node.halted:
                self._start(node, node.life)

    def crash(self, name: str, down_s: float | None = None) -> None:
        """Ends a node's process, unless it is down, and loses what was not synced. It starts again after `down_s`."""
        node = self._nodes[name]
        if node.machine is None:
            return
        self._note(f"{name} crashed")
        self.reached["a node crashed"] += 1
        damage = node.disk.crash(self._disks, self.faults.torn, self.faults.scattered)
        self.reached["a crash lost writes"] += damage.lost > 0
        self.reached["a crash lost writes of files apart"] += damage.scattered and damage.lost > 0
        self.reached["a write was torn"] += damage.torn
        self.reached["a crash lost batches of a map"] += node.ordered.crash(self._disks) > 0
        node.dead()
        if down_s is not None:
            self._push(self.now_s + down_s, self._start, node, node.life)

    def doom(self, name: str, down_s: float) -> None:
        """Lets a node crash in the middle of its next sync: a crash at any time rarely meets one."""
        self._nodes[name].doomed_s = down_s

    def _start(self, node: Node, life: int) -> None:
        if node.life != life:
            return  # somebody else has started it in the meantime
        assert node.machine is None, f"{node.name} is up"
        assert not node.halted, f"{node.name} has halted: an operator must look"
        self._rot(node)
        self._note(f"{node.name} started")
        node.born(self.now_s, self._lives)
        node.machine = machine = node.factory(node.disk)
        self._do(node, machine, machine.start(node.monotonic_s(self.now_s)))

    def _rot(self, node: Node) -> None:
        rotten = sum(other.disk.rotten for other in self._nodes.values())
        spared = not node.disk.rotten and rotten >= self.faults.rotten_nodes_max
        if not spared and self._disks.happens(self.faults.bit_rot) and (file := node.disk.rot(self._disks)):
            self.reached["a bit rotted"] += 1
            self._note(f"a bit of {file} rotted on {node.name}")

    def _refuse(self, node: Node, why: str) -> None:
        """The disk refuses: the process ends, since nobody knows what is there."""
        self._note(f"{node.name}: {why}")
        self.reached[why] += 1
        self.crash(node.name, self._lives.between(0.5, 1.5) * self.faults.down_s)

    def pause(self, name: str, for_s: float) -> None:
        """The process stands still, unless it does already; what comes to it waits, in order."""
        node = self._nodes[name]
        if node.machine is not None and node.resumes_s <= self.now_s:
            self._note(f"{name} pauses")
            self.reached["a process stood still"] += 1
            node.resumes_s = self.now_s + for_s

    def step_clock(self, name: str, by_s: float) -> None:
        """The wall clock jumps."""
        self._note(f"the clock of {name} steps")
        self.reached["a wall clock stepped"] += 1
        self._nodes[name].wall_off_s += by_s

    def fill_disk(self, name: str, for_s: float) -> None:
        """The disk takes nothing for so long."""
        disk = self._nodes[name].disk
        disk.full = True
        self.after(for_s, lambda: setattr(disk, "full", False))

    def heal(self) -> None:
        """The faults end: links are whole, disks have room, and every node that has not halted comes up.

        Pauses end by themselves, since what waits for their end must stay in order.
        """
        self._note("healed")
        self.faults = self.faults.healed()
        self.network.heal(self.faults)
        for node in self._nodes.values():
            node.disk.full = False
            node.doomed_s = None
        self.start()

    def _note(self, words: str) -> None:
        self.trace.text(words)
        if self.trace.tell:
            self.trace.tell(f"{self.now_s:12.6f}  {words}")

    # What comes to machines -----------------------------------------------------------------------------------------

    def ask(self, asker: str, name: str, request: object, answered: Callable[[object], None]) -> None:
        """Sends a request to a node as a client does: it may be lost, and so may the reply."""
        self._count += 1
        content = (Asked(self._count, request), self.network.link(name, asker), answered)
        for at_s in self.network.arrivals(self.network.link(asker, name), self.now_s)[:1]:
            self._push(at_s, self._request, self._nodes[name], content)

    def _request(self, node: Node, content: tuple[Asked, Any, Any]) -> None:
        if node.machine is None:
            return  # nobody listens, and the asker will see that no reply comes
        if node.resumes_s > self.now_s:
            self._push(node.resumes_s, self._request, node, content)
            return
        event, back, answered = content
        node.asked[event.token] = (back, answered)
        self._step(node, event)

    def _deliver(self, node: Node, event: Event) -> None:
        if node.machine is None:
            return
        if node.resumes_s > self.now_s:
            self._push(node.resumes_s, self._deliver, node, event)
        else:
            self._step(node, event)

    def _expire(self, node: Node, timer: Timer) -> None:
        if timer.entry_s != self.now_s:
            return  # an entry that is popped earlier has taken its place
        looks_s = max(timer.due_s, node.resumes_s)
        if looks_s > self.now_s:
            timer.entry_s = looks_s
            if timer.due_s < inf:
                self._push(looks_s, self._expire, node, timer)
            elif node.timers.get(timer.name) is timer:
                del node.timers[timer.name]
            return
        timer.entry_s = inf
        del node.timers[timer.name]
        self._step(node, TimedOut(timer.name))

    def _stored(self, node: Node, content: tuple[int, Stored]) -> None:
        life, event = content
        if node.life != life:
            return
        if node.resumes_s > self.now_s:
            self._push(node.resumes_s, self._stored, node, content)
        else:
            self._step(node, event)

    def _step(self, node: Node, event: Event) -> None:
        machine = node.machine
        assert machine is not None
        self.trace.event(self.now_s, node.number)
        # The same as `monotonic_s`, written out in the most travelled line of all.
        effects = machine.step(event, node.start_s + (self.now_s - node.born_s) * node.rate)
        if self.trace.tell:
            self.trace.tell(f"{self.now_s:12.6f}  {node.name} <- {event}")
        if self.observer:
            self.observer(node.name, machine, event, effects)
        self._do(node, machine, effects)

    # What machines want done ----------------------------------------------------------------------------------------

    def _do(self, node: Node, machine: Machine, effects: Sequence[Effect]) -> None:
        if self.trace.tell:
            for effect in effects:
                self.trace.tell(f"{'':12}  {node.name} -> {effect}")
        perform = self._perform
        for effect in effects:
            perform[type(effect)](node, effect)
            if node.machine is not machine:
                return  # the effect was its last

    def _send(self, node: Node, effect: Send) -> None:
        link = node.links.get(effect.to)
        if link is None:
            assert effect.to in self._nodes, f"{node.name} sends to {effect.to}, which does not exist"
            link = node.links[effect.to] = self.network.link(node.name, effect.to)
        event = Received(node.name, effect.message)
        receiver = self._nodes[effect.to]
        for at_s in self.network.arrivals(link, self.now_s):
            self._count += 1
            heappush(self._heap, (at_s, self._count, self._deliver, receiver, event))

    def _arm(self, node: Node, effect: Arm) -> None:
        assert effect.after_s >= 0, f"{node.name} arms {effect.timer} {effect.after_s} s from now"
        timer = node.timers.get(effect.timer)
        if timer is None:
            timer = node.timers[effect.timer] = Timer(effect.timer)
        timer.due_s = self.now_s + effect.after_s / node.rate
        if timer.due_s < timer.entry_s:
            timer.entry_s = timer.due_s
            self._push(timer.due_s, self._expire, node, timer)

    def _disarm(self, node: Node, effect: Disarm) -> None:
        if effect.timer in node.timers:
            node.timers[effect.timer].due_s = inf

    def _answer(self, node: Node, effect: Answer) -> None:
        if effect.token not in node.asked:
            raise Violation("answer", f"{node.name} answers {effect.token}, which nobody asked or which was answered")
        back, answered = node.asked.pop(effect.token)
        for at_s in self.network.arrivals(back, self.now_s)[:1]:
            self._push(at_s, self._reply, answered, effect.reply)

    def _reply(self, answered: Callable[[object], None], reply: object) -> None:
        answered(reply)

    def _halt(self, node: Node, effect: Halt) -> None:
        self._note(f"{node.name} halts: {effect.reason}")
        self.reached["a node halted"] += 1
        node.halted = effect.reason
        self.crash(node.name)

    def _store(self, node: Node, effect: Store) -> None:
        if node.disk.full:
            self._refuse(node, "a disk was full")
            return
        for write in effect.writes:
            if isinstance(write, Append | Replace):
                self.trace.data(write.data)
        node.disk.write(effect)
        if not node.syncing:
            self._sync(node)

    def _sync(self, node: Node) -> None:
        """One sync covers everything that waits; what comes in the meantime shares the next one."""
        assert node.disk.unsynced and not node.syncing, f"{node.name} has nothing to sync, or syncs already"
        node.syncing = True
        faults = self.faults
        takes_s = self._disks.between(faults.sync_min_s, faults.sync_max_s)
        if self._disks.happens(faults.slow_sync):
            self.reached["a sync was slow"] += 1
            takes_s += self._disks.between(0.0, 2.0) * faults.slow_sync_s
        if node.doomed_s is not None:
            self._push(self.now_s + takes_s * self._disks.unit(), self._meet_doom, node, (node.life, node.doomed_s))
        self._push(self.now_s + takes_s, self._synced, node, (node.life, node.disk.unsynced))

    def _meet_doom(self, node: Node, content: tuple[int, float]) -> None:
        life, down_s = content
        if node.life == life:
            self.crash(node.name, down_s)

    def _synced(self, node: Node, content: tuple[int, int]) -> None:
        life, count = content
        if node.life != life:
            return
        if self._disks.happens(self.faults.failed_sync):
            self._refuse(node, "a sync failed")
            return
        for token in node.disk.sync(count):
            self._stored(node, (life, Stored(token)))
        if node.life == life:
            node.syncing = False
            if node.disk.unsynced:
                self._sync(node)
