"""A network that is cut without a word, in a network namespace whose only device goes down and comes back."""

import asyncio
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tests.runtime.machines.ends import meet, opened, until

from serai.runtime.machines import connections
from serai.runtime.machines.errors import PeerGone

pytestmark = pytest.mark.skipif(shutil.which("unshare") is None, reason="a network of one's own is Linux's")

WITHIN = ("unshare", "--net", "--map-root-user")
READ_FLAGS, WRITE_FLAGS, UP = 0x8913, 0x8914, 0x1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP


def set_loopback(up: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = fcntl.ioctl(sock, READ_FLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(sock, WRITE_FLAGS, struct.pack("16sh14x", b"lo", flags | UP if up else flags & ~UP))


async def cut_and_heal() -> None:
    """What the child does: nobody closes anything, and both ends find out, and then each other."""
    connections.SILENCE_S = 1
    set_loopback(True)
    a, b = await opened("a", never), await opened("b", never)
    await meet(a, b)
    asked = asyncio.ensure_future(a.peers.ask("b", b"", 60))
    await until(lambda: b.peers._living and any(getattr(one, "_tasks", None) for one in b.peers._living))
    set_loopback(False)
    a.peers.send("b", b"unacknowledged")
    try:
        await asyncio.wait_for(asked, 15)
    except PeerGone as gone:
        print(gone.message)
    await until(lambda: not b.peers._living)  # it had nothing to send, and has noticed too
    set_loopback(True)
    await until(lambda: list(a.peers.connected) and list(b.peers.connected))
    a.peers.send("b", b"again")
    await until(lambda: b.heard[-1:] == [("a", b"again")])
    print("healed")
    for end in (a, b):
        await end.peers.close()


async def never(_: str, body: bytes) -> bytes:
    return await asyncio.get_running_loop().create_future()


def test_a_cut_without_a_word_is_noticed_and_heals() -> None:
    """Control: without TCP's own limits of silence the request waits for its deadline, and b for ever."""
    if subprocess.run([*WITHIN, "true"], capture_output=True, timeout=20).returncode != 0:
        pytest.skip("this system lets nobody have a network of his own")
    code = "import asyncio; from tests.runtime.machines.test_silence import cut_and_heal; asyncio.run(cut_and_heal())"
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [*WITHIN, sys.executable, "-c", code],
        cwd=root,
        env=os.environ | {"PYTHONPATH": f"{root}:{root / 'src'}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["the connection to b broke; it may have been done", "healed"], done.stderr
