"""Starts clusters of etcd and of coordination alike, for the conformance suite and the benchmark.

    with started(KINDS["etcd-current"], 3, folder) as cluster:
        cluster.endpoints

A member is ready when it answers a linearizable read; members are killed on the way out; data and logs stay.
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from tools.install_etcd import Installed, install

START_MAX_S = 30.0
STOP_MAX_S = 20.0
NAMES = "abcde"
_RECONNECT_MS = 20

ANY_READ = b"\x0a\x05ready"
"""A RangeRequest of the key `ready`."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a member lives."""

    name: str
    port: int
    peer_port: int
    data: Path

    @property
    def endpoint(self) -> str:
        """For clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def peer(self) -> str:
        """For the other members."""
        return f"127.0.0.1:{self.peer_port}"


Command = Callable[[Installed, Seat, list[Seat], str], list[str]]
"""The command line of one member among those that begin a cluster (`new`) or that it joins (`existing`)."""


def _etcd(version: str) -> Command:
    def command(installed: Installed, seat: Seat, all_seats: list[Seat], state: str) -> list[str]:
        client, peer = f"http://{seat.endpoint}", f"http://{seat.peer}"
        logging = ["--logger=zap"] if version == "3.4" else []
        return [
            str(installed.servers[version]),
            f"--name={seat.name}",
            f"--data-dir={seat.data}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster={','.join(f'{one.name}=http://{one.peer}' for one in all_seats)}",
            f"--initial-cluster-state={state}",
            "--log-level=error",
            *logging,
        ]

    return command


def _serai(_: Installed, seat: Seat, all_seats: list[Seat], state: str) -> list[str]:
    others = [one for one in all_seats if one is not seat]
    if state == "existing":
        how = ["--join", others[0].endpoint]
    else:
        how = ["--initial", ",".join(f"{one.name}={one.peer}" for one in all_seats)]
    serve = [str(Path(sys.executable).parent / "serai"), "coordination", "serve", "--name", seat.name]
    return [*serve, "--data", str(seat.data), "--port", str(seat.port), "--peer-port", str(seat.peer_port), *how]


KINDS: dict[str, Command] = {"etcd-3.4": _etcd("3.4"), "etcd-current": _etcd("current"), "serai": _serai}


class NotReady(Exception):
    """A member did not start, with the end of what it said."""


@dataclass
class Cluster:
    """Running members, each a process."""

    command: Command
    installed: Installed
    folder: Path
    seats: list[Seat] = field(default_factory=list)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def endpoints(self) -> str:
        """Of all members, as etcdctl takes them."""
        return ",".join(seat.endpoint for seat in self.seats)

    def begin(self, members: int) -> None:
        """Starts a new cluster and waits until each member serves."""
        self.seats = [self._seat(name) for name in NAMES[:members]]
        for seat in self.seats:
            self.launch(seat, "new")
        for seat in self.seats:
            self.wait_ready(seat)

    def seat(self) -> Seat:
        """A place for one more member; it is not started, nor does the cluster know of it."""
        taken = {seat.name for seat in self.seats}
        return self._seat(next(name for name in NAMES if name not in taken))

    def join(self, seat: Seat) -> None:
        """Starts a member that the cluster has added before."""
        self.seats.append(seat)
        self.launch(seat, "existing")

    def launch(self, seat: Seat, state: str = "new") -> None:
        """Starts a member's process, again after it was killed or for the first time."""
        with (self.folder / f"{seat.name}.log").open("ab") as log:
            line = self.command(self.installed, seat, self.seats, state)
            self.processes[seat.name] = subprocess.Popen(  # noqa: S603  # a line of KINDS
                line, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self, seat: Seat, signal_number: int = signal.SIGKILL) -> None:
        """Ends a member's process."""
        process = self.processes[seat.name]
        process.send_signal(signal_number)
        process.wait(STOP_MAX_S)

    def wait_ready(self, seat: Seat, limit_s: float = START_MAX_S) -> None:
        """Until the member answers a linearizable read. NotReady."""
        deadline = time.monotonic() + limit_s
        process = self.processes[seat.name]
        while True:
            left_s = deadline - time.monotonic()
            ended = process.poll() is not None
            if ended or left_s <= 0:
                said = (self.folder / f"{seat.name}.log").read_text(errors="replace")[-3000:]
                how = f"ended with {process.returncode}" if ended else f"serves not after {limit_s:g} s"
                raise NotReady(f"member {seat.name} {how}: {said}")
            if _answers(seat.endpoint, min(left_s, 1.0)):
                return

    def rss_bytes(self) -> int:
        """What the members hold in memory, all together."""
        pages = [Path(f"/proc/{one.pid}/statm").read_text().split()[1] for one in self.processes.values()]
        return sum(map(int, pages)) * 4096

    def stop(self) -> None:
        """Kills what still runs."""
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait(STOP_MAX_S)

    def _seat(self, name: str) -> Seat:
        port, peer_port = _free_ports(2)
        return Seat(name, port, peer_port, self.folder / name)


def _answers(endpoint: str, limit_s: float) -> bool:
    options = [(f"grpc.{name}_reconnect_backoff_ms", _RECONNECT_MS) for name in ("initial", "min", "max")]
    with grpc.insecure_channel(endpoint, options) as channel:
        call = channel.unary_unary("/etcdserverpb.KV/Range")
        try:
            call(ANY_READ, timeout=limit_s, wait_for_ready=True)
        except grpc.RpcError:
            return False
    return True


def _free_ports(count: int) -> list[int]:
    """Held all at once, so that they differ."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in held]


@contextmanager
def started(kind: str, members: int, folder: Path, installed: Installed | None = None) -> Iterator[Cluster]:
    """A new cluster of KINDS[kind] with its data below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(KINDS[kind], installed or install(), folder)
    try:
        cluster.begin(members)
        yield cluster
    finally:
        cluster.stop()
