"""One child from its start to its end: started when what it stands on serves, asked whether it is ready, logged,
started again when it dies or hangs, stopped gracefully and then for certain."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from serai.app.lives import ENDED, MOVES, SERVING, Backoff, Silence, State
from serai.app.status import ChildStatus
from serai.kernel.errors import Misconfigured, SeraiError
from serai.kernel.ports import Clock
from serai.runtime.control import IsAlive, IsReady, Progressed, understood
from serai.runtime.logfiles import LINE_BYTES_MAX, LogFile, said, telling
from serai.runtime.processes import Launch, birth

Question = Callable[[], Awaitable[bool]]

Ready = Literal["running", "says"] | Question
"""A child is ready when it runs, when it says so (`serai.runtime.control`), or when a question is answered with yes."""

ASK_EVERY_S = 0.05
MISCONFIGURED = 2
"""Exit code of a program that an operator must help: trying again would only repeat it."""

_LAST_WORDS_MAX = 20
_DRAIN_S = 1.0  # a grandchild may keep the pipe open after its parent's end


class ChildFailed(SeraiError):
    """A child ended and will not be tried again."""

    code = "child_failed"
    title = "A part of Serai could not be kept running"


@dataclass(frozen=True, slots=True)
class Child:
    """A process that the supervisor keeps."""

    name: str
    launch: Launch
    after: tuple[str, ...] = ()
    """Names of those that must serve before it starts, and that stop only after it."""
    ready: Ready = "running"
    task: bool = False
    """It ends by itself; the others may stand on what it did."""
    vital: bool = True
    """When it is given up, everything stops."""
    prepare: Callable[[], None] | None = None
    """Called before each start."""
    ready_max_s: float = 60.0
    grace_s: float = 10.0
    """How long it may take to stop before it is killed."""
    silent_max_s: float = 30.0
    """One that serves, has said that it lives, and says it no more is killed at the latest after so long."""
    url: str = ""
    """Where people find it."""


class Keeper:
    """Keeps one child. `failure` says why it was given up."""

    def __init__(self, child: Child, log: LogFile, clock: Clock, backoff: Backoff, changed: Callable[[], None]) -> None:
        self.child = child
        self.state = State.WAITING
        self.failure: SeraiError | None = None
        self.serving = asyncio.Event()
        self.ended = asyncio.Event()
        self._log = log
        self._clock = clock
        self._backoff = backoff
        self._changed = changed
        self._stop = asyncio.Event()
        self._process: Process | None = None
        self._birth: str | None = None
        self._restarts = 0
        self._detail = ""
        self._said: deque[str] = deque(maxlen=_LAST_WORDS_MAX)
        self._says_ready = asyncio.Event()
        self._signs_of_life = 0

    def status(self) -> ChildStatus:
        """The child at this moment."""
        return ChildStatus(
            name=self.child.name,
            state=self.state,
            pid=self._process.pid if self._process else None,
            birth=self._birth,
            stop_signal=int(self.child.launch.stop_signal),
            restarts=self._restarts,
            detail=self._detail,
            url=self.child.url,
        )

    def ask_to_stop(self) -> None:
        """Begins a graceful stop; `ended` tells its end."""
        self._stop.set()

    def kill(self) -> None:
        """Ends it now, with all that it started."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def live(self, needs: list["Keeper"]) -> None:
        """From the first start to the end; never raises what the child does wrong: that is `failure`."""
        try:
            if await self._either([keeper.serving for keeper in needs]):
                await self._keep()
            else:
                self._move(State.STOPPED)
        except SeraiError as error:
            self._give_up(error)
        except OSError as error:
            self._give_up(ChildFailed(f"{self.child.name} could not be started: {error}"))
        finally:
            self._log.close()
            self.ended.set()

    def _give_up(self, failure: SeraiError) -> None:
        self.failure = failure
        self._move(State.FAILED, str(failure))

    async def _keep(self) -> None:
        while self.state not in ENDED:
            born_s = self._clock.monotonic()
            self._move(State.STARTING)
            if self.child.prepare:
                self.child.prepare()
            code = await self._run()
            if self._stop.is_set():
                self._move(State.STOPPING)
                self._move(State.STOPPED)
            elif self.child.task and code == 0:
                self._move(State.DONE)
            else:
                await self._pause(self._judge_death(code, self._clock.monotonic() - born_s))

    def _judge_death(self, code: int, lived_s: float) -> float:
        """The pause before the next try; raises when there will be none."""
        words = telling(self._said)
        if code == MISCONFIGURED:
            raise Misconfigured(words)
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        detail = f"{self.child.name} {how}: {words}"
        pause_s = None if self.child.task else self._backoff.after_death(lived_s)
        if pause_s is None:
            raise ChildFailed(f"{detail} (its log: {self._log.path})")
        self._restarts += 1
        self._move(State.RESTARTING, detail)
        return pause_s

    async def _pause(self, pause_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), pause_s)
            self._move(State.STOPPED)

    async def _run(self) -> int:
        """Runs the child once and returns its exit code, negative for a signal."""
        launch = self.child.launch
        self._says_ready.clear()
        self._said.clear()
        self._signs_of_life = 0
        self._process = process = await asyncio.create_subprocess_exec(
            *launch.leashed(),
            env=dict(launch.env),
            cwd=launch.cwd,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
            pass_fds=launch.inherits,
        )
        self._birth = birth(process.pid)
        pump = asyncio.create_task(self._pump(process))
        watch = asyncio.create_task(self._watch())
        try:
            return await self._await_end(process)
        finally:
            watch.cancel()
            await asyncio.wait({pump}, timeout=_DRAIN_S)
            pump.cancel()
            self.serving.clear()
            self._process = self._birth = None

    async def _await_end(self, process: Process) -> int:
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            self._move(State.STOPPING)
            with suppress(ProcessLookupError):
                process.send_signal(self.child.launch.stop_signal)
            await asyncio.wait({ended}, timeout=self.child.grace_s)
            self.kill()
        return await ended

    async def _watch(self) -> None:
        """Kills the child if it does not become ready, or falls silent afterwards."""
        if self.child.task:
            return
        await self._await_ready()
        await self._await_silence()

    async def _await_ready(self) -> None:
        try:
            async with asyncio.timeout(self.child.ready_max_s):
                await self._until_ready()
        except TimeoutError:
            self._said.append(f"error: not ready within {self.child.ready_max_s:g} s")
            self.kill()
        except SeraiError as error:
            self._said.append(f"error: {error}")
            self.kill()
        else:
            if self.state is State.STARTING:  # it may have been asked to stop meanwhile
                self._move(State.READY)

    async def _until_ready(self) -> None:
        if self.child.ready == "says":
            await self._says_ready.wait()
        elif self.child.ready != "running":
            while not await self.child.ready():  # noqa: ASYNC110  # what another process does sets no event here
                await asyncio.sleep(ASK_EVERY_S)

    async def _await_silence(self) -> None:
        """Kills the child once it has been silent for too long: nothing gentler reaches one that is stopped."""
        silence = Silence()
        while not silence.too_long(self._signs_of_life):  # noqa: ASYNC110  # it is silence that is waited for
            await asyncio.sleep(self.child.silent_max_s / (silence.looks_max + 1))
        self._said.append(f"error: it hangs, without a sign of life for {self.child.silent_max_s:g} s")
        self.kill()

    async def _pump(self, process: Process) -> None:
        """Moves what the child writes into its log, and heeds what it tells us."""
        assert process.stdout
        rest = b""
        while chunk := await process.stdout.read(LINE_BYTES_MAX):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._heed(line)
            rest = rest[:LINE_BYTES_MAX]
        if rest:
            self._heed(rest)

    def _heed(self, line: bytes) -> None:
        match understood(line):
            case IsReady():
                self._says_ready.set()
            case IsAlive():
                self._signs_of_life += 1
            case Progressed(what, done, total):
                self._detail = f"{what}: {done:,} of {total:,}"
                self._changed()
            case None if line.strip():
                self._log.write(line)
                self._said.append(said(line) or line.decode(errors="replace"))

    async def _either(self, events: list[asyncio.Event]) -> bool:
        """Waits until all `events` are set; False if asked to stop before."""
        everything = asyncio.create_task(_all_set(events))
        stopping = asyncio.create_task(_all_set([self._stop]))
        await asyncio.wait({everything, stopping}, return_when=asyncio.FIRST_COMPLETED)
        served = everything.done()
        everything.cancel()
        stopping.cancel()
        return served

    def _move(self, state: State, detail: str = "") -> None:
        if state is self.state:
            return
        assert state in MOVES[self.state], f"{self.child.name}: {self.state} -> {state}"
        self.state = state
        self._detail = detail
        if state in SERVING:
            self.serving.set()
        self._changed()


async def _all_set(events: list[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


def answers(url: str, timeout_s: float = 2.0) -> Question:
    """Whether a GET of `url` (http, without a body) is answered with 200."""
    parts = urlsplit(url)
    request = f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode()

    async def ask() -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                writer.write(request)
                head = await reader.readline()
                writer.close()
        except OSError:
            return False
        return head.split(b" ")[1:2] == [b"200"]

    return ask
