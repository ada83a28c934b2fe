"""Thousands of random lives keep Raft's promises, and a judge that could not say otherwise would be noticed.

One seed again: `SERAI_LIFE=seed pytest -n 0 tests/mechanisms/consensus/test_lives.py -k one_life`.
"""

import os
from collections import Counter
from collections.abc import Callable

import pytest
from tests.mechanisms.consensus.lives import Life

from serai.mechanisms.consensus import leading, promises, reading
from serai.mechanisms.consensus.log import Log
from serai.mechanisms.consensus.member import Member

LIVES = 2_000
CHUNKS = 8
CANARY_LIVES = 1_500

RARE = {
    "asked together",
    "cut one way",
    "crash",
    "doubled",
    "elected",
    "joint",
    "learner",
    "lost",
    "snapshot chunk",
    "snapshot sent",
    "told to stand",
    "torn tail cut",
    "window full",
}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_lives_keep_every_promise(chunk: int) -> None:
    rare: Counter[str] = Counter()
    for seed in range(chunk, LIVES, CHUNKS):
        life = Life(seed)
        try:
            life.run()
        except AssertionError as broken:
            broken.add_note(f"SERAI_LIFE={seed} pytest -n 0 tests/mechanisms/consensus/test_lives.py -k one_life")
            raise
        rare += life.rare
    assert rare.keys() >= RARE, f"never reached: {RARE - rare.keys()}"


def test_one_life_can_be_lived_again() -> None:
    seed = int(os.environ.get("SERAI_LIFE", "7"))
    lives = [Life(seed), Life(seed)]
    for life in lives:
        life.run()
    assert lives[0].judge.committed == lives[1].judge.committed
    assert lives[0].rare == lives[1].rare


Plant = Callable[[pytest.MonkeyPatch], None]


def _send_before_durable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(promises, "AFTER_EVERYTHING", ())


def _count_what_is_not_on_the_disk(patch: pytest.MonkeyPatch) -> None:
    def durable_at(m: Member, name: str) -> int:
        if name == m.name:
            return m.log.last_index
        return m.progress[name].match if name in m.progress else 0

    patch.setattr(leading, "durable_at", durable_at)


def _read_without_asking(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reading, "leased", lambda m: True)


def _vote_for_anybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Log, "reaches", lambda self, index, term: True)


@pytest.mark.parametrize(
    "plant",
    [_send_before_durable, _count_what_is_not_on_the_disk, _read_without_asking, _vote_for_anybody],
)
def test_a_planted_mistake_is_caught(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in range(CANARY_LIVES):
            Life(seed).run()
