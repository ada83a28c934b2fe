"""Locks of leases: holders that stand still longer than their lease lives, and a resource that looks at the fencing
number of each write.

A lock alone excludes nobody: who holds it may have lost it and not know. So the resource refuses a number lower than
one that it has seen. What is judged: numbers rise in the order in which the lock was taken; no write with an older
number is accepted; no lease ends before a renewal's promise is over; and the lock is never taken while it is held.
"""

from collections.abc import Callable, Sequence

from serai.kernel.machines import Answer, Asked, Effect, Event, Machine, Replace, Store, Stored
from serai.kernel.ports import Disk
from serai.mechanisms.consensus.requests import Value
from serai.simulation.chance import Seeded
from serai.simulation.checkers.models import Read
from serai.simulation.clients import Client
from serai.simulation.faults import ROUGH, Faults
from serai.simulation.scenario import Scenario, Stage
from serai.simulation.violations import Violation
from serai.simulation.world import World
from serai.systems.coordination.scenarios.holders import LOCK, RESOURCE, TTL_S, Evidence, Holder, WriteWith
from serai.systems.coordination.scenarios.members import (
    NAMES,
    Cluster,
    Ledger,
    Made,
    Member,
    TriedState,
    usual,
)
from serai.systems.coordination.scenarios.stores import PATIENCE, Speech
from serai.systems.coordination.state.leases import LeaseClock
from serai.systems.coordination.state.machine import Command
from serai.systems.coordination.state.words import (
    EventKind,
    Revoke,
)

HIGHEST = "highest"
HOLDERS = 3


class Resource:
    """It remembers the highest number on its disk, and refuses lower ones."""

    def __init__(self, disk: Disk, accepted: list[int]) -> None:
        self._highest = int(disk.read(HIGHEST)) if HIGHEST in disk.names() else 0
        self._accepted = accepted
        self._waiting: dict[int, int] = {}

    def start(self, now_s: float) -> Sequence[Effect]:
        """Nothing."""
        return []

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        """A write counts when its number is on the disk."""
        match event:
            case Asked(token, WriteWith(number)):
                if self._refuses(number):
                    return [Answer(token, False)]
                self._highest = max(self._highest, number)
                self._waiting[token] = number
                return [Store(token, (Replace(HIGHEST, b"%d" % self._highest),))]
            case Stored(token):
                self._accepted.append(self._waiting.pop(token))
                return [Answer(token, True)]
        return []

    def _refuses(self, number: int) -> bool:
        return number < self._highest


class Trusting(Resource):
    """A canary: it believes whoever says that he holds the lock."""

    def _refuses(self, number: int) -> bool:
        return False


# Members with planted mistakes ------------------------------------------------------------------------------------


class OwnClock(Member):
    """A canary: every member ends leases by its own clock, without the log."""

    def _look(self) -> list[Effect]:
        if self._own is None or self.clock is not None:
            self._own = LeaseClock(self.state.leases.granted.values(), self._now_s)
        for number in [number for number in self._own.due(self._now_s, 100) if number in self.state.leases.granted]:
            self.state._apply(Command(Revoke(number)))
        return super()._look()

    _own: LeaseClock | None = None


class Hasty(Member):
    """A canary: a renewal is answered at once, by whoever believes that he leads, whatever the last checkpoint says."""

    def _keep_alive(self, token: int, number: int) -> Sequence[Effect]:
        known = self.state.leases.granted.get(number)
        if self.clock is None or known is None:
            return super()._keep_alive(token, number)
        return [Answer(token, Value(known.ttl_s if self.clock.renew(known, self._now_s) else -1))]


def made_of(kind: type[Member]) -> Made:
    """Members of a kind."""

    def made(world: World, name: str, disk: Disk, ledger: Ledger) -> Member:
        return kind(world, name, disk, ledger, TriedState(world, name, ledger))

    return made


class Looks:
    """Clients that look at the lock."""

    def __call__(self, chance: Seeded) -> Read:
        """Always the same."""
        return Read(LOCK.decode())


class Looking(Speech):
    """They need not know who holds it."""

    def result(self, call: object, outcome: object) -> object:
        """That they were answered."""
        return None


