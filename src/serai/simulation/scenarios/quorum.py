"""A register on three nodes without a leader (Attiya, Bar-Noy and Dolev 1995), and two canaries made of it.

A write asks a majority for the newest stamp and gives a majority the value with a newer one. A read asks a majority for
the newest value and gives it to a majority before it answers: otherwise a later read could meet an older value.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from serai.kernel.machines import (
    Answer,
    Append,
    Arm,
    Asked,
    Disarm,
    Effect,
    Event,
    Received,
    Replace,
    Send,
    Store,
    Stored,
    TimedOut,
    Truncate,
)
from serai.kernel.ports import Disk
from serai.simulation.checkers.models import Read, Write
from serai.simulation.scenarios.records import packed, unpacked

LOG = "log"
BOOTS = "boots"

AGAIN_S = 0.02
"""How long before a question without an answer is asked again."""

ROUNDS_MAX = 100
"""How often it is asked; the client has long given up by then."""

Stamp = tuple[int, str, int, int]
"""A count, and node, boot and call, which make it unique."""

NEVER: Stamp = (0, "", 0, 0)


@dataclass(frozen=True, slots=True)
class NotReady:
    """The node has not written down that it started."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is your newest value of this key?"""

    call: tuple[int, int]
    key: str


@dataclass(frozen=True, slots=True)
class Found:
    """It is this."""

    call: tuple[int, int]
    stamp: Stamp
    value: object


@dataclass(frozen=True, slots=True)
class Keep:
    """Store this value unless you have a newer one."""

    call: tuple[int, int]
    key: str
    stamp: Stamp
    value: object


@dataclass(frozen=True, slots=True)
class Kept:
    """It or a newer one is on my disk."""

    call: tuple[int, int]


@dataclass(slots=True)
class Call:
    """A client's request under way."""

    token: int
    request: Read | Write
    stamp: Stamp = NEVER
    value: object = None
    keeping: bool = False
    """The newest is known, and a majority is being given it."""
    answered: set[str] = field(default_factory=set)
    rounds: int = 0


