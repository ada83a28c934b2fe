"""Starts Serai as a new user would, breaks it, and starts it again: python tools/try_start.py DATA [PORT].

It sells a seat over HTTP, kills the supervisor with SIGKILL in the middle of its life, and checks that nothing is
orphaned, that the second start is quick, and that the sold seat is still sold. Then it backs the running site up, sells
on, restores the backup elsewhere, and starts that: what was sold before the backup is sold there, what came later is
not. Prints what it saw; exits 1 if it fails.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

FIRST_START_S = 120.0
SECOND_START_S = 60.0
"""The aim is 40 and 10 on a quiet machine; these bounds say that it is broken, not that it is slow."""


class Failure(Exception):
    """What was promised and is not so."""


def call(url: str, body: object = None, key: str = "") -> dict[str, object]:
    """One JSON request."""
    headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
    data = json.dumps(body).encode() if body is not None else None
    with urlopen(Request(url, data, headers), timeout=30) as answer:  # noqa: S310  # our own loopback address
        document: dict[str, object] = json.load(answer)
        return document


def wait_until(true: Callable[[], bool], limit_s: float, what: str) -> float:
    """Seconds until it is true; Failure after the limit."""
    started = time.monotonic()
    while not true():
        if time.monotonic() - started > limit_s:
            raise Failure(f"{what}: not within {limit_s:g} s")
        time.sleep(0.1)
    return time.monotonic() - started


def is_ready(base: str) -> bool:
    """Whether the site serves."""
    try:
        with urlopen(f"{base}/readyz", timeout=5) as answer:  # noqa: S310  # our own loopback address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def members(data: Path) -> list[int]:
    """Processes whose environment or command line names the data directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z" and str(data).encode() in told:
            found.append(int(entry.name))
    return found


def serai(*arguments: str) -> float:
    """One command to its end; seconds that it took."""
    started = time.monotonic()
    done = subprocess.run([Path(sys.executable).with_name("serai"), *arguments], capture_output=True, text=True)  # noqa: S603  # our own program
    if done.returncode:
        raise Failure(f"serai {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return time.monotonic() - started


def booking_state(base: str, booking: str) -> object:
    """The state of a booking, None for one that is not known."""
    try:
        return call(f"{base}/api/cinema/v1/bookings/{booking}")["state"]
    except HTTPError as error:
        if error.code == 404:
            return None
        raise


def start(data: Path, port: int) -> subprocess.Popen[bytes]:
    """`serai up` in the background."""
    serai = Path(sys.executable).with_name("serai")
    command = [serai, "up", "--data", str(data), "--port", str(port)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603  # our own program


def sell(base: str, key: str) -> str:
    """Buys one seat and returns the booking's id."""
    api = f"{base}/api/cinema/v1"
    shows = call(f"{api}/shows?limit=50")["items"]
    assert isinstance(shows, list)
    show = shows[-1]["id"]
    best = call(f"{api}/shows/{show}/best?count=2")["seat_ids"]
    hold = call(f"{api}/holds", {"show_id": show, "seat_ids": best})
    buyer = {"hold_id": hold["id"], "payment_method": "pm_card_visa", "email": "someone@example.org"}
    booking = call(f"{api}/bookings", buyer, key=key)
    if booking["state"] != "confirmed":
        raise Failure(f"the booking is {booking['state']}")
    return str(booking["id"])


def main(data: Path, port: int) -> None:
    """The whole story."""
    base = f"http://127.0.0.1:{port}"
    first = start(data, port)
    took = wait_until(lambda: is_ready(base), FIRST_START_S, "first start")
    print(f"first start, demo data included: {took:.1f} s")  # noqa: T201  # a tool for people
    booking = sell(base, "first")
    first.send_signal(signal.SIGKILL)
    first.wait()
    took = wait_until(lambda: not members(data), 20, "children of a killed supervisor are gone")
    print(f"after kill -9 of the supervisor nothing of it runs: {took:.1f} s")  # noqa: T201  # a tool for people
    second = start(data, port)
    took = wait_until(lambda: is_ready(base), SECOND_START_S, "second start")
    print(f"second start: {took:.1f} s")  # noqa: T201  # a tool for people
    if (state := booking_state(base, booking)) != "confirmed":
        raise Failure(f"after the restart the booking is {state}")
    backup = data.with_name(f"{data.name}.tar.gz")
    took = serai("backup", str(backup), "--data", str(data))
    print(f"backup of the running site: {took:.1f} s, {backup.stat().st_size / 1e6:.1f} MB")  # noqa: T201
    later = sell(base, "later")
    stop(second, data)
    restored = data.with_name(f"{data.name}-restored")
    took = serai("restore", str(backup), "--data", str(restored))
    print(f"restore into an empty directory: {took:.1f} s")  # noqa: T201  # a tool for people
    third = start(restored, port)
    took = wait_until(lambda: is_ready(base), FIRST_START_S, "start of the restored site")
    print(f"start of the restored site: {took:.1f} s")  # noqa: T201  # a tool for people
    found = [booking_state(base, one) for one in (booking, later)]
    if found != ["confirmed", None]:
        raise Failure(f"in the restored site the bookings of before and after the backup are {found}")
    sell(base, "restored")
    stop(third, restored)


def stop(site: "subprocess.Popen[bytes]", data: Path) -> None:
    """Ctrl-C, after which nothing runs."""
    site.send_signal(signal.SIGINT)
    site.wait(timeout=30)
    took = wait_until(lambda: not members(data), 20, "children are gone after Ctrl-C")
    if site.returncode != 0:
        raise Failure(f"Ctrl-C ended with exit code {site.returncode}")
    print(f"Ctrl-C stopped everything: {took:.1f} s after the supervisor")  # noqa: T201  # a tool for people


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 18420)
    except Failure as failure:
        raise SystemExit(str(failure)) from None
