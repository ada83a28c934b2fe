"""Anything in any order: buyers, banks, faults, sweeps and recovery interleave at random on the real thing.

Whatever the order, at every moment a seat is sold to one ticket and the ledger replays to the tables; and once the
gateway answers again, recovery brings money and tickets together.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.systems.cinema.conftest import SECRET, Site, opened_site
from tests.systems.cinema.seams import impatient
from tests.systems.cinema.test_payment_trouble import expire
from tests.systems.cinema.verdict import seats_have_one_ticket, verdict

from serai.systems.cinema.plan import classic
from serai.systems.payments.gateway.keys import embedded_key

API = "/api/cinema/v1"
CARDS = ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_threeDSecure2Required"]
OPERATIONS = ["create", "capture", "cancel", "refund", "retrieve", "list"]
FAULTS = ["timeout_before_effect", "timeout_after_effect", "status_429", "status_500"]
WEIGHTS = {
    "buy": 5,
    "hold": 1,
    "pay": 2,
    "buy_from_a_broken_gateway": 3,
    "buy_too_late": 3,
    "send_again": 2,
    "two_tabs": 1,
    "cancel": 2,
    "extend": 1,
    "release": 1,
    "the_bank_decides": 3,
    "come_back": 3,
    "time_runs_out": 1,
    "the_bank_was_waited_for_too_long": 1,
    "sweep": 1,
    "recover_once": 2,
    "fault": 2,
}
WEIGHTED = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
pick = st.integers(0, 999)


@dataclass
class Attempt:
    """A request to pay, which may be sent again; `final` is its answer once that can no longer change."""

    hold: str
    card: str
    key: str
    final: tuple[int, bytes] | None = None


class Cinema(RuleBasedStateMachine):
    """The buyers of one small show. One rule draws what happens next, by weight: Hypothesis would else leave out
    rules at random, and a show whose buyers never pay finds nothing."""

    site: Site
    run: Callable[[Coroutine[Any, Any, Any]], Any]

    @initialize()
    def open_show(self) -> None:
        self.show = self.run(self.site.make_show(classic(rows=3, seats=6)))
        self.seats = list(self.run(self.site.seats(self.show)))
        self.holds: list[str] = []
        self.attempts: list[Attempt] = []
        self.bookings: list[str] = []
        self.asked: list[dict[str, Any]] = []

    @rule(name=st.sampled_from(WEIGHTED), data=st.data())
    def happens(self, name: str, data: st.DataObject) -> None:
        getattr(self, name)(data)

    def hold(self, data: st.DataObject) -> None:
        wanted = data.draw(st.lists(pick, min_size=1, max_size=4))
        chosen = sorted({self.seats[number % len(self.seats)] for number in wanted})
        answer = self.run(self.site.hold(self.show, chosen))
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201:
            self.holds.append(answer.json()["id"])

    def buy(self, data: st.DataObject) -> None:
        self.hold(data)
        self._pay(data, self.holds[-1:])

    def pay(self, data: st.DataObject) -> None:
        self._pay(data, self.holds)

    def buy_from_a_broken_gateway(self, data: st.DataObject) -> None:
        self.fault(data)
        self.buy(data)

    def buy_too_late(self, data: st.DataObject) -> None:
        """The bank asks; meanwhile the hold ends, and perhaps somebody else takes a seat."""
        self.hold(data)
        for hold in self.holds[-1:]:
            self._send(self._attempt(hold, "pm_card_threeDSecure2Required"))
        expire(self.site)
        if data.draw(st.booleans()):
            self.sweep(data)
        self.hold(data)

    def send_again(self, data: st.DataObject) -> None:
        for attempt in self._one(data, self.attempts):
            self._send(attempt)

    def two_tabs(self, data: st.DataObject) -> None:
        for hold in self._one(data, self.holds):
            tabs = [self._attempt(hold, "pm_card_visa") for _ in range(2)]
            answers = self.run(self._together(tabs))
            assert sum(answer.status_code == 201 for answer in answers) <= 1
            for tab, answer in zip(tabs, answers, strict=True):
                self._judge(tab, answer)

    async def _together(self, tabs: list[Attempt]) -> list[httpx.Response]:
        return await asyncio.gather(*(self.site.book(tab.hold, method=tab.card, key=tab.key) for tab in tabs))

    def cancel(self, data: st.DataObject) -> None:
        for booking in self._one(data, self.bookings):
            self._post(f"/bookings/{booking}/cancel", 200, 409)

    def extend(self, data: st.DataObject) -> None:
        for hold in self._one(data, self.holds):
            self._post(f"/holds/{hold}/extend", 200, 409)

    def release(self, data: st.DataObject) -> None:
        for hold in self._one(data, self.holds):
            answer = self.run(self.site.client.delete(f"{API}/holds/{hold}"))
            assert answer.status_code in (204, 409), answer.text

    def the_bank_decides(self, data: st.DataObject) -> None:
        for asked in self._one(data, self.asked):
            self.run(self._decide(asked["next_action"]["url"], data.draw(st.sampled_from(["approve", "refuse"]))))

    async def _decide(self, url: str, decision: str) -> None:
        async with httpx.AsyncClient() as client:
            answer = await client.post(url, data={"decision": decision})
            assert answer.status_code in (200, 303), answer.text

    def come_back(self, data: st.DataObject) -> None:
        for asked in self._one(data, self.asked):
            self._post(f"/bookings/{asked['booking_id']}/continue", 200, 402, 409, 503)

    def time_runs_out(self, _: st.DataObject) -> None:
        expire(self.site)

    def the_bank_was_waited_for_too_long(self, _: st.DataObject) -> None:
        self.site.sql("update payments.payments set deadline = clock_timestamp()")

    def sweep(self, _: st.DataObject) -> None:
        self.run(self.site.run_loops("allocation.sweep"))

    def recover_once(self, _: st.DataObject) -> None:
        self.site.sql("update payments.payments set next_try = clock_timestamp() where next_try is not null")
        self.run(self.site.run_loops("payments.recover"))

    def fault(self, data: st.DataObject) -> None:
        operation = data.draw(st.sampled_from(OPERATIONS))
        self.run(self.site.fault(operation, data.draw(st.sampled_from(FAULTS)), data.draw(st.integers(1, 3))))

    @invariant()
    def every_seat_has_one_owner(self) -> None:
        seats_have_one_ticket(self.site)

    def teardown(self) -> None:
        self.run(self._settle())

    async def _settle(self) -> None:
        async with httpx.AsyncClient(base_url=self.site.gateway_url) as client:
            key = {"Authorization": f"Bearer {embedded_key(SECRET)}"}
            assert (await client.delete("/_test/faults", headers=key)).status_code == 200
        self.site.sql("update payments.payments set deadline = clock_timestamp()")
        await self.site.recover(rounds_max=20)
        await verdict(self.site)
        for attempt in self.attempts:
            self._judge(attempt, await self.site.book(attempt.hold, method=attempt.card, key=attempt.key))
        await self.site.recover(rounds_max=20)
        expire(self.site)
        await self.site.run_loops("allocation.sweep")
        await verdict(self.site)
        assert set((await self.site.seats(self.show)).values()) <= {"available", "booked"}

    def _send(self, attempt: Attempt) -> None:
        self._judge(attempt, self.run(self.site.book(attempt.hold, method=attempt.card, key=attempt.key)))

    def _judge(self, attempt: Attempt, answer: httpx.Response) -> None:
        """What a buyer may be told; and what was said once is said again."""
        document = answer.json()
        assert answer.status_code in (201, 402, 409, 503), answer.text
        if attempt.final is not None:
            assert (answer.status_code, answer.content) == attempt.final
        elif answer.status_code == 201:
            attempt.final = answer.status_code, answer.content
            self.bookings.append(document["id"])
        elif document["code"] == "payment_declined":
            attempt.final = answer.status_code, answer.content
        elif document["code"] == "authentication_required":
            self.asked.append(document)

    def _pay(self, data: st.DataObject, holds: list[str]) -> None:
        for hold in self._one(data, holds):
            self._send(self._attempt(hold, data.draw(st.sampled_from(CARDS))))

    def _attempt(self, hold: str, card: str) -> Attempt:
        attempt = Attempt(hold, card, f"key {len(self.attempts)}")
        self.attempts.append(attempt)
        return attempt

    def _post(self, path: str, *expected: int) -> None:
        answer = self.run(self.site.client.post(f"{API}{path}"))
        assert answer.status_code in expected, answer.text

    @staticmethod
    def _one(data: st.DataObject, of: list[Any]) -> list[Any]:
        """One of them, or none of none."""
        return [of[data.draw(pick) % len(of)]] if of else []


@pytest.mark.timeout(400)
def test_any_order_keeps_money_and_tickets_together(database_url: Callable[[str], str], tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        opened = opened_site(database_url, tmp_path, impatient(0.25))
        Cinema.site = runner.run(opened.__aenter__())
        Cinema.run = staticmethod(runner.run)
        try:
            run_state_machine_as_test(
                Cinema,
                settings=settings(
                    max_examples=12,
                    stateful_step_count=30,
                    deadline=None,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                    phases=[Phase.generate],  # making an example smaller takes minutes; its seed repeats it
                    print_blob=True,
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
