"""A cut-off door decides from its bundle, and late scans are joined alike in any order."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serai.systems.cinema.tickets import (
    Bundle,
    InvalidBundle,
    Outcome,
    Revocations,
    Scan,
    Ticket,
    TicketKey,
    decide_offline,
    merge,
)

SHOW = UUID(int=42)
AT = datetime(2026, 11, 24, 19, tzinfo=UTC)
KEY = TicketKey.from_seed(3, bytes(32))


def bundle(*revoked: int) -> Bundle:
    return Bundle({3: KEY.public}, Revocations(5, AT, frozenset(revoked)))


@given(st.frozensets(st.integers(0, 2**48 - 1), max_size=200), st.integers(0, 2**63), st.integers(1, 9))
def test_a_bundle_survives_its_bytes(serials: frozenset[int], version: int, keys: int) -> None:
    held = {number: TicketKey.from_seed(number, bytes([number] * 32)).public for number in range(keys)}
    made = Bundle(held, Revocations(version, AT, serials))
    assert Bundle.decode(made.encode()) == made


@settings(max_examples=200)
@given(st.data())
def test_damaged_bytes_are_refused_or_read_but_never_crash(data: st.DataObject) -> None:
    raw = bytearray(bundle(1, 2, 1000, 2**40).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    for damaged in (bytes(raw), bytes(raw[:cut])):
        try:
            Bundle.decode(damaged)
        except InvalidBundle as error:
            assert error.message


def test_a_bomb_is_not_inflated() -> None:
    import zlib

    head = bundle().encode()[:26]
    with pytest.raises(InvalidBundle, match="too large"):
        Bundle.decode(head + zlib.compress(bytes(64 * 1024 * 1024), 9))


def test_fifty_thousand_revocations_fit_a_mobile_connection() -> None:
    # Every fortieth of two million tickets was cancelled: about one byte each.
    assert len(bundle(*range(0, 2_000_000, 40)).encode()) < 60_000


def token(serial: int, show: UUID = SHOW) -> str:
    return KEY.sign(Ticket(show, 1, serial, AT - timedelta(hours=1), AT + timedelta(hours=3)))


def test_a_cut_off_door_admits_once_and_repeats_its_answer() -> None:
    admitted: dict[int, Scan] = {}
    held = bundle(13)

    def show(text: str, nonce: str) -> Outcome:
        decision, serial = decide_offline(text, held, show_id=SHOW, at=AT, admitted=admitted, nonce=nonce)
        if serial is not None:
            admitted.setdefault(serial, Scan(serial, "door 1", nonce, AT))
        return decision.outcome

    assert show(token(7), "n1") is Outcome.ADMITTED
    assert show(token(7), "n1") is Outcome.ADMITTED
    assert show(token(7), "n2") is Outcome.ALREADY_USED
    assert show(token(8), "n1") is Outcome.ALREADY_USED
    assert show(token(13), "n3") is Outcome.REVOKED
    assert show(token(9, UUID(int=1)), "n4") is Outcome.WRONG_SHOW
    assert show("nonsense", "n5") is Outcome.BAD_SIGNATURE
    assert list(admitted) == [7]


def test_two_doors_admit_one_ticket_and_the_later_is_reported() -> None:
    first = Scan(7, "door 1", "a", AT)
    second = Scan(7, "door 2", "b", AT + timedelta(minutes=3))
    merged = merge([second], [first, Scan(8, "door 1", "c", AT)], {})
    assert merged.admissions[7] == first
    assert [(conflict.reason, conflict.scan, conflict.first) for conflict in merged.conflicts] == [
        ("double_admission", second, first)
    ]
    assert [scan.serial for scan in merged.new] == [7, 8]


def test_an_admission_after_the_cancellation_is_reported_and_one_before_stands() -> None:
    early, late = Scan(7, "door 1", "a", AT), Scan(8, "door 1", "b", AT)
    merged = merge([], [early, late], {7: AT + timedelta(seconds=1), 8: AT})
    assert dict(merged.admissions) == {7: early}
    assert [(conflict.reason, conflict.scan) for conflict in merged.conflicts] == [("revoked", late)]


@st.composite
def scan_lists(draw: st.DrawFn) -> list[Scan]:
    nonces = count()
    drawn = draw(st.lists(st.tuples(st.integers(1, 4), st.sampled_from("abc"), st.integers(0, 5)), max_size=12))
    return [Scan(serial, door, f"n{next(nonces)}", AT + timedelta(minutes=minute)) for serial, door, minute in drawn]


@settings(max_examples=200)
@given(scan_lists(), st.data())
def test_merging_is_the_same_in_any_order_and_any_number_of_times(scans: list[Scan], data: st.DataObject) -> None:
    revoked = {1: AT + timedelta(minutes=2)}
    once = merge([], scans, revoked)
    shuffled = data.draw(st.permutations(scans))
    cut = data.draw(st.integers(0, len(scans)))
    stepwise = merge([*merge([], shuffled[:cut], revoked).new], [*shuffled[cut:], *shuffled[:cut]], revoked)
    assert stepwise.admissions == once.admissions
    assert stepwise.conflicts == once.conflicts
    assert set(once.new) == set(scans)
    assert merge(scans, scans, revoked).new == ()

    naive: dict[int, list[Scan]] = defaultdict(list)
    for scan in scans:
        naive[scan.serial].append(scan)
    assert len(once.conflicts) == len(scans) - len(once.admissions)
    for serial, members in naive.items():
        timely = [scan for scan in members if serial not in revoked or scan.at < revoked[serial]]
        assert once.admissions.get(serial) == min(
            timely, key=lambda scan: (scan.at, scan.device, scan.nonce), default=None
        )
