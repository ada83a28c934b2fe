"""The words of allocation: what is asked, what is promised, what a claim looks like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from serai.kernel.ids import Capability
from serai.mechanisms.allocation.claims import ClaimState, UnitState
from serai.mechanisms.allocation.external import LineState
from serai.mechanisms.allocation.ledger import Bucket

HOLD_S_MIN = 1
HOLD_S_MAX = 3600
"""A hold lives between one second and one hour."""

LINES_MAX = 200
"""Lines that one claim may have: units, counters, and units drawn."""

COUNT_MAX = 10**12
"""How much of one counter a claim may take: a number that no sum of claims can carry out of a bigint."""

MOVES_MAX = 5_000
"""Counters whose capacity one statement may move."""

BUCKETS_MAX = 64
"""Buckets of one counter: a server's cores keep no more than that busy."""

POOL_UNITS_MAX = 1_000_000_000
"""Units of one fungible pool."""

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""The expiry of a claim in doubt: it ends only when somebody learns what happened."""

PAYMENTS_MAX = 10
"""Payment attempts that one hold may make: each may prolong it a little, so there must be an end."""

DECLINE_GRACE_S = 60
"""What is left at least of a hold after a declined payment, to try another card."""

NOWAIT_TRIES_MAX = 3
"""How often a claim that met a locked but free unit is tried again."""


@dataclass(frozen=True, slots=True)
class UnitRef:
    """One unit: its pool and its key in it."""

    pool_no: int
    key: int


@dataclass(frozen=True, slots=True)
class CounterAsk:
    """So many of one counter."""

    pool_no: int
    key: int
    count: int


@dataclass(frozen=True, slots=True)
class CounterRef:
    """One counter: its pool and its key in it."""

    pool_no: int
    key: int


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Counters of one pool with low <= key <= high. Ranges that are asked for together do not overlap."""

    pool_no: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class CapacityMove:
    """So much more or less of one counter. 0 changes nothing: it locks the counter and tells what it is."""

    counter: CounterRef
    delta: int
    overbook: int = 0
    """What a counter that is made by this move may be sold beyond its capacity."""

    def __post_init__(self) -> None:
        assert abs(self.delta) <= COUNT_MAX, f"a move of {self.delta}"
        assert self.overbook >= 0, f"overbook {self.overbook}"


@dataclass(frozen=True, slots=True)
class DrawAsk:
    """So many units of a pool, whichever are free."""

    pool_no: int
    count: int


@dataclass(frozen=True, slots=True)
class ExternalAsk:
    """One thing that a provider elsewhere keeps; `thing` is between the claim's owner and the provider."""

    provider: str
    thing: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExternalLine:
    """A line of a claim that a provider keeps, as the table has it."""

    tenant_id: UUID
    line_id: UUID
    claim_id: UUID
    provider: str
    thing: dict[str, Any]
    state: LineState
    version: int
    remote_ref: str | None
    """The provider's name for it, once it has told one."""
    ends_at: datetime | None
    """Until when the provider holds it; None: it has not said, or holds it without an end."""
    reason: str | None
    """Why it was refused or kept, in the provider's words."""
    tries: int
    age_s: float

    @property
    def reference(self) -> str:
        """Our name for it, the same in every call: a provider that hears it twice does one thing once."""
        return str(self.line_id)


@dataclass(frozen=True, slots=True)
class CounterPlan:
    """A counter to be made. A hot one has several buckets, so that its buyers do not queue for one row."""

    key: int
    capacity: int
    overbook: int = 0
    buckets: int = 1

    def __post_init__(self) -> None:
        assert self.capacity >= 0, f"capacity {self.capacity}"
        assert self.overbook >= 0, f"overbook {self.overbook}"
        assert 1 <= self.buckets <= BUCKETS_MAX, f"{self.buckets} buckets"


@dataclass(frozen=True, slots=True)
class Ask:
    """A claim to be made: all of these lines or none."""

    capability: Capability
    owner: str
    holder: str
    units: Sequence[UnitRef]
    ttl_s: int
    terms: Mapping[str, Any]
    holder_max: int | None = None
    """Most live claims of this holder; None: no limit."""
    actor: str = ""
    counters: Sequence[CounterAsk] = ()
    draws: Sequence[DrawAsk] = ()
    """Fungible units; those that were drawn are in the claim's `units`."""
    externals: Sequence[ExternalAsk] = ()
    """Written with the claim; their providers are asked after the commit, by `Externals.send`."""

    def __post_init__(self) -> None:
        lines = len(self.units) + len(self.counters) + sum(draw.count for draw in self.draws) + len(self.externals)
        assert 1 <= lines <= LINES_MAX, f"{lines} lines"
        assert len(set(self.units)) == len(self.units), "a unit is asked for twice"
        assert len({(ask.pool_no, ask.key) for ask in self.counters}) == len(self.counters), "a counter is asked twice"
        assert len({draw.pool_no for draw in self.draws}) == len(self.draws), "a pool is drawn from twice"
        assert not {draw.pool_no for draw in self.draws} & {unit.pool_no for unit in self.units}, (
            "units of one pool are named and drawn"
        )
        assert all(1 <= ask.count <= COUNT_MAX for ask in self.counters), "a count is out of bounds"
        assert all(draw.count >= 1 for draw in self.draws), "a draw of nothing"
        assert HOLD_S_MIN <= self.ttl_s <= HOLD_S_MAX, f"a hold of {self.ttl_s} s"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as the table has it. `terms` is its owner's."""

    claim_id: UUID
    key: bytes
    owner: str
    holder: str
    state: ClaimState
    version: int
    expires_at: datetime
    payments: int
    age_s: float
    """Since it was made; like `expired`, by the database's clock, when it was read."""
    terms: dict[str, Any]
    expired: bool
    units: tuple[UnitRef, ...] = field(default=())
    counters: tuple[CounterAsk, ...] = field(default=())
    externals: tuple[ExternalLine, ...] = field(default=())

    @property
    def capability(self) -> Capability:
        """What its holder shows."""
        return Capability(self.claim_id, self.key)


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool's units at one moment: `version` belongs to exactly these states. Expired holds show as free."""

    pool_no: int
    version: int
    states: Mapping[int, UnitState]
    counters: Mapping[int, Bucket] = field(default_factory=dict)
    """Each counter as the sum of its buckets. Unlike units, an expired hold counts as held until it is swept."""


@dataclass(frozen=True, slots=True)
class Filling:
    """How many units a pool has, of those that it is to have."""

    filled: int
    size: int

    @property
    def full(self) -> bool:
        """Only then can units be drawn from it."""
        return self.filled == self.size


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule of claims that the tables break: a defect of ours, or somebody's hand in the database."""

    rule: str
    where: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}"
