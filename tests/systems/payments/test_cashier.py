"""Every way in which a call can end without an answer is LOST: never a guess, never an exception."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from serai.kernel.money import Money
from serai.mechanisms.payments.saga import Outcome, PaymentState
from serai.systems.payments.cashier import Cashier
from serai.systems.payments.model import Answer, Payment

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PAYMENT = Payment(
    tenant_id=UUID(int=1),
    payment_id=UUID(int=2),
    owner="cinema",
    order_id=UUID(int=3),
    attempt=1,
    amount=Money(1200, "EUR"),
    method="pm_card_visa",
    description="Two seats",
    state=PaymentState.AUTHORISING,
    version=1,
    intent_id="pi_1",
    decline_code=None,
    action_url=None,
    refund_minor=500,
    age_s=1.0,
    overdue=False,
    tries=0,
    created_at=datetime(2026, 11, 24, tzinfo=UTC),
)

CALLS: dict[str, Callable[[Cashier, Payment], Awaitable[Answer]]] = {
    "authorise": lambda cashier, payment: cashier.authorise(payment, "http://127.0.0.1/back"),
    "ask by its name": lambda cashier, payment: cashier.ask(payment),
    "ask by ours": lambda cashier, payment: cashier.ask(replace(payment, intent_id=None)),
    "capture": lambda cashier, payment: cashier.capture(payment),
    "void": lambda cashier, payment: cashier.void(payment),
    "refund": lambda cashier, payment: cashier.refund(payment),
    "refund again": lambda cashier, payment: cashier.refund(replace(payment, tries=2)),
}


def said(text: str) -> Speak:
    """Says this to every request, and hangs up."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(text.encode())
        await writer.drain()

    return speak


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The headers, and half of the body, and nothing more: the library has stopped wrapping errors by then."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"id": "pi_1"')
    await writer.drain()
    await reader.read()


ENDS: dict[str, Speak] = {
    "hangs up": said(""),
    "is silent": silent,
    "stops in the body": stuck,
    "cuts the body": said("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    "is no HTTP": said("220 mail.example.org ESMTP\r\n"),
    "is no JSON": said("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<html"),
    "is a proxy's 502": said("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<html"),
    "is a bare 500": said("HTTP/1.1 500 Oops\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"),
    "is a bare 429": said("HTTP/1.1 429 Slow\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"),
    "is a bare 401": said("HTTP/1.1 401 Who\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"),
}


@asynccontextmanager
async def cashier_before(speak: Speak) -> AsyncIterator[Cashier]:
    talking: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            await speak(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            talking.discard(task)
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    cashier = Cashier("sk_test_nobody", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", call_s=0.1)
    try:
        yield cashier
    finally:
        await cashier.close()
        server.close()
        for task in list(talking):
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


@pytest.mark.parametrize("end", ENDS)
async def test_a_call_without_a_clear_answer_is_lost(end: str) -> None:
    with warnings.catch_warnings():
        # The library drops a response whose body did not come; its connection is closed when collected, with a warning.
        warnings.simplefilter("ignore", ResourceWarning)
        async with cashier_before(ENDS[end]) as cashier:
            answers = await asyncio.gather(*(call(cashier, PAYMENT) for call in CALLS.values()))
        gc.collect()
    assert {name: answer.outcome for name, answer in zip(CALLS, answers, strict=True)} == dict.fromkeys(
        CALLS, Outcome.LOST
    )


async def test_a_gateway_that_is_away_is_lost() -> None:
    gone = Cashier("sk_test_nobody", "http://127.0.0.1:1", call_s=0.1)
    for call in CALLS.values():
        assert (await call(gone, PAYMENT)).outcome is Outcome.LOST
    await gone.close()


async def test_nothing_to_return_and_nothing_to_void_need_no_gateway() -> None:
    nobody = Cashier("sk_test_nobody", "http://127.0.0.1:1", call_s=0.1)
    assert (await nobody.refund(replace(PAYMENT, refund_minor=0))).outcome is Outcome.REFUNDED
    assert (await nobody.void(replace(PAYMENT, intent_id=None))).outcome is Outcome.VOIDED
    for step in (nobody.capture, nobody.refund):
        with pytest.raises(AssertionError, match="has a name at the gateway"):
            await step(replace(PAYMENT, intent_id=None))
    await nobody.close()
