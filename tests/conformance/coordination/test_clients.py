"""Clients in other languages see of every engine what they see of the current etcd: npm's etcd3, Go's concurrency
package, and aetcd by its own test suite."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.conformance.coordination.listed import listed
from tests.conformance.coordination.peers import aetcd, etcd3
from tests.conformance.coordination.transcripts import Transcript, differences
from tools.engines import Cluster, started

pytestmark = [pytest.mark.engines, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).parent / "clients" / "etcd3.js"
SUITE_MAX_S = 200.0


def node_client(cluster: Cluster) -> dict[str, str]:
    """What each step of the script printed. It asks for a restart in the middle."""
    environment = {**os.environ, "NODE_PATH": str(etcd3())}
    command = ["node", "--no-deprecation", str(SCRIPT), cluster.seats[0].endpoint]
    saw: dict[str, str] = {}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            if line == "!restart\n":
                cluster.kill(cluster.seats[0])
                cluster.launch(cluster.seats[0])
                cluster.wait_ready(cluster.seats[0])
                print("back", file=process.stdin, flush=True)
            else:
                name, _, found = line.rstrip().partition(": ")
                saw[name] = found
    return saw


def go_concurrency(cluster: Cluster) -> dict[str, str]:
    """Each step of tools/etcd/concurrency."""
    command = [str(cluster.installed.concurrency), "-endpoints", cluster.endpoints]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SUITE_MAX_S)
    assert done.returncode == 0, done.stderr
    return {line.rpartition(": ")[0]: line for line in done.stdout.splitlines()}


def aetcd_suite(cluster: Cluster) -> dict[str, str]:
    """The outcome of each test of aetcd's own suite, with the etcdctl whose answers it was written for."""
    python, sources = aetcd()
    report = cluster.folder / "aetcd.xml"
    clients = cluster.folder / "clients"
    clients.mkdir()
    (clients / "etcdctl").symlink_to(cluster.installed.clients["3.4"])
    environment = {
        **os.environ,
        "PATH": f"{clients}:{os.environ['PATH']}",
        "TEST_ETCD_HTTP_URL": f"http://{cluster.seats[0].endpoint}",
    }
    options = ["-q", "-p", "no:cacheprovider", "--no-cov", f"--junitxml={report}"]
    subprocess.run(
        [python, "-m", "pytest", "tests/integration", *options],
        cwd=sources,
        env=environment,
        capture_output=True,
        timeout=SUITE_MAX_S,
    )
    return {
        f"{case.get('classname')}.{case.get('name')}": _outcome(case)
        for case in ElementTree.parse(report).iter("testcase")
    }


def _outcome(case: ElementTree.Element) -> str:
    return next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")


SUITES: dict[str, Callable[[Cluster], dict[str, str]]] = {
    "npm etcd3": node_client,
    "Go concurrency": go_concurrency,
    "aetcd": aetcd_suite,
}


@cache
def told(suite: str, kind: str, members: int = 1) -> Transcript:
    with (
        tempfile.TemporaryDirectory(prefix="serai-clients-") as folder,
        started(kind, members, Path(folder)) as cluster,
    ):
        return Transcript(SUITES[suite](cluster))


def compare(suite: str, kind: str, members: int = 1) -> None:
    found = differences(told(suite, "etcd-current"), told(suite, kind, members))
    allowed = listed(kind, suite)
    unlisted = {step: both for step, both in found.items() if step not in allowed}
    assert not unlisted, "\n".join(f"{step}\n{both}" for step, both in unlisted.items())
    assert set(found) == allowed, "what is listed is so no more"


@pytest.mark.parametrize(
    ("suite", "kind"),
    [
        pytest.param(suite, kind, marks=pytest.mark.xdist_group(suite))
        for suite, kind in (
            *((suite, "serai") for suite in SUITES),
            ("npm etcd3", "etcd-3.4"),
            ("Go concurrency", "etcd-3.4"),
        )
    ],
)
def test_a_client(suite: str, kind: str) -> None:
    compare(suite, kind)


@pytest.mark.xdist_group("Go concurrency")
def test_the_go_client_on_three_members() -> None:
    compare("Go concurrency", "serai", members=3)


@pytest.mark.parametrize("suite", [pytest.param(one, marks=pytest.mark.xdist_group(one)) for one in SUITES])
def test_the_measure_itself_is_whole(suite: str) -> None:
    """A suite that fails as a whole on the current etcd would make anything alike."""
    steps = told(suite, "etcd-current").steps
    wrong = {name: saw for name, saw in steps.items() if "failed" in saw or saw in ("failure", "error")}
    assert set(wrong) <= KNOWN_TO_FAIL, wrong
    assert len(steps) >= STEPS_MIN[suite]


KNOWN_TO_FAIL = {"tests.integration.test_auth.test_auth"}
"""aetcd's: it knows no other port than 2379."""

STEPS_MIN = {"npm etcd3": 16, "Go concurrency": 9, "aetcd": 60}
