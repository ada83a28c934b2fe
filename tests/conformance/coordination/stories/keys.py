"""Keys: written, read in every way, deleted, and their history."""

from tests.conformance.coordination.etcdctl import Etcdctl

VALUE_TOO_LARGE = "x" * 1_600_000


def puts(ctl: Etcdctl) -> None:
    ctl("put", "a", "1")
    ctl("put", "a", "2", "--prev-kv")
    ctl("put", "new", "1", "--prev-kv")
    ctl("put", "a", "3", "-w", "json")
    ctl("put", "a", "4", "--prev-kv", "-w", "json")
    ctl("put", "typed", text="from the standard input")
    ctl("put", "empty", "")
    ctl("put", "", "value")
    ctl("put", "Ümlaut /with space", "grüß dich")
    ctl("put", "a", "5", "--lease=1234")
    ctl("put", "large", text=VALUE_TOO_LARGE)
    ctl("get", "--prefix", "", "-w", "json")


def keeping_what_is_there(ctl: Etcdctl) -> None:
    ctl("put", "missing", "--ignore-value")
    ctl("put", "missing", "1", "--ignore-lease")
    lease = ctl.quietly("lease", "grant", "600").split()[1]
    ctl("put", "a", "1", f"--lease={lease}")
    ctl("put", "a", "2", "--ignore-lease")
    ctl("get", "a", "-w", "json")
    ctl("put", "a", "--ignore-value")
    ctl("get", "a", "-w", "json")
    ctl("put", "a", "3", "--ignore-value")
    ctl("put", "a", "3", "--ignore-lease", f"--lease={lease}")


def gets(ctl: Etcdctl) -> None:
    ctl("put", "a", "1")
    ctl("put", "a", "2")
    ctl("get", "a")
    ctl("get", "missing")
    ctl("get", "")
    ctl("get", "a", "-w", "json")
    ctl("get", "a", "-w", "fields")
    ctl("get", "missing", "-w", "json")
    ctl("get", "a", "--hex")
    ctl("get", "a", "--print-value-only")
    ctl("get", "a", "--keys-only")
    ctl("get", "a", "--count-only", "-w", "fields")
    ctl("get", "a", "--consistency=s")
    ctl("get", "a", "--consistency=q")
    ctl("get", "a", "--prefix", "--from-key")
    ctl("get", "a", "--rev=2")
    ctl("get", "a", "--rev=1")
    ctl("get", "a", "--rev=99")


def _fruit(ctl: Etcdctl) -> None:
    for key, value in (("b", "6"), ("a", "5"), ("d", "1"), ("c", "3"), ("fruit/kiwi", "2"), ("fruit/fig", "4")):
        ctl("put", key, value)
    ctl("put", "b", "7")
    ctl("put", "b", "8")
    ctl("put", "c", "9")


def ranges(ctl: Etcdctl) -> None:
    _fruit(ctl)
    ctl("get", "--prefix", "fruit/")
    ctl("get", "--prefix", "", "--keys-only")
    ctl("get", "--from-key", "c")
    ctl("get", "--from-key", "")
    ctl("get", "a", "c")
    ctl("get", "c", "a")
    ctl("get", "--prefix", "", "--limit=2")
    ctl("get", "--prefix", "", "--limit=2", "-w", "json")
    ctl("get", "--prefix", "", "--limit=6", "-w", "json")
    ctl("get", "--prefix", "", "--count-only", "-w", "fields")
    ctl("get", "--prefix", "fruit/", "--count-only", "--limit=1", "-w", "fields")
    ctl("get", "--prefix", "", "--rev=4")
    ctl("get", "--prefix", "", "--rev=8", "--limit=3", "-w", "json")


def orders(ctl: Etcdctl) -> None:
    _fruit(ctl)
    for target in ("CREATE", "KEY", "MODIFY", "VALUE", "VERSION"):
        for order in ("ASCEND", "DESCEND"):
            ctl("get", "--prefix", "", f"--sort-by={target}", f"--order={order}")
        ctl("get", "--prefix", "", f"--sort-by={target}", "--order=DESCEND", "--limit=2", "-w", "json")
        ctl("get", "--prefix", "", f"--sort-by={target}", "--limit=3")
    ctl("get", "--prefix", "", "--order=DESCEND", "--rev=5")
    ctl("get", "--prefix", "", "--order=DOWN")
    ctl("get", "--prefix", "", "--sort-by=SIZE")


def revision_bounds(ctl: Etcdctl) -> None:
    _fruit(ctl)
    ctl("get", "--prefix", "", "--min-mod-rev=5")
    ctl("get", "--prefix", "", "--max-mod-rev=5", "-w", "json")
    ctl("get", "--prefix", "", "--min-create-rev=3", "--max-create-rev=5")
    ctl("get", "--prefix", "", "--min-create-rev=3", "--limit=1", "-w", "json")


def streamed(ctl: Etcdctl) -> None:
    _fruit(ctl)
    ctl("get", "--prefix", "", "--stream")
    ctl("get", "a", "--stream")


def deletes(ctl: Etcdctl) -> None:
    _fruit(ctl)
    ctl("del", "missing")
    ctl("del", "a")
    ctl("del", "a")
    ctl("del", "b", "--prev-kv")
    ctl("del", "c", "-w", "json")
    ctl("put", "a", "again", "-w", "json")
    ctl("get", "a", "-w", "json")
    ctl("del", "--prefix", "fruit/", "--prev-kv", "-w", "json")
    ctl("put", "x", "1")
    ctl("put", "y", "1")
    ctl("put", "z", "1")
    ctl("del", "x", "z")
    ctl("del", "--from-key", "d", "--prev-kv")
    ctl("del", "")
    ctl("del", "--prefix", "")
    ctl("del", "--prefix", "", "-w", "json")
    ctl("get", "--prefix", "", "-w", "json")
    ctl("get", "--prefix", "", "--rev=10", "-w", "json")


def compaction(ctl: Etcdctl) -> None:
    _fruit(ctl)
    ctl("del", "d")
    ctl("compaction", "8")
    ctl("get", "b", "--rev=7")
    ctl("get", "b", "--rev=8")
    ctl("get", "b", "--rev=9")
    ctl("get", "d", "--rev=8")
    ctl("compaction", "8")
    ctl("compaction", "5")
    ctl("compaction", "999")
    ctl("compaction", "--", "-1")
    ctl("compaction", "11", "--physical")
    ctl("compact", "11")
    ctl("get", "d", "--rev=11", "-w", "json")
    ctl("get", "--prefix", "")
    ctl("put", "after", "1", "-w", "json")
    ctl("watch", "b", "--rev=3")
