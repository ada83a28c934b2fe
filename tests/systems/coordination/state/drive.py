"""A state on a simulated map, driven as a member of consensus drives it."""

from hypothesis import HealthCheck, settings

from serai.mechanisms.consensus.messages import Entry, Kind
from serai.simulation.disk import SimulatedMap
from serai.systems.coordination.state.limits import USUAL, Limits
from serai.systems.coordination.state.machine import Command, Query, State, encode_command
from serai.systems.coordination.state.words import Fault, Outcome

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no finding."""


class Driven:
    """Proposes one command after the other; `restart` makes the state anew from its map."""

    def __init__(self, limits: Limits = USUAL) -> None:
        self.limits = limits
        self.map = SimulatedMap()
        self.state = State(self.map, limits)
        self.log: list[Entry] = []
        self._snapshot: tuple[int, list[bytes]] = (0, [])

    def do(self, word: object, user: str = "", auth_revision: int = 0, *, internal: bool = False) -> Outcome:
        command = Command(word, user, auth_revision, internal)  # type: ignore[arg-type]  # tests say any word
        self.log.append(Entry(len(self.log) + 1, 1, Kind.COMMAND, encode_command(command)))
        return self.state.apply(self.log[-1:])[0]

    def ask(self, word: object, user: str = "", auth_revision: int = 0) -> object:
        return self.state.query(Query(word, user, auth_revision)).result  # type: ignore[arg-type]  # the same

    def restart(self, batches_lost: int = 0) -> None:
        """After a crash that took the last batches of the map; a snapshot and the log bring it up."""
        undo = self.map._undo[::-1][:batches_lost]
        for before in undo:
            for key, value in before:
                self.map._set(key, value)
        self.map._undo.clear()
        self.state = State(self.map, self.limits)
        index, chunks = self._snapshot
        if self.state.kept() < index:
            self.state.restore(index, chunks)
        rest = self.log[self.state.kept() :]
        if rest:
            self.state.apply(rest)

    def move(self) -> None:
        """To a member that had another map before, by a snapshot."""
        self._snapshot = (len(self.log), list(self.state.snapshot()))
        self.map = SimulatedMap()
        self.map.write([(b"rubbish", b"of an earlier life")])
        self.state = State(self.map, self.limits)
        self.state.restore(*self._snapshot)


def code(result: object) -> str:
    assert isinstance(result, Fault), f"{result} is no fault"
    return result.code.removeprefix("coordination_")
