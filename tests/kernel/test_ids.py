"""Identifiers keep their promises: order, shape, secrecy of the key, forgiveness of typing."""

from datetime import UTC, datetime, timedelta
from random import Random as Seeded
from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from serai.kernel.ids import CROCKFORD, Capability, fold_human_code, human_code, uuid7


class SeededRandom:
    def __init__(self, seed: int) -> None:
        self._seeded = Seeded(seed)

    def token(self, size: int) -> bytes:
        return self._seeded.randbytes(size)

    def below(self, bound: int) -> int:
        return self._seeded.randrange(bound)


class FixedClock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


@given(st.integers(), st.integers(min_value=1, max_value=10**6))
def test_uuid7_sorts_by_time_and_has_version_and_variant(seed: int, later_ms: int) -> None:
    random = SeededRandom(seed)
    first = uuid7(FixedClock(AT), random)
    second = uuid7(FixedClock(AT + timedelta(milliseconds=later_ms)), random)
    assert first.version == second.version == 7
    assert first.variant == RFC_4122
    assert first < second
    assert first.int >> 80 == int(AT.timestamp() * 1000)


@given(st.integers())
def test_a_capability_survives_its_text(seed: int) -> None:
    made = Capability.new(FixedClock(AT), SeededRandom(seed))
    assert Capability.parse(made.text()) == made
    assert made.opens(made.key)
    assert not made.opens(bytes(16))
    assert made.text()[8:] not in repr(made)


@given(st.text(max_size=60))
def test_any_other_text_is_no_capability(text: str) -> None:
    parsed = Capability.parse(text)
    assert parsed is None or parsed.text() == text


@given(st.integers())
def test_a_human_code_is_read_back_from_sloppy_typing(seed: int) -> None:
    code = human_code(SeededRandom(seed))
    assert set(code) <= set(CROCKFORD)
    sloppy = f"{code[:4]}-{code[4:]} ".lower().replace("1", "l").replace("0", "o")
    assert fold_human_code(sloppy) == code
