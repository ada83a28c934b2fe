"""Buckets that processes share: together they let through what one would, and forget who was not seen for longest."""

import os
import subprocess
import sys
from collections import Counter
from hashlib import blake2s
from itertools import count, islice
from random import Random

import pytest
from tests.doubles import ManualClock

from serai.mechanisms.metering.bucket import Bucket, Rate, take
from serai.runtime.http.callers import CALLERS_MAX, WAYS, CallerTable, Table, shared_file

ONCE = Rate(burst=1, per_s=0.001)

SPENDER = """
import sys
from serai.mechanisms.metering.bucket import Rate
from serai.runtime.http.callers import CallerTable
from serai.runtime.world import SystemClock

descriptor = int(sys.argv[1])
table = CallerTable(SystemClock(), descriptor=descriptor if descriptor >= 0 else None)
print(sum(table.admit([(b"ada", Rate(burst=50, per_s=0.001))])[0].allowed for _ in range(200)))
"""


def admitted(table: CallerTable, key: bytes, rate: Rate = ONCE) -> bool:
    decided = table.admit([(key, rate)])
    assert decided
    return decided[0].allowed


def spent_by_processes(descriptor: int, inherited: tuple[int, ...]) -> int:
    command = [sys.executable, "-c", SPENDER, str(descriptor)]
    outputs = [
        subprocess.run(command, pass_fds=inherited, stdout=subprocess.PIPE, check=True, timeout=30).stdout
        for _ in range(2)
    ]
    return sum(map(int, outputs))


def test_two_processes_let_through_what_one_would_and_without_the_memory_twice_as_much() -> None:
    with shared_file() as shared:
        assert spent_by_processes(shared.fileno(), (shared.fileno(),)) == 50
    assert spent_by_processes(-1, ()) == 100, "the control: each on its own"


def test_the_caller_not_seen_for_longest_is_forgotten_first(clock: ManualClock) -> None:
    table = CallerTable(clock, callers_max=2)
    answers = []
    for key in (b"a", b"b", b"a", b"c", b"a", b"b"):
        clock.advance(0.001)
        answers.append(admitted(table, key))
    assert answers == [True, True, False, True, False, True]


@pytest.mark.parametrize("seed", range(20))
def test_a_table_decides_as_a_dictionary_would_while_it_has_room(clock: ManualClock, seed: int) -> None:
    chance, table = Random(seed), CallerTable(clock)
    twin: dict[bytes, Bucket] = {}
    rate = Rate(burst=3, per_s=0.5)
    for _ in range(2_000):
        clock.advance(chance.random() / 50)
        key = b"caller %d" % chance.randrange(200)
        decision = take(twin.get(key), rate, clock.monotonic())
        twin[key] = decision.bucket
        assert admitted(table, key, rate) == decision.allowed


def test_a_full_table_goes_on_and_still_knows_who_asks_often(clock: ManualClock) -> None:
    table = CallerTable(clock, callers_max=64)
    refused: Counter[str] = Counter()
    for number in range(5_000):
        clock.advance(0.001)
        refused["crowd"] += not admitted(table, b"one of many %d" % number)
        refused["greedy"] += not admitted(table, b"greedy")
    assert refused["crowd"] == 0
    assert refused["greedy"] > 4_000


def test_nobody_can_work_out_who_is_forgotten_for_whom(clock: ManualClock) -> None:
    """Control: without a secret in the hash, these eight made room for a fresh bucket of the ninth."""
    table, sets = CallerTable(clock), CALLERS_MAX // WAYS

    def set_without_a_secret(key: bytes) -> int:
        return int.from_bytes(blake2s(key, digest_size=8).digest(), "little") % sets

    wanted = set_without_a_secret(b"victim")
    every = (b"junk %d" % number for number in count())
    neighbours = list(islice((key for key in every if set_without_a_secret(key) == wanted), WAYS))
    assert admitted(table, b"victim") and not admitted(table, b"victim")
    for key in neighbours:
        clock.advance(0.001)
        admitted(table, key)
    assert not admitted(table, b"victim")


def test_no_flood_of_requests_makes_sign_ins_forgotten(clock: ManualClock) -> None:
    with shared_file(64) as shared:
        requests = CallerTable(clock, descriptor=shared.fileno())
        sign_ins = CallerTable(clock, descriptor=shared.fileno(), table=Table.SIGN_INS)
        for table in (requests, sign_ins):
            assert admitted(table, b"victim")
        for number in range(1_000):
            clock.advance(0.001)
            admitted(requests, b"junk %d" % number)
        assert not admitted(sign_ins, b"victim")
        assert admitted(requests, b"victim"), "the control: where the flood is, it is forgotten"


def test_the_memory_has_its_room_before_anybody_counts() -> None:
    with shared_file() as shared:
        known = os.fstat(shared.fileno())
        assert known.st_blocks * 512 >= known.st_size


def test_the_tightest_of_several_limits_is_told(clock: ManualClock) -> None:
    table = CallerTable(clock)
    wide, narrow = Rate(burst=10, per_s=1), Rate(burst=3, per_s=1)
    decided = table.admit([(b"credential", wide), (b"address", narrow)])
    assert decided and decided[0].remaining == 2 and decided[1] is narrow
    assert table.admit([]) is None
