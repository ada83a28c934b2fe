"""Runs a machine in the real world: hands it what happens and performs what it wants, in the order in which it does.

All of it is one event loop's work, save for the disk's thread, so a machine is never stepped twice at once.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from serai.kernel.machines import (
    Answer,
    Arm,
    Asked,
    Disarm,
    Effect,
    Event,
    Gathering,
    Halt,
    Machine,
    Received,
    Send,
    Store,
    Stored,
    TimedOut,
)
from serai.runtime.machines.errors import DiskFailed, MachineHalted


class Driver:
    """One machine's world. `send` carries its messages away, `store` its writes; `after_step` looks at it after each
    step. `over` ends with the reason when the machine cannot go on."""

    def __init__(
        self,
        machine: Machine,
        *,
        send: Callable[[str, object], None],
        store: Callable[[Store], None],
        after_step: Callable[[], None],
    ) -> None:
        self._machine = machine
        self._send = send
        self._store = store
        self._after_step = after_step
        self._loop = asyncio.get_running_loop()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._asked: dict[int, asyncio.Future[Any]] = {}
        """Who waits for an answer, by token."""
        self._gathered: list[Asked] = []
        """Requests of this turn of the loop."""
        self._gathering = machine if isinstance(machine, Gathering) else None
        self._tokens = count(1)
        self._ended = False
        self.over: asyncio.Future[None] = self._loop.create_future()
        """Raises MachineHalted, DiskFailed, or what the machine has raised."""
        self._performers: dict[type, Callable[[Any], None]] = {
            Send: self._on_send,
            Store: store,
            Answer: self._on_answer,
            Arm: self._on_arm,
            Disarm: self._on_disarm,
            Halt: self._on_halt,
        }

    def start(self) -> None:
        """The machine's first effects."""
        self._live(lambda: self._machine.start(self._loop.time()))

    def received(self, sender: str, message: object) -> None:
        """A message from a peer."""
        self._step(Received(sender, message))

    def stored(self, token: int) -> None:
        """A store is durable."""
        self._step(Stored(token))

    def disk_failed(self, failure: DiskFailed) -> None:
        """No store will be durable any more."""
        self.end(failure)

    async def ask(self, request: object) -> Any:
        """The machine's answer. Give it a deadline: the machine may never answer."""
        if self._ended:
            raise MachineHalted("the member is stopping; ask another one")
        token = next(self._tokens)
        future = self._asked[token] = self._loop.create_future()
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(Asked(token, request))
        try:
            return await future
        finally:
            self._asked.pop(token, None)

    def take(self, effects: Sequence[Effect]) -> None:
        """Performs what a machine wants beside its steps, such as a snapshot that an operator asked for."""
        self._live(lambda: effects)

    def end(self, reason: BaseException | None = None) -> None:
        """No more steps; who waits for an answer is told."""
        if self._ended:
            return
        self._ended = True
        for timer in self._timers.values():
            timer.cancel()
        why = f" ({reason})" if reason is not None else ""
        for future in self._asked.values():
            if not future.done():
                future.set_exception(MachineHalted(f"the member has stopped{why}; it may have been done: look first"))
        if not self.over.done():
            if reason is None:
                self.over.set_result(None)
            else:
                self.over.set_exception(reason)

    def _step(self, event: Event) -> None:
        self._live(lambda: self._machine.step(event, self._loop.time()))

    def _hand_over(self) -> None:
        """All that was asked in one turn: a hundred proposals are one write, and not one and then ninety-nine. Who has
        given up meanwhile has not asked."""
        asked = [event for event in self._gathered if self._waits(event.token)]
        self._gathered = []
        machine = self._gathering
        if machine is not None and asked:
            self._live(lambda: machine.step_asked(asked, self._loop.time()))
        else:
            for event in asked:
                self._step(event)

    def _waits(self, token: int) -> bool:
        future = self._asked.get(token)
        return future is not None and not future.done()

    def _live(self, part: Callable[[], Sequence[Effect]]) -> None:
        """One part of the machine's life. Whatever raises in it, the machine or its world, the two may have parted: a
        write that was asked for and not begun would be waited for for ever."""
        if self._ended:
            return
        try:
            self._perform(part())
            if not self._ended:
                self._after_step()
        except Exception as error:  # noqa: BLE001 - the process ends with it, whatever it is
            self.end(error)

    def _perform(self, effects: Sequence[Effect]) -> None:
        performers = self._performers
        for effect in effects:
            performers[type(effect)](effect)
            if self._ended:
                return  # the effect was its last

    def _on_send(self, effect: Send) -> None:
        self._send(effect.to, effect.message)

    def _on_answer(self, effect: Answer) -> None:
        future = self._asked.pop(effect.token, None)
        if future is not None and not future.done():
            future.set_result(effect.reply)

    def _on_arm(self, effect: Arm) -> None:
        self._on_disarm(Disarm(effect.timer))
        self._timers[effect.timer] = self._loop.call_later(effect.after_s, self._timed_out, effect.timer)

    def _on_disarm(self, effect: Disarm) -> None:
        timer = self._timers.pop(effect.timer, None)
        if timer is not None:
            timer.cancel()

    def _timed_out(self, timer: str) -> None:
        self._timers.pop(timer, None)
        self._step(TimedOut(timer))

    def _on_halt(self, effect: Halt) -> None:
        self.end(MachineHalted(effect.reason))
