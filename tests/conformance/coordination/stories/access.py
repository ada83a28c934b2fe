"""Users, roles and permissions, and what is denied without them."""

from tests.conformance.coordination.etcdctl import Etcdctl


def users_and_roles(ctl: Etcdctl) -> None:
    """While authentication is off: they are kept, and mean nothing yet."""
    ctl("auth", "status")
    ctl("auth", "enable")
    ctl("user", "list")
    ctl("user", "add", "alice:secret")
    ctl("user", "add", "alice:again")
    ctl("user", "add", "bob", "--new-user-password=secret")
    ctl("user", "add", "carol", "--no-password")
    ctl("user", "add", ":secret")
    ctl("user", "list")
    ctl("role", "add", "reader")
    ctl("role", "add", "reader")
    ctl("role", "add", "")
    ctl("role", "grant-permission", "reader", "read", "a")
    ctl("role", "grant-permission", "reader", "write", "b", "d")
    ctl("role", "grant-permission", "reader", "readwrite", "p/", "--prefix")
    ctl("role", "grant-permission", "reader", "readwrite", "z", "--from-key")
    ctl("role", "grant-permission", "missing", "read", "a")
    ctl("role", "get", "reader")
    ctl("role", "get", "reader", "-w", "json")
    ctl("role", "grant-permission", "reader", "readwrite", "a")
    ctl("role", "revoke-permission", "reader", "b", "d")
    ctl("role", "revoke-permission", "reader", "nothing")
    ctl("role", "get", "reader")
    ctl("role", "get", "missing")
    ctl("role", "list")
    ctl("user", "grant-role", "alice", "reader")
    ctl("user", "grant-role", "alice", "missing")
    ctl("user", "grant-role", "nobody", "reader")
    ctl("user", "get", "alice")
    ctl("user", "get", "alice", "--detail")
    ctl("user", "get", "nobody")
    ctl("user", "revoke-role", "bob", "reader")
    ctl("user", "passwd", "alice", "--interactive=false", text="changed\n")
    ctl("user", "passwd", "nobody", "--interactive=false", text="changed\n")
    ctl("role", "delete", "reader")
    ctl("role", "delete", "reader")
    ctl("user", "get", "alice")
    ctl("user", "delete", "alice")
    ctl("user", "delete", "alice")
    ctl("user", "list")


def _enable(ctl: Etcdctl) -> None:
    ctl("role", "add", "root")
    ctl("user", "add", "root:rootpw")
    ctl("auth", "enable")
    ctl("user", "grant-role", "root", "root")
    ctl("role", "add", "app")
    ctl("role", "grant-permission", "app", "readwrite", "app/", "--prefix")
    ctl("role", "grant-permission", "app", "read", "shared")
    ctl("role", "grant-permission", "app", "write", "inbox")
    ctl("user", "add", "alice:secret")
    ctl("user", "grant-role", "alice", "app")
    ctl("auth", "enable")


def permissions(ctl: Etcdctl) -> None:
    _enable(ctl)
    ctl("get", "a")
    ctl("put", "a", "1")
    ctl.user = "alice:wrong"
    ctl("get", "app/a")
    ctl.user = "nobody:secret"
    ctl("get", "app/a")
    ctl.user = "alice:secret"
    ctl("put", "app/a", "1")
    ctl("get", "app/a")
    ctl("get", "--prefix", "app/")
    ctl("get", "--prefix", "app")
    ctl("get", "--prefix", "")
    ctl("put", "shared", "1")
    ctl("get", "shared")
    ctl("put", "inbox", "1")
    ctl("put", "inbox", "2", "--prev-kv")
    ctl("get", "inbox")
    ctl("del", "inbox")
    ctl("del", "inbox", "--prev-kv")
    ctl("del", "--prefix", "app/")
    ctl("txn", text='value("shared") = "1"\n\nput app/b 1\n\nput inbox 1\n\n')
    ctl("txn", text="\nput app/b 1\nput other 1\n\n\n\n")
    ctl("txn", text='value("other") = "1"\n\nput app/b 1\n\n\n')
    ctl("user", "list")
    ctl("user", "get", "alice")
    ctl("user", "get", "root")
    ctl("role", "get", "app")
    ctl("role", "get", "root")
    ctl("role", "add", "more")
    ctl("auth", "disable")
    ctl("compaction", "2")
    ctl("lease", "grant", "600")
    ctl("watch", "other")
    ctl("snapshot", "save", "/tmp/serai-denied/snapshot")


def root(ctl: Etcdctl) -> None:
    _enable(ctl)
    ctl.user = "root:rootpw"
    ctl("put", "a", "1")
    ctl("get", "a")
    ctl("user", "list")
    ctl("role", "list")
    ctl("auth", "status")
    ctl("role", "delete", "root")
    ctl("user", "delete", "root")
    ctl("user", "revoke-role", "root", "root")
    ctl("user", "passwd", "alice", "--interactive=false", text="changed\n")
    ctl.user = "alice:secret"
    ctl("get", "app/a")
    ctl.user = "alice:changed"
    ctl("get", "app/a")
    ctl.user = "root:rootpw"
    ctl("user", "revoke-role", "alice", "app")
    ctl.user = "alice:changed"
    ctl("get", "app/a")
    ctl.user = "root:rootpw"
    ctl("auth", "disable")
    ctl.user = ""
    ctl("get", "a")
    ctl("auth", "status")


def watches_are_guarded(ctl: Etcdctl) -> None:
    _enable(ctl)
    ctl.user = "alice:secret"
    ctl("put", "app/a", "1")
    with ctl.running("watch", "--prefix", "app/", "--rev=2") as watch:
        watch.wait_lines(3)
    ctl("watch", "--prefix", "", "--rev=2")
    ctl("watch", "inbox", "--rev=2")
