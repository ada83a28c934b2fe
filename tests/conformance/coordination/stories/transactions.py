"""Transactions, as etcdctl reads them: comparisons, what follows if all hold, what follows if not."""

from tests.conformance.coordination.etcdctl import Etcdctl

OPERATIONS_MAX = 128


def _txn(ctl: Etcdctl, compares: str, success: str, failure: str, *options: str) -> None:
    """Its name in the transcript is the whole transaction."""
    text = "".join(f"{section}\n\n" if section else "\n" for section in (compares, success, failure))
    before = len(ctl.transcript.steps)
    ctl("txn", *options, text=text)
    name, said = ctl.transcript.steps.popitem()
    assert len(ctl.transcript.steps) == before
    ctl.transcript.steps[f"{name}: {compares} / {success} / {failure}".replace("\n", "; ")[:120].strip()] = said


def branches(ctl: Etcdctl) -> None:
    _txn(ctl, 'create("a") = "0"', "put a 1", "get a")
    _txn(ctl, 'create("a") = "0"', "put a 2", "get a")
    _txn(ctl, 'value("a") = "1"\nversion("a") = "1"', "put a 3\nget a\nput b 1\nget --prefix ''", "get b", "-w", "json")
    _txn(ctl, 'value("a") = "1"', "get a", "del a --prev-kv\nget a")
    _txn(ctl, "", "get b\ndel b\nget b", "")
    _txn(ctl, 'value("missing") = ""', "get a", "put c 1")
    _txn(ctl, 'value("missing") != ""', "get a", "put c 1")
    ctl("get", "--prefix", "", "-w", "json")


def comparisons(ctl: Etcdctl) -> None:
    ctl("put", "a", "m")
    ctl("put", "a", "n")
    for target, low, same, high in (
        ("value", "a", "n", "z"),
        ("version", "1", "2", "3"),
        ("create", "1", "2", "3"),
        ("mod", "2", "3", "4"),
    ):
        for sign in ("=", "!=", "<", ">"):
            for against in (low, same, high):
                _txn(ctl, f'{target}("a") {sign} "{against}"', "get a", "")


def refusals(ctl: Etcdctl) -> None:
    _txn(ctl, "", "put a 1\nput a 2", "")
    _txn(ctl, "", "put a 1\ndel a", "")
    _txn(ctl, "", "del a\ndel a", "")
    _txn(ctl, "", "put '' 1", "")
    _txn(ctl, "", "get a --rev=99", "")
    _txn(ctl, "", "put a 1\nget a --rev=99", "")
    _txn(ctl, "", "put missing --ignore-value", "")
    _txn(ctl, "", "put a 1 --lease=4d2", "")
    _txn(ctl, "nonsense", "get a", "")
    _txn(ctl, "", "\n".join(f"put {n} {n}" for n in range(OPERATIONS_MAX)), "")
    _txn(ctl, "", "\n".join(f"put {n} {n}" for n in range(OPERATIONS_MAX + 1)), "", "-w", "json")
    ctl("get", "--prefix", "", "--count-only", "-w", "fields")


def overlapping_to_the_end(ctl: Etcdctl) -> None:
    _txn(ctl, "", "put a 1\ndel --prefix ''", "")
    _txn(ctl, "", "put a 1\ndel --from-key a", "")
    _txn(ctl, "", "put a 1\ndel a b", "")


def interactive(ctl: Etcdctl) -> None:
    ctl("txn", "-i", text='mod("a") > "0"\n\nput a 1\n\nput b 1\n\n')
    ctl("txn", "-i", text="\nput c 1\n\n\n")
    ctl("get", "--prefix", "")
