"""Watches: from now and from the past, with what was before, with a command for each event."""

import json
from typing import Any

from tests.conformance.coordination.etcdctl import Etcdctl, Running


def _until_revision(watch: Running, last: int) -> list[list[dict[str, Any]]]:
    """The events of each answer, until one of that revision; how many share an answer is up to the engine."""
    answers: list[list[dict[str, Any]]] = []
    while not answers or answers[-1][-1]["kv"]["mod_revision"] < last:
        answers = [json.loads(line)["Events"] for line in watch.wait_lines(len(answers) + 1)]
    return answers


def from_a_revision(ctl: Etcdctl) -> None:
    ctl("put", "a", "1")
    ctl("put", "b", "1")
    ctl("put", "a", "2")
    ctl("del", "a")
    ctl("put", "a", "3")
    with ctl.running("watch", "a", "--rev=1") as watch:
        watch.wait_lines(12)
    with ctl.running("watch", "a", "--rev=4", "--prev-kv", "-w", "json") as watch:
        ctl("put", "a", "4")
        answers = _until_revision(watch, 7)
        watch.said = "\n".join(json.dumps(event) for events in answers for event in events)


def of_a_range(ctl: Etcdctl) -> None:
    with ctl.running("watch", "--prefix", "a/", "--rev=2", "--prev-kv") as watch:
        ctl("put", "a/1", "1")
        ctl("put", "a", "no")
        ctl("put", "a0", "no")
        ctl("del", "--prefix", "a")
        ctl("put", "a/2", "2")
        watch.wait_lines(3 + 5 + 3)
    with ctl.running("watch", "a", "b", "--rev=2") as watch:
        watch.wait_lines(9 + 9 + 3)


def of_a_transaction(ctl: Etcdctl) -> None:
    """All of one revision comes in one answer, in the order in which the transaction had it."""
    with ctl.running("watch", "--prefix", "", "--rev=2", "-w", "json") as watch:
        ctl("txn", text="\nput c 1\nput a 1\nput b 1\n\n\n\n")
        ctl("txn", text="\nput a 2\ndel b\nput aa 1\n\n\n\n")
        ctl("put", "d", "1")
        answers = _until_revision(watch, 4)
        watch.said = "\n".join(json.dumps(event) for events in answers for event in events)
    revisions = [{event["kv"]["mod_revision"] for event in events} for events in answers]
    split = sum(len(one) for one in revisions) - len(set[int]().union(*revisions))
    ctl.transcript.add("revisions that came in pieces", str(split))


def with_a_command(ctl: Etcdctl) -> None:
    script = 'echo "$ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE at $ETCD_WATCH_REVISION"'
    with ctl.running("watch", "a", "--rev=2", "--", "sh", "-c", script) as watch:
        ctl("put", "a", "1")
        watch.wait_lines(4)
        ctl("del", "a")
        watch.wait_lines(8)


def interactive(ctl: Etcdctl) -> None:
    ctl("put", "a", "1")
    ctl("put", "b", "1")
    with ctl.running("watch", "-i") as watch:
        watch.tell("watch a --rev=2")
        watch.wait_lines(3)
        watch.tell("watch b --rev=2")
        watch.wait_lines(6)
        ctl("put", "b", "2")
        watch.wait_lines(9)
        watch.tell("progress")
        watch.wait_lines(11)


def compacted(ctl: Etcdctl) -> None:
    for n in range(5):
        ctl("put", "a", str(n))
    ctl("compaction", "4")
    ctl("watch", "a", "--rev=2")
    with ctl.running("watch", "a", "--rev=4") as watch:
        watch.wait_lines(9)
    with ctl.running("watch", "a", "--rev=8") as watch:
        ctl("put", "a", "future not yet")
        ctl("put", "a", "future")
        watch.wait_lines(3)
