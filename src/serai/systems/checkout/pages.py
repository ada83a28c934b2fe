"""The form that pays, the same in every shop: the ways to pay, the key of an attempt, and what is wrong with what was
typed. Its parts are drawn by templates/checkout/parts.html.

It prevents that two shops ask for money in two ways, and that a nervous finger or a broken line pays twice: each page
carries the key of one attempt. No card's number ever reaches us: with the embedded gateway the buyer chooses among
named test cards, with real Stripe the browser makes a payment method at Stripe and sends its name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fastapi import Request
from pydantic import EmailStr, TypeAdapter, ValidationError

from serai.kernel.errors import Invalid
from serai.kernel.money import Money
from serai.kernel.ports import Random
from serai.runtime.http.idempotency import Key, owner_of
from serai.runtime.http.principal import Principal
from serai.runtime.settings import RuntimeSettings
from serai.systems.checkout.model import Words
from serai.web.forms import Form
from serai.web.security import ContentPolicy

ATTEMPT_BYTES = 16
ATTEMPT_CHARS_MAX = 64

BACK_FROM_BANK = "redirect_status"
"""What the gateway adds to the address when the bank sends a buyer back."""

SCRIPT_HOSTS: Final = ("https://js.stripe.com", "https://*.js.stripe.com")
"""Where Stripe's script and its frames come from: the one thing that a page of ours loads from elsewhere."""

EMAIL: TypeAdapter[str] = TypeAdapter(EmailStr)
EMAIL_CHARS_MAX = 254

_METHOD = re.compile(r"[A-Za-z0-9_]{1,120}")


@dataclass(frozen=True, slots=True)
class TestCard:
    """A payment method of the embedded gateway: a name for what happens, never a card's number."""

    token: str
    title: str
    last4: str
    sentence: str
    icon: str


TEST_CARDS = (
    TestCard("pm_card_visa", "Visa", "4242", "The payment succeeds.", "circle-check"),
    TestCard("pm_card_mastercard", "Mastercard", "4444", "The payment succeeds.", "circle-check"),
    TestCard("pm_card_threeDSecure2Required", "Visa with 3-D Secure", "3220", "Your bank asks first.", "shield-check"),
    TestCard("pm_card_chargeDeclined", "Visa, declined", "0002", "The bank says no.", "circle-x"),
    TestCard(
        "pm_card_chargeDeclinedInsufficientFunds",
        "Visa without funds",
        "9995",
        "Not enough money on the card.",
        "wallet",
    ),
)


@dataclass(frozen=True, slots=True)
class Pay:
    """One drawing of the form. With a `publishable_key` it is Stripe's Payment Element, else the choice of `cards`."""

    total: Money
    attempt: str
    embedded: bool
    publishable_key: str
    still_held: str
    cards: tuple[TestCard, ...] = TEST_CARDS


class PayForm:
    """The form of one shop."""

    def __init__(self, settings: RuntimeSettings, random: Random, words: Words) -> None:
        self._random = random
        self._words = words
        self._embedded = not settings.stripe_key
        self._publishable_key = "" if self._embedded else settings.stripe_publishable_key

    def drawn(self, total: Money) -> Pay:
        """The form of a fresh attempt to pay so much."""
        attempt = self._random.token(ATTEMPT_BYTES).hex()
        return Pay(total, attempt, self._embedded, self._publishable_key, self._words.held)

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the page that it stands on: never kept, and open to Stripe where Stripe's form is on it."""
        if not self._publishable_key:
            return {"cache-control": "no-store"}
        policy = ContentPolicy()
        for host in SCRIPT_HOSTS:
            policy = policy.also(host)
        policy = replace(
            policy,
            connect=f"{policy.connect} https://api.stripe.com",
            frame=f"{policy.frame} https://hooks.stripe.com",
        )
        return {"cache-control": "no-store", "content-security-policy": policy.header()}


def checked(form: Form, gets: str) -> Form:
    """The form with the address as mail writes it, and with what is wrong with address and payment method.

    `gets` says what the address is for: 'your tickets go there'.
    """
    errors, email = {}, form.value("email")
    try:
        email = EMAIL.validate_python(email[: EMAIL_CHARS_MAX + 1])
    except ValidationError:
        errors["email"] = f"Write an e-mail address such as ada@example.org; {gets}."
    if not _METHOD.fullmatch(form.value("method")):
        errors["method"] = "Choose how to pay."
    return replace(form, values=dict(form.values) | {"email": email}, errors=errors)


def attempt_key(request: Request, principal: Principal, secret: str, form: Form, fields: Sequence[str]) -> Key:
    """The key of the attempt that the form was drawn for, over what these fields say. Invalid without one.

    The secret in the address stands for a guest, as it does in the API.
    """
    attempt = form.value("attempt")
    if not attempt or len(attempt) > ATTEMPT_CHARS_MAX:
        raise Invalid.of("attempt", "missing", "Open the checkout page and pay from there.")
    owner = secret if principal.kind == "guest" else principal.label
    body = "\0".join(form.value(name) for name in fields).encode()
    return Key.of(attempt, owner=owner_of(principal.tenant, owner), method="POST", path=request.url.path, body=body)
