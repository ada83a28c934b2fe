"""Clients write down the truth: done, certainly not done, or unknown; and they try elsewhere."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from tests.simulation.machines import Reaction, Stand

from serai.kernel.machines import Answer, Arm, Asked, Effect, Event, TimedOut
from serai.simulation.chance import Seeded
from serai.simulation.clients import Client, Done, Elsewhere, Patience, Refused, Unclear, Verdict
from serai.simulation.history import Operation, Outcome

PATIENCE = Patience(timeout_s=0.2, retry_s=0.01, attempts_max=4, think_s=0.01)


class Echo:
    """Replies are verdicts; calls that begin with `read` may be repeated."""

    def request(self, call: object) -> object:
        return call

    def verdict(self, call: object, reply: object) -> Verdict:
        assert isinstance(reply, Done | Refused | Elsewhere | Unclear)
        return reply

    def repeatable(self, call: object) -> bool:
        return str(call).startswith("read")


def always(verdict: Verdict) -> Reaction:
    return lambda event, now_s: [Answer(event.token, verdict)] if isinstance(event, Asked) else []


def silent(event: Event, now_s: float) -> Sequence[Effect]:
    return []


def in_turn(*reactions: Reaction) -> Reaction:
    left = list(reactions)

    def react(event: Event, now_s: float) -> Sequence[Effect]:
        return (left.pop(0) if len(left) > 1 else left[0])(event, now_s)

    return react


def first_call(call: str, reactions: dict[str, Reaction]) -> tuple[Operation, Stand]:
    stand = Stand()
    for name, reaction in reactions.items():
        stand.add(name, reaction=reaction)
    world = stand.start()

    def only(chance: Seeded) -> object:
        client.stop()
        return call

    client = Client(world, "client", list(reactions), workload=only, dialect=Echo(), patience=PATIENCE)
    client.start()
    world.run(10.0)
    assert client.idle
    (operation,) = world.history.operations
    return operation, stand


def asked(stand: Stand) -> dict[str, int]:
    return {name: len(lives[0].seen) for name, lives in stand.lives.items()}


@pytest.mark.parametrize(
    ("call", "reaction", "outcome", "attempts"),
    [
        ("write", always(Done(1)), Outcome.OK, 1),
        ("write", always(Refused("no")), Outcome.FAILED, 1),
        ("write", always(Unclear()), Outcome.UNKNOWN, 1),
        ("write", silent, Outcome.UNKNOWN, 1),
        ("write", always(Elsewhere()), Outcome.FAILED, 4),
        ("write", in_turn(always(Elsewhere()), always(Done(2))), Outcome.OK, 2),
        ("write", in_turn(always(Elsewhere()), silent), Outcome.UNKNOWN, 2),
        ("read", silent, Outcome.UNKNOWN, 4),
        ("read", in_turn(silent, always(Done(3))), Outcome.OK, 2),
        # The first attempt may have been done, whatever the second is told.
        ("read", in_turn(silent, always(Refused("no"))), Outcome.UNKNOWN, 2),
        ("read", in_turn(silent, always(Elsewhere())), Outcome.UNKNOWN, 4),
    ],
)
def test_what_a_call_came_to(call: str, reaction: Reaction, outcome: Outcome, attempts: int) -> None:
    operation, stand = first_call(call, {"a": reaction})
    assert operation.outcome is outcome
    assert asked(stand) == {"a": attempts}
    assert (operation.ended < float("inf")) == (outcome is not Outcome.UNKNOWN)


def test_a_client_goes_where_it_is_sent() -> None:
    sends = always(Elsewhere("c"))
    for _ in range(5):
        operation, stand = first_call("write", {"a": sends, "b": sends, "c": always(Done("here"))})
        assert operation.result == "here"
        assert asked(stand)["c"] == 1
        assert asked(stand)["a"] + asked(stand)["b"] <= 1


def test_a_client_leaves_a_node_that_is_silent() -> None:
    operation, stand = first_call("read", {"a": silent, "b": always(Done(1))})
    assert operation.outcome is Outcome.OK
    assert asked(stand)["b"] == 1


def test_a_late_reply_to_an_earlier_attempt_is_not_believed() -> None:
    tokens: list[int] = []

    def slow(event: Event, now_s: float) -> list[Effect]:
        if isinstance(event, Asked):
            tokens.append(event.token)
            return [Arm(str(len(tokens)), 0.25 if len(tokens) == 1 else 0.15)]
        assert isinstance(event, TimedOut)
        return [Answer(tokens[int(event.timer) - 1], Done(event.timer))]

    operation, stand = first_call("read", {"a": slow})
    assert [event.timer for event in stand.events("a") if isinstance(event, TimedOut)] == ["1", "2"]
    assert operation.result == "2"
    assert operation.ended_s - operation.began_s > 0.34


def test_a_client_asks_one_thing_at_a_time_until_it_is_stopped() -> None:
    stand = Stand()
    stand.add("a", reaction=always(Done(None)))
    world = stand.start()
    client = Client(world, "client", ["a"], workload=lambda c: "write", dialect=Echo(), patience=PATIENCE)
    client.start()
    world.run(2.0)
    client.stop()
    world.run(3.0)
    operations = world.history.operations
    assert len(operations) > 100
    assert all(one.ended < other.began for one, other in pairwise(operations))
    assert operations[-1].began_s < 2.0
    assert world.history.count(Outcome.OK) == len(operations)
