"""Runs etcdctl as a person does, and writes down what it says."""

import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conformance.coordination.transcripts import Transcript
from tools.engines import Cluster

COMMAND_MAX_S = 30.0
IN_THE_END_S = 90.0
"""How long `until` asks again: etcd itself refuses changes of members for five seconds after an election."""


class Etcdctl:
    """One version of etcdctl on one cluster."""

    def __init__(self, client: Path, cluster: Cluster, transcript: Transcript) -> None:
        self.client = client
        self.cluster = cluster
        self.transcript = transcript
        self.user = ""
        self.endpoints = cluster.endpoints

    def __call__(self, *arguments: str, text: str = "", limit_s: float = COMMAND_MAX_S) -> str:
        """A command with `text` as its standard input; a step of the transcript. Returns what it printed."""
        done = subprocess.run(
            self._line(arguments), input=text, capture_output=True, text=True, timeout=limit_s, env=_environment()
        )
        ending = [f"exit {done.returncode}"] if done.returncode else []
        self.transcript.add(" ".join(arguments), "\n".join([done.stdout, done.stderr, *ending]))
        return done.stdout

    def in_any_order(self, *arguments: str) -> None:
        """A command whose lines come in an order that is chance."""
        self(*arguments)
        name, said = self.transcript.steps.popitem()
        self.transcript.steps[name] = "\n".join(sorted(said.splitlines()))

    def until(self, word: str, *arguments: str) -> None:
        """A command given again until it says the word, as an operator does: a step, how often is chance."""
        deadline = time.monotonic() + IN_THE_END_S
        while True:
            self(*arguments)
            name, said = self.transcript.steps.popitem()
            if word in said:
                self.transcript.steps[name] = said
                return
            assert time.monotonic() < deadline, said

    def quietly(self, *arguments: str) -> str:
        """A command that is no step: what it prints differs by chance."""
        done = subprocess.run(
            self._line(arguments), capture_output=True, text=True, timeout=COMMAND_MAX_S, env=_environment()
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator["Running"]:
        """A command that goes on, until the block is left; what it printed until then is a step."""
        process = subprocess.Popen(
            self._line(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )
        running = Running(process)
        try:
            yield running
        finally:
            process.kill()
            process.communicate(timeout=COMMAND_MAX_S)
        self.transcript.add(" ".join(arguments), running.said)

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        user = [f"--user={self.user}"] if self.user else []
        return [str(self.client), f"--endpoints={self.endpoints}", *user, *arguments]


class Running:
    """A command that has not ended."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.said = ""

    def wait_lines(self, count: int, limit_s: float = COMMAND_MAX_S) -> list[str]:
        """Until it has printed so many lines in all; its lines so far."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + limit_s
        while self.said.count("\n") < count:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert piece, f"{count} lines were due within {limit_s:g} s, and it said {self.said!r}"
            self.said += piece.decode()
        return self.said.splitlines()

    def tell(self, line: str) -> None:
        """Types a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def interrupt(self) -> None:
        """Ctrl-C, and waits for its end."""
        self.process.send_signal(2)
        self.process.wait(COMMAND_MAX_S)


def _environment() -> dict[str, str]:
    return {**os.environ, "ETCDCTL_API": "3", "ETCDCTL_DIAL_TIMEOUT": "5s", "ETCDCTL_COMMAND_TIMEOUT": "15s"}
