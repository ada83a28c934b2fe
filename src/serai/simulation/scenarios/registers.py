"""Registers that must pass and canaries that must be caught: the proof that a simulation finds what it looks for."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from serai.kernel.machines import Machine
from serai.kernel.ports import Disk
from serai.simulation.checkers.linearizability import check_linearizable
from serai.simulation.checkers.models import Read, Registers
from serai.simulation.clients import Client, Done, Elsewhere, Patience, Verdict
from serai.simulation.faults import ROUGH, WAN, Faults
from serai.simulation.scenario import Scenario, Stage
from serai.simulation.scenarios.lone import HastyRegister, LoneRegister
from serai.simulation.scenarios.quorum import ForgetfulReader, HastyKeeper, NotReady, QuorumRegister
from serai.simulation.workloads import RegisterCalls, Shares
from serai.simulation.world import World

NAMES = ("a", "b", "c")
CLIENTS = 4
KEYS = 2
HURRY = Patience(think_s=0.04)
"""Calls meet, and the two keys' histories stay short enough to be judged."""


class Plain:
    """The machines speak the checker's own language."""

    def request(self, call: object) -> object:
        """The call itself."""
        return call

    def verdict(self, call: object, reply: object) -> Verdict:
        """The result, unless the node is not ready."""
        return Elsewhere() if isinstance(reply, NotReady) else Done(reply)

    def repeatable(self, call: object) -> bool:
        """Reads."""
        return isinstance(call, Read)


def _stage(world: World, names: Sequence[str], calls: RegisterCalls) -> Stage:
    clients = [
        Client(world, f"client {number}", names, workload=calls, dialect=Plain(), patience=HURRY)
        for number in range(1, CLIENTS + 1)
    ]
    return Stage(clients, lambda: check_linearizable(world.history.operations, Registers()))


def lone(machine: Callable[[Disk], Machine]) -> Callable[[World], Stage]:
    """One node and clients that read, write, compare and set."""

    def build(world: World) -> Stage:
        world.add_node("a", machine)
        return _stage(world, ["a"], RegisterCalls(KEYS, Shares(cas=1)))

    return build


def quorum(machine: Callable[[str, Sequence[str], Disk], Machine], regions: Sequence[str]) -> Callable[[World], Stage]:
    """Three nodes and clients that read and write."""

    def build(world: World) -> Stage:
        for name, region in zip(NAMES, regions, strict=True):
            world.add_node(name, lambda disk, name=name: machine(name, NAMES, disk), region)  # type: ignore[misc]
        return _stage(world, NAMES, RegisterCalls(KEYS))

    return build


HERE = ("", "", "")
FAR = ("europe", "europe", "america")

POWER = Faults(crash_every_s=0.5, crash_all=0.7, slow_sync=0.2, slow_sync_s=0.2)
"""Losses of power alone: what else may happen hides the canaries behind calls that nobody answers."""

CUTS = Faults(loss=0.1, reordering=0.2, partition_every_s=0.5, partition_s=0.3, one_way=0.3)
"""Of the network alone."""

NODES_RUIN = ("a node crashed", "a crash lost writes", "a write was torn", "a sync was slow", "a disk was full")
NETWORKS_RUIN = (
    *("a message was lost", "a message came twice", "a message could be overtaken", "a message met a partition"),
    *("a message waited on a clogged link", "a partition stopped one direction only"),
    *("a process stood still", "a wall clock stepped"),
)

SCENARIOS = (
    Scenario(
        name="lone",
        meaning="A register on one node that logs before it answers is linearizable through every crash.",
        build=lone(LoneRegister),
        faults=ROUGH,
        must_reach=NODES_RUIN,
    ),
    Scenario(
        name="quorum",
        meaning="A register on three nodes that asks majorities is linearizable under all faults at once.",
        build=quorum(QuorumRegister, HERE),
        faults=ROUGH,
        must_reach=(*NODES_RUIN, *NETWORKS_RUIN, "a sync failed"),
    ),
    Scenario(
        name="wan",
        meaning="The same with one node on the other side of an ocean.",
        build=quorum(QuorumRegister, FAR),
        faults=replace(ROUGH, wan_s=WAN),
        must_reach=NETWORKS_RUIN,
    ),
    Scenario(
        name="canary-hasty-register",
        meaning="Canary: one node answers before it has logged.",
        build=lone(HastyRegister),
        faults=POWER,
        caught_as="linearizability",
    ),
    Scenario(
        name="canary-hasty-keeper",
        meaning="Canary: of three nodes each says that it keeps a value before it has logged it.",
        build=quorum(HastyKeeper, HERE),
        faults=POWER,
        caught_as="linearizability",
    ),
    Scenario(
        name="canary-forgetful-reader",
        meaning="Canary: a read on three nodes does not give what it found to a majority.",
        build=quorum(ForgetfulReader, HERE),
        faults=CUTS,
        caught_as="linearizability",
    ),
)
