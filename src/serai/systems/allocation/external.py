"""Speaks with the providers that keep a claim's external lines, always between transactions, never inside one.

Whoever has just committed a line's change makes its call (`send`). All else is recovery (`recover`): it finds lines
whose process died or whose answer was lost, asks the provider by the line's own reference, and only makes a call that
has certainly not arrived. So a crash anywhere leaves nothing held for ever, and nothing is asked for twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from serai.kernel.errors import SeraiError, Unavailable
from serai.mechanisms.allocation.claims import ClaimState
from serai.mechanisms.allocation.external import (
    CALLS,
    RESTING,
    Answer,
    Call,
    LineState,
    after,
    as_asked,
    call_after_asking,
    pause_s,
)
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.allocation.model import Claim, ExternalLine
from serai.systems.allocation.service import Allocation
from serai.systems.allocation.store import external
from serai.systems.allocation.store.external import LEASE_S

log = logging.getLogger("serai.allocation")

CALL_S = 8.0
"""Deadline of one call to a provider."""

DOUBT_S = 60
"""So old must a line be before "never heard of it" is believed: its call may still be on its way."""

RECOVERY_BATCH_MAX = 50
"""Lines that one round of recovery leases."""

RECOVERY_AT_ONCE = 8
"""Of them worked on side by side: with two calls each, a batch is done well within its lease only if most answer."""

_OPEN = frozenset({ClaimState.HELD, ClaimState.PAYING, ClaimState.UNKNOWN})


class ProviderSilent(Unavailable):
    """What a provider raises when a call ended without an answer that tells anything."""

    code = "provider_silent"
    title = "The provider did not answer"


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider said of a line."""

    answer: Answer
    remote_ref: str | None = None
    ends_at: datetime | None = None
    reason: str | None = None


LOST = Said(Answer.LOST)


class Provider(Protocol):
    """Somebody who keeps lines. Every call carries `line.reference`, and repeating one repeats no effect.

    A call that ends without a telling answer raises ProviderSilent, OSError or TimeoutError. Each may take CALL_S.
    """

    async def hold(self, line: ExternalLine) -> Said:
        """HELD with the provider's name for it and its end, or REFUSED."""

    async def confirm(self, line: ExternalLine) -> Said:
        """CONFIRMED, or REFUSED."""

    async def give_back(self, line: ExternalLine) -> Said:
        """RETURNED, whether it was held or confirmed; REFUSED if the provider keeps it; NOT_FOUND."""

    async def ask(self, line: ExternalLine) -> Said:
        """HELD, CONFIRMED, RETURNED, REFUSED or NOT_FOUND: how the line stands there."""


Told = Callable[[Transaction, Claim, ExternalLine], Awaitable[None]]
"""Hears, in the transaction that records it, that a line of its claim has come to rest."""


