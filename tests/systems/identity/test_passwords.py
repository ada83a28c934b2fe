"""Passwords: right and wrong, older parameters, unknown users, and the bounds on how many are checked at once."""

import asyncio
import threading
from dataclasses import replace

import pytest
from argon2 import PasswordHasher, extract_parameters

from serai.runtime.world import SystemRandom
from serai.systems.identity.errors import HashingBusy
from serai.systems.identity.passwords import Passwords
from serai.systems.identity.settings import IdentitySettings

CHEAP = IdentitySettings(argon2_time_cost=1, argon2_memory_kib=64, argon2_lanes=1)


def passwords(**changed: int) -> Passwords:
    return Passwords(replace(CHEAP, **changed), SystemRandom())  # type: ignore[arg-type]  # the changed fields are ints


async def test_only_the_right_password_is_right() -> None:
    ours = passwords()
    stored = await ours.hash("correct horse")
    assert stored.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert (await ours.verify(stored, "correct horse")).right
    assert not (await ours.verify(stored, "correct horsf")).right
    assert not (await ours.verify(stored, "\ud800")).right
    assert not (await ours.verify("not a hash", "correct horse")).right


async def test_a_hash_with_older_parameters_is_renewed_by_the_right_password_only() -> None:
    older, newer = passwords(), passwords(argon2_time_cost=2)
    stored = await older.hash("correct horse")
    assert (await older.verify(stored, "correct horse")).rehashed is None
    assert (await newer.verify(stored, "wrong horse")).rehashed is None
    renewed = (await newer.verify(stored, "correct horse")).rehashed
    assert renewed is not None and extract_parameters(renewed).time_cost == 2
    assert (await newer.verify(renewed, "correct horse")).right


async def test_an_unknown_user_costs_the_same_work_and_is_never_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is counted where it is done, so the claim does not hang on a stopwatch."""
    done = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, stored: str, password: bytes) -> bool:
        done.append(extract_parameters(stored))
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    ours = passwords()
    kept = await ours.hash("correct horse")
    assert not (await ours.verify(kept, "wrong")).right
    assert not (await ours.verify(None, "wrong")).right
    known, unknown = done
    assert known == unknown, "one hash with the same parameters each"


async def test_a_full_queue_refuses_and_then_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, seen, at_once = threading.Event(), [], []

    def slow(self: PasswordHasher, password: bytes, *, salt: bytes | None = None) -> str:
        seen.append(threading.current_thread())
        at_once.append(len(seen))
        assert gate.wait(30)
        seen.pop()
        return "hash"

    monkeypatch.setattr(PasswordHasher, "hash", slow)
    ours = passwords(hashing_threads_max=2, hashing_queue_max=3)
    asked = [asyncio.create_task(ours.hash("x")) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(HashingBusy):
        await ours.hash("one too many")
    gate.set()
    assert await asyncio.gather(*asked) == ["hash"] * 5
    assert max(at_once) <= 2, "no more threads than set"
    assert await ours.hash("room again") == "hash"


async def test_hashing_leaves_the_event_loop_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    loop_thread, hashing_threads = threading.current_thread(), []
    verify = PasswordHasher.verify

    def watched(self: PasswordHasher, stored: str, password: bytes) -> bool:
        hashing_threads.append(threading.current_thread())
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    await passwords().verify(None, "x")
    assert hashing_threads and loop_thread not in hashing_threads