def locks(made: Made = usual, resource: type[Resource] = Resource) -> Callable[[World], Stage]:
    """A cluster, a resource, and holders."""

    def build(world: World) -> Stage:
        cluster, evidence = Cluster(world, made), Evidence()

        def build_resource(disk: Disk) -> Machine:
            return resource(disk, evidence.accepted)

        world.add_node(RESOURCE, build_resource)
        for number in range(1, HOLDERS + 1):
            world.after(0.3, Holder(world, number, evidence).begin)
        client = Client(world, "client", NAMES, workload=Looks(), dialect=Looking(), patience=PATIENCE)
        return Stage([client], lambda: _judge(world, cluster.ledger, evidence))

    return build


def _judge(world: World, ledger: Ledger, evidence: Evidence) -> None:
    _require_exclusion(world, ledger)
    _require_rising(evidence)
    _require_fencing(evidence)
    _require_promises(world, ledger, evidence)


def _require_exclusion(world: World, ledger: Ledger) -> None:
    """By the log: taken, let go or expired, taken."""
    held = False
    for revision in sorted(ledger.events):
        for event in ledger.events[revision]:
            taken = event.kind is EventKind.PUT
            if taken is held:
                raise Violation(
                    "exclusion", f"at revision {revision} the lock was {'taken' if taken else 'free'} twice"
                )
            held = taken
            world.reach("a lock was taken" if taken else "a lock was let go or its lease expired")


def _require_rising(evidence: Evidence) -> None:
    """Who asked after another had been told has the higher number."""
    by_end = sorted(evidence.taken, key=lambda taken: taken.told_s)
    for later in evidence.taken:
        before = [earlier.number for earlier in by_end if earlier.told_s < later.asked_s]
        if before and max(before) >= later.number:
            raise Violation("fencing", f"{later} came after the lock had been given out with {max(before)}")


def _require_fencing(evidence: Evidence) -> None:
    highest = 0
    for number in evidence.accepted:
        if number < highest:
            raise Violation("fencing", f"a write under {number} was accepted after one under {highest}")
        highest = number


def _require_promises(world: World, ledger: Ledger, evidence: Evidence) -> None:
    """A leader's clock may be fast by its drift. What a holder gave back itself was not promised any more."""
    for lease, promised_s in evidence.promised_s.items():
        ended_s = ledger.expired_s.get(lease)
        if ended_s is None:
            continue
        world.reach("a lease expired under its holder")
        if ended_s < promised_s - TTL_S * 2 * ROUGH.clock_drift:
            raise Violation(
                "lease", f"lease {lease} ended at {ended_s:.3f} s and was promised until {promised_s:.3f} s"
            )


REACHED = (
    *("a node crashed", "a process stood still", "a snapshot was restored", "a crash lost batches of a map"),
    *("a lock was taken", "a lease was renewed", "a holder stood still", "a lease expired under its holder"),
    *("a write with an old number was refused", "a holder learnt that its lease is over"),
    *("leases were checkpointed", "a renewal took a checkpoint back"),
)

SCENARIOS = (
    Scenario(
        name="locks",
        meaning="A resource behind a lock of leases accepts no older number, and no lease ends before its promise.",
        build=locks(),
        faults=ROUGH,
        must_reach=REACHED,
    ),
    Scenario(
        name="canary-no-fencing",
        meaning="Canary: the resource does not look at the number.",
        build=locks(resource=Trusting),
        faults=ROUGH,
        caught_as="fencing",
    ),
    Scenario(
        name="canary-own-clock",
        meaning="Canary: every member ends leases by its own clock.",
        build=locks(made_of(OwnClock)),
        faults=ROUGH,
        caught_as="agreement",
    ),
    Scenario(
        name="canary-hasty-renewal",
        meaning="Canary: a renewal is answered without making sure who leads, and what the next leader would give.",
        build=locks(made_of(Hasty)),
        faults=Faults(partition_every_s=0.7, partition_s=1.5, one_way=0.5, pause_every_s=0.7, pause_s=0.5),
        faulty_s=40.0,
        caught_as="lease",
    ),
)
