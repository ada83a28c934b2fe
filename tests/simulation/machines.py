"""Small machines with which the tests try the world."""

from collections.abc import Callable, Sequence

from serai.kernel.machines import Effect, Event
from serai.simulation.faults import CALM, Faults
from serai.simulation.world import World

Reaction = Callable[[Event, float], Sequence[Effect]]


class Scripted:
    """Starts with these effects, reacts as told, and writes down what came and when by its own clock."""

    def __init__(self, first: Sequence[Effect] = (), reaction: Reaction = lambda event, now_s: ()) -> None:
        self.first = first
        self.reaction = reaction
        self.born_s = 0.0
        self.seen: list[tuple[Event, float]] = []

    def start(self, now_s: float) -> Sequence[Effect]:
        self.born_s = now_s
        return self.first

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        self.seen.append((event, now_s))
        return self.reaction(event, now_s)

    @property
    def events(self) -> list[Event]:
        return [event for event, _ in self.seen]


class Stand:
    """A world of scripted machines, with every life of each."""

    def __init__(self, faults: Faults = CALM, seed: int = 1) -> None:
        self.world = World(seed, faults)
        self.lives: dict[str, list[Scripted]] = {}

    def add(self, name: str, first: Sequence[Effect] = (), reaction: Reaction = lambda event, now_s: ()) -> None:
        lives = self.lives[name] = []

        def make(disk: object) -> Scripted:
            lives.append(Scripted(first, reaction))
            return lives[-1]

        self.world.add_node(name, make)

    def start(self) -> World:
        self.world.start()
        return self.world

    def events(self, name: str, life: int = -1) -> list[Event]:
        return self.lives[name][life].events
