"""A program started here runs as whom it should, and dies with its owner."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serai.runtime.processes import Launch, run, service_account, start


def test_the_program_gets_arguments_environment_and_priority_as_written() -> None:
    script = "import os, sys; print(sys.argv[1:], os.environ['WORD'], os.nice(0))"
    done = run(Launch((sys.executable, "-c", script, "a b", ""), env={"WORD": "here"}, nice=5), 30)
    assert done.stdout == "['a b', ''] here 5\n"


def test_signals_that_its_owner_ignored_work_again() -> None:
    script = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    outer = ["/bin/sh", "-c", 'trap "" INT PIPE; exec "$@"', "sh", *Launch((sys.executable, "-c", script)).leashed()]
    assert subprocess.run(outer, capture_output=True, text=True).stdout == "True\n"


@pytest.mark.parametrize(("program", "code"), [("/nowhere/at/all", 127), ("/etc/passwd", 126)])
def test_a_program_that_cannot_run_says_so(program: str, code: int) -> None:
    done = run(Launch((program,)), 30)
    assert done.returncode == code
    assert done.stderr.startswith(program)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_runs_as_the_service_user_and_in_none_of_roots_groups() -> None:
    done = run(Launch(("/usr/bin/id",), account=service_account()), 30)
    assert "uid=65534(nobody)" in done.stdout
    assert "root" not in done.stdout


def test_one_whose_owner_is_already_gone_does_not_start() -> None:
    orphaned = Launch(("/bin/echo", "started")).leashed()
    orphaned[orphaned.index(str(os.getpid()))] = "1"
    done = subprocess.run(orphaned, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")


def test_starting_from_another_thread_is_a_mistake(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(AssertionError, match="main thread"):
        pool.submit(start, Launch(("/bin/true",)), subprocess.DEVNULL).result()