class Externals:
    """The external lines of all claims, and who keeps them. One object a process; registered in `system.py`s."""

    def __init__(self, database: Database, allocation: Allocation) -> None:
        self._database = database
        self._allocation = allocation
        self._providers: dict[str, Provider] = {}
        self._told: dict[str, Told] = {}

    def serve(self, name: str, provider: Provider) -> None:
        """Registers who keeps the lines of this name."""
        assert name not in self._providers, f"two providers are named {name}"
        self._providers[name] = provider

    def tell(self, owner: str, told: Told) -> None:
        """Registers the system that hears how lines of its claims end."""
        self._told[owner] = told

    async def send(self, claim: Claim) -> Claim:
        """Makes the calls that a claim's lines wait for, side by side, right after the commit that changed them.

        Returns the claim as it stands then: released, where a provider refused.
        """
        waiting = [line for line in claim.externals if line.state in CALLS]
        await asyncio.gather(*(self._make(CALLS[line.state], line) for line in waiting))
        if not waiting:
            return claim
        async with self._database.transaction(waiting[0].tenant_id, by_key=True) as tx:
            now = await self._allocation.claim_by_id(tx, claim.claim_id)
        refused = now.state is ClaimState.RELEASED and claim.state is not ClaimState.RELEASED
        return await self.send(now) if refused else now

    async def recover(self, jobs: Database) -> int:
        """One round over lines that nobody is working on; returns how many it looked at."""
        async with jobs.transaction(None) as tx:
            due = await external.lease_due(tx, RECOVERY_BATCH_MAX)
        for start in range(0, len(due), RECOVERY_AT_ONCE):
            await asyncio.gather(*(self._recover_one(line) for line in due[start : start + RECOVERY_AT_ONCE]))
        return len(due)

    async def _recover_one(self, line: ExternalLine) -> None:
        try:
            said = await self._ask(line)
            recorded = await self._record(line, said)
            call = call_after_asking(line.state, said.answer)
            if call is not None and recorded is not None:
                await self._make(call, recorded)
        except Exception:  # one line that cannot be settled must not stop the others; it is logged and leased again
            log.exception("external line %s could not be settled from %s", line.line_id, line.state)

    async def _make(self, call: Call, line: ExternalLine) -> None:
        provider = self._providers.get(line.provider)
        if provider is None:
            await self._record(line, LOST)
            return
        make = {Call.HOLD: provider.hold, Call.CONFIRM: provider.confirm, Call.RETURN: provider.give_back}[call]
        await self._record(line, _believed(line, await _answered(make, line)))

    async def _ask(self, line: ExternalLine) -> Said:
        provider = self._providers.get(line.provider)
        if provider is None:
            log.warning("external line %s: nobody serves the provider %r", line.line_id, line.provider)
            return LOST
        said = _believed(line, await _answered(provider.ask, line))
        return replace(said, answer=as_asked(line.state, said.answer))

    async def _record(self, line: ExternalLine, said: Said) -> ExternalLine | None:
        """Writes what was said and what it means to the claim, in one transaction; None if the line has moved on."""

        async def write(tx: Transaction) -> ExternalLine | None:
            to = after(line.state, said.answer)
            await external.lock_claim(tx, line.claim_id)
            recorded = await external.record(
                tx,
                line,
                to,
                answer=said.answer,
                remote_ref=said.remote_ref,
                ends_at=said.ends_at,
                reason=said.reason,
                next_try_s=_next_try_s(line, to, said.answer),
            )
            if recorded is not None:
                await self._mean(tx, recorded)
            return recorded

        return await self._database.retrying(line.tenant_id, write)

    async def _mean(self, tx: Transaction, line: ExternalLine) -> None:
        claim = await self._allocation.claim_by_id(tx, line.claim_id)
        if line.state is LineState.REFUSED and claim.state in _OPEN:
            claim = await self._allocation.release(tx, claim, line.provider)
        if line.state is LineState.KEPT:
            log.warning("external line %s: %s keeps it: %s", line.line_id, line.provider, line.reason)
        if line.state in RESTING and claim.owner in self._told:
            await self._told[claim.owner](tx, claim, line)


async def _answered(call: Callable[[ExternalLine], Awaitable[Said]], line: ExternalLine) -> Said:
    try:
        async with asyncio.timeout(CALL_S):
            return await call(line)
    except (SeraiError, OSError) as error:  # a timeout is an OSError
        log.info("external line %s: %s said nothing: %s", line.line_id, line.provider, error)
        return LOST


def _believed(line: ExternalLine, said: Said) -> Said:
    """Not to have heard of a line means nothing while its call may be on its way."""
    return LOST if said.answer is Answer.NOT_FOUND and line.age_s < DOUBT_S else said


def _next_try_s(line: ExternalLine, to: LineState, answer: Answer) -> float | None:
    """When recovery looks at a line next. Who was told that its call did not arrive makes it now, under a lease."""
    if to in RESTING:
        return None
    return pause_s(line.tries) if answer is Answer.LOST else float(LEASE_S)
