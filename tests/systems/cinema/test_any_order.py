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
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.systems.cinema.conftest import SECRET, Site, opened_site
from tests.systems.cinema.seams import impatient
from tests.systems.cinema.test_payment_trouble import expire
from tests.systems.cinema.verdict import seats_have_one_ticket, verdict

from serai.systems.cinema.plan import classic
from serai.systems.payments.system import embedded_key

API = "/api/cinema/v1"
CARDS = ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_threeDSecure2Required"]
FAULTS = ["timeout_before_effect", "timeout_after_effect", "status_429", "status_500"]
pick = st.integers(0, 999)


@dataclass
class Attempt:
    """A request to pay, which may be sent again; `final` is its answer once that can no longer change."""

    hold: str
    card: str
    key: str
    final: tuple[int, bytes] | None = None


class Cinema(RuleBasedStateMachine):
    """The buyers of one small show."""

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

    @rule(wanted=st.lists(pick, min_size=1, max_size=4))
    def hold(self, wanted: list[int]) -> None:
        chosen = sorted({self.seats[number % len(self.seats)] for number in wanted})
        answer = self.run(self.site.hold(self.show, chosen))
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201:
            self.holds.append(answer.json()["id"])

    @precondition(lambda self: self.holds)
    @rule(number=pick)
    def extend(self, number: int) -> None:
        self._post(f"/holds/{self._one(self.holds, number)}/extend", 200, 409)

    @precondition(lambda self: self.holds)
    @rule(number=pick)
    def release(self, number: int) -> None:
        answer = self.run(self.site.client.delete(f"{API}/holds/{self._one(self.holds, number)}"))
        assert answer.status_code in (204, 409), answer.text

    @precondition(lambda self: self.holds)
    @rule(number=pick, card=st.sampled_from(CARDS))
    def pay(self, number: int, card: str) -> None:
        attempt = Attempt(self._one(self.holds, number), card, f"key {len(self.attempts)}")
        self.attempts.append(attempt)
        self._send(attempt)

    @precondition(lambda self: self.attempts)
    @rule(number=pick)
    def send_again(self, number: int) -> None:
        self._send(self._one(self.attempts, number))

    @precondition(lambda self: self.holds)
    @rule(number=pick)
    def two_tabs(self, number: int) -> None:
        hold = self._one(self.holds, number)
        tabs = [Attempt(hold, "pm_card_visa", f"tab {len(self.attempts)} {tab}") for tab in range(2)]
        self.attempts += tabs

        async def together() -> list[httpx.Response]:
            return await asyncio.gather(*(self.site.book(tab.hold, method=tab.card, key=tab.key) for tab in tabs))

        answers = self.run(together())
        assert sum(answer.status_code == 201 for answer in answers) <= 1
        for tab, answer in zip(tabs, answers, strict=True):
            self._judge(tab, answer)

    @precondition(lambda self: self.bookings)
    @rule(number=pick)
    def cancel(self, number: int) -> None:
        self._post(f"/bookings/{self._one(self.bookings, number)}/cancel", 200, 409)

    @precondition(lambda self: self.asked)
    @rule(number=pick, decision=st.sampled_from(["approve", "refuse"]))
    def decide_at_the_bank(self, number: int, decision: str) -> None:
        action = self._one(self.asked, number)["next_action"]

        async def send() -> None:
            async with httpx.AsyncClient() as client:
                answer = await client.post(action["url"], data={"decision": decision})
                assert answer.status_code in (200, 303), answer.text

        self.run(send())

    @precondition(lambda self: self.asked)
    @rule(number=pick)
    def come_back(self, number: int) -> None:
        self._post(f"/bookings/{self._one(self.asked, number)['booking_id']}/continue", 200, 402, 409, 503)

    @rule()
    def time_runs_out(self) -> None:
        expire(self.site)

    @rule()
    def the_bank_was_waited_for_too_long(self) -> None:
        self.site.sql("update payments.payments set deadline = clock_timestamp()")

    @rule()
    def sweep(self) -> None:
        self.run(self.site.run_loops("allocation.sweep"))

    @rule()
    def recover_once(self) -> None:
        self.site.sql("update payments.payments set next_try = clock_timestamp() where next_try is not null")
        self.run(self.site.run_loops("payments.recover"))

    @rule(
        operation=st.sampled_from(["create", "capture", "cancel", "refund", "retrieve", "list"]),
        kind=st.sampled_from(FAULTS),
        times=st.integers(1, 3),
    )
    def fault(self, operation: str, kind: str, times: int) -> None:
        self.run(self.site.fault(operation, kind, times))

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

    def _post(self, path: str, *expected: int) -> None:
        answer = self.run(self.site.client.post(f"{API}{path}"))
        assert answer.status_code in expected, answer.text

    @staticmethod
    def _one(of: list[Any], number: int) -> Any:
        return of[number % len(of)]


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
                    max_examples=15,
                    stateful_step_count=25,
                    deadline=None,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
