"""What a person types of a new pool, as the API's request: prices in major units, and only what was filled in."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from serai.kernel.errors import FieldError, Invalid
from serai.kernel.money import Money, known_currency
from serai.systems.simcards.http.models import PoolIn
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.plans import Kind, NoSuchPlan, Wanted, calling_code, numbers_of
from serai.systems.simcards.service.pools import NewPool
from serai.web.forms import Form

USUAL = {"kind": Kind.MOBILE.value, "currency": "EUR", "plain": "9.00", "premium": "49.00", "gold": "249.00"}
"""What an empty form begins with."""

FIELDS = {"pools_overlap": "prefix"}
"""The field that a refusal without fields is about, by its code."""

_SAID: Mapping[tuple[str, str], str] = {
    ("region", "string_pattern_mismatch"): "Choose a country.",
    ("prefix", "string_pattern_mismatch"): "Digits only.",
    ("currency", "string_pattern_mismatch"): "Three letters, such as EUR.",
}


def read_pool(form: Form) -> NewPool:
    """The pool that the form asks for. Invalid names every field that cannot be read."""
    errors: list[FieldError] = []
    currency = form.value("currency").upper()
    reckoned = currency if known_currency(currency) else USUAL["currency"]  # the other is refused below
    names: dict[str, Any] = {name: form.value(name) for name in ("name", "region", "kind", "prefix")}
    names |= {name: form.value(name) for name in ("length", "quarantine_days") if form.value(name)}
    prices = {each.value: _price(form, each, reckoned, errors) for each in NumberClass}
    wanted = _read_as(form, names | {"currency": currency, "prices": prices}, errors)
    return NewPool(
        name=wanted.name,
        wanted=Wanted(wanted.region, Kind(wanted.kind), wanted.prefix, wanted.length),
        prices={NumberClass(name): minor for name, minor in wanted.prices.items()},
        currency=wanted.currency,
        quarantine_days=wanted.quarantine_days,
    )


def counted(wanted: Wanted) -> str:
    """How many numbers a range has, as a sentence. Invalid where no plan has it."""
    try:
        numbers, digits = numbers_of(wanted)
        begins = f"+{calling_code(wanted.region)} {wanted.prefix}".rstrip()
    except NoSuchPlan as error:
        raise Invalid.of(error.field, "not_in_plan", str(error)) from None
    return f"{numbers.size:,} numbers begin with {begins}, and go on for {digits - len(wanted.prefix)} digits."


def _read_as(form: Form, names: Mapping[str, Any], errors: list[FieldError]) -> PoolIn:
    """By the API's own rules, with sentences for what people write here."""
    try:
        wanted = form.read_as(PoolIn, names)
    except Invalid as error:
        errors[:0] = [_said(each) for each in error.errors]
    if errors:
        raise Invalid(errors[0].message, errors=tuple(errors))
    return wanted


def _said(error: FieldError) -> FieldError:
    """At the form's own field: a price stands there under its class."""
    sentence = _SAID.get((error.field, error.code), error.message)
    return replace(error, field=error.field.removeprefix("prices."), message=sentence)


def _price(form: Form, number_class: NumberClass, currency: str, errors: list[FieldError]) -> str:
    """In minor units; a price that cannot be read counts as nothing until the form is right."""
    try:
        return str(Money.parse(form.value(number_class.value), currency).minor)
    except ValueError:
        errors.append(FieldError(number_class.value, "not_an_amount", "Write an amount such as 249.00."))
        return "0"
