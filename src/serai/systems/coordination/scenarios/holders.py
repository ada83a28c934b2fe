"""Holders of a lock: clients that take it with a lease, write under its number, and let it go, or stand still longer
than their lease lives and write as if they had not."""

from collections.abc import Callable
from dataclasses import dataclass, field

from serai.mechanisms.consensus.requests import Done, NotLeader, Propose, Value
from serai.simulation.chance import Seeded
from serai.simulation.world import World
from serai.systems.coordination.scenarios.members import NAMES, KeepAlive
from serai.systems.coordination.state.machine import Command, encode_command
from serai.systems.coordination.state.words import (
    Compare,
    Grant,
    Outcome,
    Put,
    Relation,
    Revoke,
    Target,
    Txn,
    TxnResult,
)

LOCK = b"lock"
RESOURCE = "resource"
TTL_S = 3
RENEW_MIN_S, RENEW_MAX_S = 0.2, 1.6
"""A holder renews between; so what is left at a checkpoint is often less than all."""
WAIT_S = 0.6
"""For a reply."""
PAUSE_S = 5.0
"""A holder that stands still does so up to so long: its lease is over before."""
WRITES_MAX = 4
"""Of one time that a lock is held."""


@dataclass(frozen=True, slots=True)
class WriteWith:
    """A write to the resource, with the number of the lock under which it is made."""

    number: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The lock was taken: when it was asked for and when the answer came, and its number."""

    asked_s: float
    told_s: float
    number: int


@dataclass(slots=True)
class Evidence:
    """What holders were told."""

    taken: list[Taken] = field(default_factory=list)
    promised_s: dict[int, float] = field(default_factory=dict)
    """By lease: until when it was promised to live, by the holder's reckoning from when it asked."""
    accepted: list[int] = field(default_factory=list)


class Holder:
    """Takes the lock, writes under it, and lets it go or stands still; then again."""

    def __init__(self, world: World, number: int, evidence: Evidence) -> None:
        self._world = world
        self._name = f"holder {number}"
        self._evidence = evidence
        self._chance: Seeded = world.chance(self._name)
        self._member = self._chance.pick(NAMES)
        self._leases = number * 1_000_000
        self._lease = 0
        self._attempt = 0
        self._writes = 0

    # Asking -----------------------------------------------------------------------------------------------------------

    def _ask(self, request: object, done: Callable[[object], None], otherwise: Callable[[], None]) -> None:
        """One attempt; whatever is unclear is `otherwise`."""
        self._attempt += 1
        attempt = self._attempt

        def replied(reply: object) -> None:
            if attempt == self._attempt:
                self._attempt += 1
                if isinstance(reply, Done | Value):
                    done(reply.result)
                    return
                leader = reply.leader if isinstance(reply, NotLeader) else None
                self._member = leader or self._chance.pick(NAMES)
                self._world.after(self._chance.between(0.01, 0.1), otherwise)

        def expired() -> None:
            if attempt == self._attempt:
                self._attempt += 1
                self._member = self._chance.pick(NAMES)
                otherwise()

        self._world.ask(self._name, self._member, request, replied)
        self._world.after(WAIT_S, expired)

    def _propose(self, word: object, done: Callable[[object], None], otherwise: Callable[[], None]) -> None:
        data = encode_command(Command(word))  # type: ignore[arg-type]  # words that change something
        self._ask(Propose(data), done, otherwise)

    # Holding ----------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """With a lease of its own each time."""
        self._leases += 1
        self._lease = self._leases
        self._propose(
            Grant(self._lease, TTL_S), lambda _: self._promised_from(self._world.now_s, self._take), self._rest
        )

    def _promised_from(self, asked_s: float, then: Callable[[], None]) -> None:
        promised = self._evidence.promised_s
        promised[self._lease] = max(promised.get(self._lease, 0.0), asked_s + TTL_S)
        then()

    def _take(self) -> None:
        asked_s = self._world.now_s
        free = Compare(LOCK, Relation.EQUAL, Target.VERSION, 0)
        word = Txn((free,), (Put(LOCK, self._name.encode(), self._lease),))
        self._propose(word, lambda outcome: self._told(asked_s, outcome), self._let_go)

    def _told(self, asked_s: float, outcome: object) -> None:
        assert isinstance(outcome, Outcome), "the state answers with outcomes"
        if not isinstance(outcome.result, TxnResult) or not outcome.result.succeeded:
            self._world.after(self._chance.between(0.1, PAUSE_S * self._chance.happens(0.4) + 0.3), self._renewed)
            return
        self._number = outcome.revision
        self._evidence.taken.append(Taken(asked_s, self._world.now_s, self._number))
        self._writes = self._chance.below(WRITES_MAX) + 1
        self._work()

    def _renewed(self) -> None:
        self._renew(self._take)

    def _renew(self, then: Callable[[], None]) -> None:
        asked_s = self._world.now_s

        def told(ttl_s: object) -> None:
            if ttl_s == TTL_S:
                self._world.reach("a lease was renewed")
                self._promised_from(asked_s, then)
            else:
                self._world.reach("a holder learnt that its lease is over")
                self._rest()

        self._ask(KeepAlive(self._lease), told, self._let_go)

    def _work(self) -> None:
        """Writes a few times. It may stand still before a write, and then write as if it had not."""
        if self._writes == 0:
            self._let_go()
            return
        self._writes -= 1
        if self._chance.happens(0.4):
            self._world.reach("a holder stood still")
            self._world.after(self._chance.between(0.0, PAUSE_S), self._write)
        else:
            self._write()

    def _write(self) -> None:
        self._attempt += 1  # what was asked before is answered too late
        self._world.ask(self._name, RESOURCE, WriteWith(self._number), self._written)
        self._world.after(self._chance.between(RENEW_MIN_S, RENEW_MAX_S), lambda: self._renew(self._work))

    def _written(self, accepted: object) -> None:
        if not accepted:
            self._world.reach("a write with an old number was refused")

    def _let_go(self) -> None:
        self._propose(Revoke(self._lease), lambda _: self._rest(), self._rest)

    def _rest(self) -> None:
        self._world.after(self._chance.between(0.0, 0.3), self.begin)
