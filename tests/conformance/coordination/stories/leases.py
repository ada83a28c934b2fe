"""Leases: what they carry, how long, and what is gone with them."""

from tests.conformance.coordination.etcdctl import Etcdctl


def _grant(ctl: Etcdctl, ttl_s: int = 600) -> str:
    return ctl("lease", "grant", str(ttl_s)).split()[1]


def lives(ctl: Etcdctl) -> None:
    ctl("lease", "list")
    lease = _grant(ctl)
    ctl("lease", "list")
    ctl("lease", "list", "-w", "json")
    ctl("lease", "timetolive", lease)
    ctl("put", "a", "1", f"--lease={lease}")
    ctl("put", "b", "1", f"--lease={lease}")
    ctl("put", "c", "1")
    ctl("lease", "timetolive", lease, "--keys")
    ctl("get", "a", "-w", "json")
    ctl("put", "b", "moved off it")
    ctl("lease", "timetolive", lease, "--keys")
    ctl("lease", "keep-alive", lease, "--once")
    ctl("lease", "keep-alive", lease, "--once", "-w", "json")
    ctl("lease", "revoke", lease)
    ctl("get", "--prefix", "", "-w", "json")
    ctl("lease", "timetolive", lease)
    ctl("lease", "timetolive", lease, "-w", "json")
    ctl("lease", "keep-alive", lease, "--once")
    ctl("lease", "revoke", lease)
    ctl("put", "a", "1", f"--lease={lease}")


def refusals(ctl: Etcdctl) -> None:
    ctl("lease", "grant", "0")
    ctl("lease", "grant", "--", "-5")
    ctl("lease", "grant", "9000000001")
    ctl("lease", "grant", "soon")
    ctl("lease", "revoke", "4d2")
    ctl("lease", "timetolive", "4d2", "--keys")
    ctl("lease", "keep-alive", "4d2")


def expire(ctl: Etcdctl) -> None:
    """Real time passes here: the watch is what ends the waiting."""
    lease = _grant(ctl, 2)
    ctl("put", "a", "1", f"--lease={lease}")
    ctl("put", "b", "1", f"--lease={lease}")
    with ctl.running("watch", "--prefix", "", "--rev=4") as watch:
        watch.wait_lines(5)
    ctl("lease", "list")
    ctl("get", "--prefix", "", "-w", "json")


def kept_alive(ctl: Etcdctl) -> None:
    lease = _grant(ctl, 3)
    with ctl.running("lease", "keep-alive", lease) as kept:
        kept.wait_lines(3)
    ctl("lease", "timetolive", lease)
