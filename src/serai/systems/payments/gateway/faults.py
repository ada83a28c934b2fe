"""Failures on demand: a script says which operation fails how, and how many times.

A saga that has never met a lost answer has never been tested. Scripts live in memory and die with the process.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from serai.systems.payments.gateway import params
from serai.systems.payments.gateway.errors import InvalidRequest
from serai.systems.payments.gateway.model import EVENT_TYPES

ANY = "*"
OPERATIONS = frozenset({"create", "update", "confirm", "capture", "cancel", "retrieve", "list", "refund"})


class Fault(StrEnum):
    """How it fails."""

    TIMEOUT_BEFORE_EFFECT = "timeout_before_effect"
    TIMEOUT_AFTER_EFFECT = "timeout_after_effect"
    STATUS_429 = "status_429"
    STATUS_500 = "status_500"
    """Nothing takes effect, and the 500 is kept under the idempotency key, as Stripe does."""
    WEBHOOK_DUPLICATE = "webhook_duplicate"
    WEBHOOK_LATE = "webhook_late"
    WEBHOOK_OUT_OF_ORDER = "webhook_out_of_order"


OF_REQUESTS = frozenset(fault for fault in Fault if not fault.startswith("webhook_"))
OF_WEBHOOKS = frozenset(Fault) - OF_REQUESTS


@dataclass(frozen=True, slots=True)
class Script:
    """`operation` (for webhooks: the event's type; `*` is any) fails like `kind` the next `times` times."""

    operation: str
    kind: Fault
    times: int

    def json(self) -> dict[str, Any]:
        """For `GET /_test/faults`."""
        return {"operation": self.operation, "kind": self.kind.value, "times": self.times}


SCRIPT: Mapping[str, params.Reader] = {
    "operation": params.text(64),
    "kind": params.choice(*(fault.value for fault in Fault)),
    "times": params.positive,
}


class Faults:
    """The scripts that wait, oldest first."""

    def __init__(self, scripts_max: int) -> None:
        self._scripts_max = scripts_max
        self._scripts: list[Script] = []

    def add(self, values: dict[str, Any]) -> Script:
        """Takes a script; raises InvalidRequest if no operation or event has its name, or too many wait."""
        params.require(values, "operation", "kind")
        script = Script(values["operation"], Fault(values["kind"]), values.get("times", 1))
        known = EVENT_TYPES if script.kind in OF_WEBHOOKS else OPERATIONS
        if script.operation not in {ANY, *known}:
            raise InvalidRequest(f"Invalid operation: must be one of {', '.join(sorted(known))}, *", param="operation")
        if len(self._scripts) >= self._scripts_max:
            raise InvalidRequest(f"{self._scripts_max} fault scripts are waiting already; DELETE /_test/faults first")
        self._scripts.append(script)
        return script

    def take(self, operation: str, among: frozenset[Fault]) -> Fault | None:
        """The fault that `operation` meets now, used up by this; None if it goes well."""
        for index, script in enumerate(self._scripts):
            if script.kind in among and script.operation in {operation, ANY}:
                self._use(index, script)
                return script.kind
        return None

    def clear(self) -> None:
        """Forgets all scripts."""
        self._scripts.clear()

    def waiting(self) -> list[Script]:
        """The scripts not used up yet."""
        return list(self._scripts)

    def _use(self, index: int, script: Script) -> None:
        if script.times == 1:
            del self._scripts[index]
        else:
            self._scripts[index] = replace(script, times=script.times - 1)
