"""The lives of alerts, transfers and stock-takes, each a table: what is not in it cannot happen.

The tables prevent the alert that comes again every hour, the delivery that is received twice, and the count that is
booked by whoever made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from serai.systems.stock.errors import IllegalStep

State = TypeVar("State", bound=StrEnum)
Step = TypeVar("Step", bound=StrEnum)


@dataclass(frozen=True)
class Flow(Generic[State, Step]):
    """A state machine: its legal steps and where each leads."""

    noun: str
    first: State
    steps: Mapping[tuple[State, Step], State]

    def after(self, state: State, step: Step) -> State:
        """The state that the step leads to; raises IllegalStep if the table has none."""
        to = self.steps.get((state, step))
        if to is None:
            raise IllegalStep(f"{self.noun} that is {state.value} cannot {step.value.replace('_', ' ')}.")
        return to

    def diagram(self) -> str:
        """The table as a Mermaid state diagram."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.first.value}"]
        lines += [f"    {state.value} --> {to.value}: {step.value}" for (state, step), to in self.steps.items()]
        final = [state for state in type(self.first) if not any(source is state for source, _ in self.steps)]
        return "\n".join([*lines, *(f"    {state.value} --> [*]" for state in final)])


class AlertState(StrEnum):
    """Where an alert stands. A product at a location has at most one that is not cleared."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    ORDERED = "ordered"
    CLEARED = "cleared"


class AlertStep(StrEnum):
    """What can happen to an alert. Only the level itself clears one."""

    ACKNOWLEDGE = "acknowledge"
    ORDER = "order"
    CLEAR = "clear"


ALERTS = Flow(
    "An alert",
    AlertState.RAISED,
    {
        (AlertState.RAISED, AlertStep.ACKNOWLEDGE): AlertState.ACKNOWLEDGED,
        (AlertState.RAISED, AlertStep.ORDER): AlertState.ORDERED,
        (AlertState.ACKNOWLEDGED, AlertStep.ORDER): AlertState.ORDERED,
        (AlertState.RAISED, AlertStep.CLEAR): AlertState.CLEARED,
        (AlertState.ACKNOWLEDGED, AlertStep.CLEAR): AlertState.CLEARED,
        (AlertState.ORDERED, AlertStep.CLEAR): AlertState.CLEARED,
    },
)


class TransferState(StrEnum):
    """Where a transfer stands."""

    DRAFT = "draft"
    DISPATCHED = "dispatched"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    DISCREPANT = "discrepant"
    CANCELLED = "cancelled"


class TransferStep(StrEnum):
    """What can happen to a transfer."""

    DISPATCH = "dispatch"
    RECEIVE_PART = "receive_part"
    RECEIVE_REST = "receive_rest"
    WRITE_OFF = "write_off"
    CANCEL = "cancel"


TRANSFERS = Flow(
    "A transfer",
    TransferState.DRAFT,
    {
        (TransferState.DRAFT, TransferStep.DISPATCH): TransferState.DISPATCHED,
        (TransferState.DRAFT, TransferStep.CANCEL): TransferState.CANCELLED,
        (TransferState.DISPATCHED, TransferStep.RECEIVE_PART): TransferState.PARTLY_RECEIVED,
        (TransferState.DISPATCHED, TransferStep.RECEIVE_REST): TransferState.RECEIVED,
        (TransferState.PARTLY_RECEIVED, TransferStep.RECEIVE_PART): TransferState.PARTLY_RECEIVED,
        (TransferState.PARTLY_RECEIVED, TransferStep.RECEIVE_REST): TransferState.RECEIVED,
        (TransferState.DISPATCHED, TransferStep.WRITE_OFF): TransferState.DISCREPANT,
        (TransferState.PARTLY_RECEIVED, TransferStep.WRITE_OFF): TransferState.DISCREPANT,
    },
)

UNDER_WAY = frozenset({TransferState.DISPATCHED, TransferState.PARTLY_RECEIVED})
"""Goods of such a transfer are in transit."""


class CountState(StrEnum):
    """Where a stock-take stands."""

    COUNTING = "counting"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    CANCELLED = "cancelled"


class CountStep(StrEnum):
    """What can happen to a stock-take."""

    SUBMIT = "submit"
    RECOUNT = "recount"
    APPROVE = "approve"
    CANCEL = "cancel"


COUNTS = Flow(
    "A stock-take",
    CountState.COUNTING,
    {
        (CountState.COUNTING, CountStep.SUBMIT): CountState.SUBMITTED,
        (CountState.COUNTING, CountStep.CANCEL): CountState.CANCELLED,
        (CountState.SUBMITTED, CountStep.RECOUNT): CountState.COUNTING,
        (CountState.SUBMITTED, CountStep.APPROVE): CountState.APPROVED,
        (CountState.SUBMITTED, CountStep.CANCEL): CountState.CANCELLED,
    },
)
