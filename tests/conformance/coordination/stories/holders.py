"""Locks and elections, as etcdctl holds them: by a lease, a key of its own, and a watch on the one before."""

from tests.conformance.coordination.etcdctl import Etcdctl


def lock_with_a_command(ctl: Etcdctl) -> None:
    ctl("lock", "l", "--", "sh", "-c", "echo $ETCD_LOCK_KEY held")
    ctl("lock", "l", "false")
    ctl("get", "--prefix", "l", "--keys-only")


def lock_and_wait(ctl: Etcdctl) -> None:
    with ctl.running("lock", "l", "--ttl=60") as first:
        holder = first.wait_lines(1)
        ctl("get", "--prefix", "l/", "--keys-only")
        with ctl.running("lock", "l") as second:
            first.interrupt()
            next_holder = second.wait_lines(1)
            assert next_holder != holder
            second.interrupt()
    ctl("get", "--prefix", "l/", "--keys-only")


def elections(ctl: Etcdctl) -> None:
    with ctl.running("elect", "e", "one") as first:
        first.wait_lines(2)
        with ctl.running("elect", "--listen", "e") as listener:
            listener.wait_lines(2)
            with ctl.running("elect", "e", "two") as second:
                first.interrupt()
                second.wait_lines(2)
                listener.wait_lines(4)
                second.interrupt()
    ctl("get", "--prefix", "e/", "--keys-only")
