"""What a person types of a show, as the API's request: local time with the theater's clock, prices in major units."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from serai.kernel.errors import FieldError, Invalid
from serai.kernel.money import Money
from serai.systems.cinema.http.admin_models import ShowIn, ShowPatch
from serai.systems.cinema.model import Theater
from serai.systems.cinema.plan import Plan
from serai.systems.cinema.store.schedule import Terms
from serai.web.forms import Form

CLASHES = {"show_overlaps": "starts_at"}
"""The field that a refusal without fields is about, by its code."""


def priced_categories(plan: Plan) -> tuple[str, ...]:
    """Those that have seats, in the plan's order: each needs a price."""
    used = {seat.category for seat in plan.seats}
    return tuple(category.name for category in plan.categories if category.name in used)


def price_field(category: str) -> str:
    """The input's name, which is the path of the API's field."""
    return f"prices.{category}"


def terms_form(terms: Terms, currency: str) -> dict[str, str]:
    """Prices and terms as a person writes them."""
    prices = {price_field(name): f"{Money(minor, currency).decimal()}" for name, minor in terms.prices.items()}
    return prices | {
        "cancel_until_min": str(terms.cancel_until_min),
        "cancel_fee_percent": str(terms.cancel_fee_percent),
    }


def read_show(form: Form, categories: Iterable[str], theater: Theater) -> ShowIn:
    """A new show. Invalid names every field that cannot be read."""
    errors: list[FieldError] = []
    names = _terms(form, categories, theater.currency, errors)
    starts_at = _moment(form.value("starts_at"), theater, errors)
    names |= {name: form.value(name) for name in ("movie_id", "screen_id")}
    if not form.value("movie_id"):
        errors.append(FieldError("movie_id", "missing", "Choose a movie."))
    _refuse(errors)
    return form.read_as(ShowIn, names | {"starts_at": starts_at})


def read_terms(form: Form, categories: Iterable[str], currency: str) -> ShowPatch:
    """New prices and terms of a show. Invalid names every field that cannot be read."""
    errors: list[FieldError] = []
    names = _terms(form, categories, currency, errors)
    _refuse(errors)
    return form.read_as(ShowPatch, names)


def _terms(form: Form, categories: Iterable[str], currency: str, errors: list[FieldError]) -> dict[str, Any]:
    prices: Mapping[str, Money | None] = {name: _price(form, name, currency, errors) for name in categories}
    return {
        "prices": {name: {"amount": str(price.minor), "currency": currency} for name, price in prices.items() if price},
        **{name: form.value(name) for name in ("cancel_until_min", "cancel_fee_percent")},
    }


def _price(form: Form, category: str, currency: str, errors: list[FieldError]) -> Money | None:
    text = form.value(price_field(category))
    try:
        return Money.parse(text, currency)
    except ValueError:
        example = Money(1250, currency).decimal()
        said = f"Write an amount such as {example}." if text else "Every category that has seats needs a price."
        errors.append(FieldError(price_field(category), "not_an_amount", said))
        return None


def _moment(text: str, theater: Theater, errors: list[FieldError]) -> str:
    """RFC 3339 for a date and time on the theater's clock; a time that the clock skips in spring is refused."""
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(theater.time_zone))
        there = (local - (local.utcoffset() or timedelta())).replace(tzinfo=ZoneInfo("UTC"))
    except (ValueError, OverflowError):
        errors.append(FieldError("starts_at", "not_a_time", "Choose a day and a time."))
        return ""
    if there.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
        errors.append(FieldError("starts_at", "skipped", f"Clocks in {theater.city} skip this time; choose another."))
    return there.isoformat()


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise Invalid(errors[0].message, errors=tuple(errors))