class QuorumRegister:
    """Correct under loss, partitions and crashes as long as disks keep what they have synced."""

    def __init__(self, name: str, peers: Sequence[str], disk: Disk) -> None:
        self._name = name
        self._peers = peers
        """Every node, this one among them."""
        self._pairs: dict[str, tuple[Stamp, object]] = {}
        self._calls: dict[tuple[int, int], Call] = {}
        self._waiting: dict[int, list[tuple[str, Kept]]] = {}
        """What is said when a store is done, by its token."""
        self._newest_store: dict[str, int] = {}
        """The last store of a key that is not done."""
        self._stores = 0
        self._count = 0
        self._ready = False
        self._torn = -1
        self._boot = 1 + (int(disk.read(BOOTS)) if BOOTS in disk.names() else 0)
        if LOG in disk.names():
            self._recall(disk.read(LOG))

    def _recall(self, log: bytes) -> None:
        end = 0
        for (key, stamp, value), offset in unpacked(log):
            self._pairs[key] = ((stamp[0], stamp[1], stamp[2], stamp[3]), value)
            end = offset
        self._torn = end if end < len(log) else -1

    def start(self, now_s: float) -> Sequence[Effect]:
        """Writes down that it started: its stamps must differ from those of its earlier lives."""
        cut = (Truncate(LOG, self._torn),) if self._torn >= 0 else ()
        return [Store(0, (*cut, Replace(BOOTS, str(self._boot).encode())))]

    def step(self, event: Event, now_s: float) -> Sequence[Effect]:
        """One short handler for each event."""
        match event:
            case Received(sender, message):
                return self._received(sender, message)
            case Stored(token):
                return self._stored(token)
            case TimedOut(timer):
                return self._again(timer)
            case Asked(token, request):
                return self._asked(token, request)

    def _received(self, sender: str, message: object) -> list[Effect]:
        match message:
            case Query(call, key):
                return [Send(sender, Found(call, *self._pairs.get(key, (NEVER, None))))]
            case Keep():
                return self._keep(sender, message)
            case Found():
                return self._found(sender, message)
            case Kept(number):
                return self._kept(sender, number)
        raise AssertionError(f"{message} is no message of ours")

    def _asked(self, token: int, request: object) -> list[Effect]:
        assert isinstance(request, Read | Write), f"{request} is no request"
        if not self._ready:
            return [Answer(token, NotReady())]
        self._count += 1
        number = (self._boot, self._count)
        self._calls[number] = Call(token, request)
        return self._ask(number)

    def _ask(self, number: tuple[int, int]) -> list[Effect]:
        """Asks everybody who has not answered, and will do so again."""
        call = self._calls[number]
        keep = Keep(number, call.request.key, call.stamp, call.value)
        message = keep if call.keeping else Query(number, call.request.key)
        missing = [peer for peer in self._peers if peer not in call.answered]
        return [*(Send(peer, message) for peer in missing), Arm(str(number[1]), AGAIN_S)]

    def _again(self, timer: str) -> list[Effect]:
        number = (self._boot, int(timer))
        call = self._calls[number]
        call.rounds += 1
        if call.rounds < ROUNDS_MAX:
            return self._ask(number)
        del self._calls[number]
        return []

    def _found(self, sender: str, found: Found) -> list[Effect]:
        call = self._calls.get(found.call)
        if call is None or call.keeping:
            return []  # too late: a majority was found without it
        call.answered.add(sender)
        if found.stamp > call.stamp:
            call.stamp, call.value = found.stamp, found.value
        if 2 * len(call.answered) <= len(self._peers):
            return []
        return self._majority_found(found.call, call)

    def _majority_found(self, number: tuple[int, int], call: Call) -> list[Effect]:
        if isinstance(call.request, Write):
            call.stamp, call.value = (call.stamp[0] + 1, self._name, *number), call.request.value
        call.keeping = True
        call.answered.clear()
        return self._ask(number)

    def _kept(self, sender: str, number: tuple[int, int]) -> list[Effect]:
        call = self._calls.get(number)
        if call is None or not call.keeping:
            return []
        call.answered.add(sender)
        return self._finish(number, call) if 2 * len(call.answered) > len(self._peers) else []

    def _finish(self, number: tuple[int, int], call: Call) -> list[Effect]:
        del self._calls[number]
        result = call.value if isinstance(call.request, Read) else None
        return [Disarm(str(number[1])), Answer(call.token, result)]

    def _keep(self, sender: str, keep: Keep) -> list[Effect]:
        if keep.stamp <= self._pairs.get(keep.key, (NEVER, None))[0]:
            # It may be the very value that is on its way to the disk.
            if keep.key in self._newest_store:
                self._waiting[self._newest_store[keep.key]].append((sender, Kept(keep.call)))
                return []
            return [Send(sender, Kept(keep.call))]
        self._pairs[keep.key] = (keep.stamp, keep.value)
        self._stores += 1
        self._newest_store[keep.key] = self._stores
        self._waiting[self._stores] = [(sender, Kept(keep.call))]
        return [Store(self._stores, (Append(LOG, packed((keep.key, keep.stamp, keep.value))),))]

    def _stored(self, token: int) -> list[Effect]:
        if token == 0:
            self._ready = True
            return []
        self._newest_store = {key: last for key, last in self._newest_store.items() if last != token}
        return [Send(sender, kept) for sender, kept in self._waiting.pop(token)]


class ForgetfulReader(QuorumRegister):
    """A canary: a read answers without giving the value to a majority, so a later read may meet an older one."""

    def _majority_found(self, number: tuple[int, int], call: Call) -> list[Effect]:
        if isinstance(call.request, Read):
            return self._finish(number, call)
        return super()._majority_found(number, call)


class HastyKeeper(QuorumRegister):
    """A canary: it says that a value is kept before the sync, so power cuts take values that a majority had."""

    def _keep(self, sender: str, keep: Keep) -> list[Effect]:
        effects = super()._keep(sender, keep)
        if effects and isinstance(effects[0], Store):
            self._waiting[self._stores].clear()
            effects.append(Send(sender, Kept(keep.call)))
        return effects
