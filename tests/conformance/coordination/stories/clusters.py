"""Three members: who leads, who comes and who goes. Each story begins with three that are up, and `a` leads."""

import json

from tests.conformance.coordination.etcdctl import Etcdctl
from tools.engines import Seat

_NOBODY = "--peer-urls=http://127.0.0.1:1"


def _begin(ctl: Etcdctl) -> tuple[Seat, Seat, Seat]:
    """Has `a` lead, and the members' ids be known by their names: which comes first in a list is chance."""
    first = ctl.cluster.seats[0]
    status = json.loads(ctl.quietly("endpoint", "status", "-w", "json"))
    ids = {one["Endpoint"]: one["Status"]["header"]["member_id"] for one in status}
    leader = next(seat for seat in ctl.cluster.seats if ids[seat.endpoint] == status[0]["Status"]["leader"])
    if leader is not first:
        every, ctl.endpoints = ctl.endpoints, leader.endpoint
        ctl.quietly("move-leader", f"{ids[first.endpoint]:x}")
        ctl.endpoints = every
    for seat in ctl.cluster.seats:
        ctl.transcript.call(ids[seat.endpoint], f"MEMBER-{seat.name}")
    one, two, three = ctl.cluster.seats
    return one, two, three


def _id(ctl: Etcdctl, name: str) -> str:
    lines = [line.split(", ") for line in ctl.quietly("member", "list").splitlines()]
    return next(line[0] for line in lines if line[2] == name)


def everywhere(ctl: Etcdctl) -> None:
    """What one member took, the others have, by a read of either kind."""
    seats = _begin(ctl)
    ctl("put", "a", "1")
    ctl("endpoint", "health")
    ctl("move-leader", "4d2")
    ctl("get", "a")
    hashes = {one["HashKV"]["hash"] for one in json.loads(ctl.quietly("endpoint", "hashkv", "--rev=2", "-w", "json"))}
    ctl.transcript.add("different hashes of three members", str(len(hashes)))
    for seat in seats:
        ctl.endpoints = seat.endpoint
        ctl("get", "a", "-w", "json")
        ctl("get", "a", "--consistency=s")
        ctl("put", "a", seat.name)
        ctl("txn", text=f'value("a") = "{seat.name}"\n\nput b {seat.name}\n\n\n')
    ctl.in_any_order("member", "list")


def lead_is_handed_over(ctl: Etcdctl) -> None:
    first, second, _ = _begin(ctl)
    target = _id(ctl, "b")
    every, ctl.endpoints = ctl.endpoints, second.endpoint
    ctl("move-leader", target)
    ctl.endpoints = first.endpoint
    ctl("move-leader", target)
    ctl.endpoints = every
    ctl("put", "a", "1")
    ctl("endpoint", "status", "-w", "json")


def leader_dies(ctl: Etcdctl) -> None:
    """Watches and leases go on; what was acknowledged is there."""
    first, second, third = _begin(ctl)
    lease = ctl("lease", "grant", "600").split()[1]
    ctl("put", "a", "1", f"--lease={lease}")
    ctl.endpoints = f"{second.endpoint},{third.endpoint}"
    with ctl.running("watch", "--prefix", "", "--rev=2") as watch:
        watch.wait_lines(3)
        ctl.cluster.kill(first)
        ctl.until("OK", "put", "b", "1")
        watch.wait_lines(6)
    ctl("lease", "timetolive", lease, "--keys")
    ctl("get", "--prefix", "")
    ctl.cluster.launch(first)
    ctl.cluster.wait_ready(first)
    ctl.endpoints = first.endpoint
    ctl("get", "--prefix", "")


def majority_is_gone(ctl: Etcdctl) -> None:
    first, second, third = _begin(ctl)
    ctl("put", "a", "1")
    ctl.cluster.kill(second)
    ctl.cluster.kill(third)
    ctl.endpoints = first.endpoint
    ctl("get", "a", "--consistency=s")
    ctl("put", "a", "2", "--command-timeout=3s")
    ctl("get", "a", "--command-timeout=3s")
    ctl.cluster.launch(second)
    ctl.cluster.wait_ready(second)
    ctl.until("OK", "put", "b", "1")
    ctl("get", "b")


def a_learner_comes_and_goes(ctl: Etcdctl) -> None:
    _begin(ctl)
    ctl("put", "a", "1")
    seat = ctl.cluster.seat()
    ctl.until("added", "member", "add", seat.name, "--learner", f"--peer-urls=http://{seat.peer}")
    ctl.in_any_order("member", "list")
    learner = next(line.split(",")[0] for line in ctl.quietly("member", "list").splitlines() if line.endswith("true"))
    ctl("member", "promote", learner)
    every = ctl.endpoints
    ctl.cluster.join(seat)
    ctl.until("promoted", "member", "promote", learner)
    ctl.cluster.wait_ready(seat)
    ctl.endpoints = seat.endpoint
    ctl("get", "a")
    ctl.endpoints = every
    ctl("member", "promote", learner)
    ctl.in_any_order("member", "list")
    ctl.until("member not found", "member", "remove", learner)
    ctl.in_any_order("member", "list")
    ctl("put", "a", "2")


def two_learners_at_once(ctl: Etcdctl) -> None:
    _begin(ctl)
    ctl.until("added", "member", "add", "d", "--learner", _NOBODY)
    ctl("member", "add", "e", "--learner", "--peer-urls=http://127.0.0.1:2")


def a_member_goes(ctl: Etcdctl) -> None:
    first, second, _ = _begin(ctl)
    ctl("put", "a", "1")
    gone = _id(ctl, "c")
    ctl("member", "update", gone, _NOBODY)
    ctl.until("member not found", "member", "remove", gone)
    ctl.endpoints = f"{first.endpoint},{second.endpoint}"
    ctl.in_any_order("member", "list")
    ctl("put", "a", "2")
    ctl("get", "a")
