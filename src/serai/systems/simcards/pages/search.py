"""/simcards: finding a number. Few are shown, masked, and counted; one is held to see it whole."""

from dataclasses import replace

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serai.kernel.errors import Invalid, SeraiError
from serai.runtime.http.answers import as_uuid
from serai.runtime.http.principal import Asking, Principal, limit_of
from serai.systems.identity.api import refused
from serai.systems.simcards.errors import NoSuchCandidate
from serai.systems.simcards.http.models import SearchIn
from serai.systems.simcards.http.parts import Simcards, capability
from serai.systems.simcards.model import Candidate, Pool
from serai.systems.simcards.numbering.classes import NumberClass
from serai.systems.simcards.numbering.patterns import Pattern
from serai.systems.simcards.pages.parts import CLASSES, HOME, SYSTEM, by_country, country, lead_words
from serai.systems.simcards.service.holds import Hold
from serai.systems.simcards.service.search import Wish
from serai.systems.simcards.service.showing import Viewer
from serai.web.forms import Form, read_form
from serai.web.shell import Shell

FOUND_MAX = 6
"""Numbers that one search of the page shows: two searches of a screen, and a day of them before the quota ends."""

REPEATS = (("0", "any"), ("2", "2 in a row"), ("3", "3 in a row"), ("4", "4 in a row"), ("5", "5 in a row"))


class SearchPages:
    """Searches and holds."""

    def __init__(self, shop: Simcards, shell: Shell) -> None:
        self._shop = shop
        self._shell = shell

    def add_to(self, pages: APIRouter) -> None:
        """Adds the routes."""
        pages.add_api_route("", self.show, methods=["GET"])
        pages.add_api_route("/search", self.start, methods=["GET"])
        pages.add_api_route("/search", self.find, methods=["POST"])
        pages.add_api_route("/draw", self.draw, methods=["POST"])
        pages.add_api_route("/holds", self.take, methods=["POST"])

    async def show(self, request: Request, principal: Asking) -> Response:
        """The empty form."""
        return await self._page(request, principal, Form())

    async def start(self) -> Response:
        """What was found is not kept: whoever opens its address again begins anew."""
        return RedirectResponse(HOME, 303)

    async def find(self, request: Request, principal: Asking) -> Response:
        """What was found, beside the form. What it shows is counted, so it is no GET."""
        form = await read_form(request)
        try:
            wish = _wish(form)
            found = await self._shop.search.find(principal.tenant, wish, Viewer.of(principal, self._shop.settings))
        except SeraiError as error:
            return await self._page(request, principal, form.refused(error), status=error.status)
        return await self._page(request, principal, form, found)

    async def draw(self, request: Request, principal: Asking) -> Response:
        """Holds a number that chance draws, where and of the class that the form says."""
        form = await read_form(request)
        try:
            wish = _wish(replace(form, values=_CHANCE | dict(form.values) | _CHANCE))
            pool = await self._shop.search.pool(principal.tenant, wish)
            hold = await self._hold(principal, pool, wish.number_class)
        except SeraiError as error:
            return await self._page(request, principal, form.refused(error), status=error.status)
        return RedirectResponse(f"{HOME}/holds/{hold.capability.text()}", 303)

    async def take(self, request: Request, principal: Asking) -> Response:
        """Holds a number that was found."""
        form = await read_form(request)
        try:
            candidate = capability(form.value("candidate"), NoSuchCandidate, "candidate")
            viewer = Viewer.of(principal, self._shop.settings)
            hold = await self._shop.holds.take(
                principal.tenant, candidate, viewer, holder=principal.label, holds_max=self._holds_max(principal)
            )
        except SeraiError as error:
            return refused(request, HOME, error)
        return RedirectResponse(f"{HOME}/holds/{hold.capability.text()}", 303)

    async def _hold(self, principal: Principal, pool: Pool, number_class: NumberClass | None) -> Hold:
        return await self._shop.holds.draw(
            principal.tenant,
            pool.pool_id,
            Viewer.of(principal, self._shop.settings),
            holder=principal.label,
            holds_max=self._holds_max(principal),
            number_class=number_class,
        )

    def _holds_max(self, principal: Principal) -> int | None:
        return limit_of(principal, self._shop.settings.holds_per_guest_max)

    async def _page(
        self,
        request: Request,
        principal: Principal,
        form: Form,
        found: list[Candidate] | None = None,
        *,
        status: int = 200,
    ) -> Response:
        pools = await self._shop.pools.all(principal.tenant)
        seen = await self._shop.search.seen(principal.tenant, Viewer.of(principal, self._shop.settings))
        return self._shell.render(
            request,
            "simcards/search.html",
            system=SYSTEM,
            status=status,
            headers={"cache-control": "no-store"},
            form=form,
            found=found,
            seen=seen,
            pools={pool.pool_id: pool for pool in pools},
            choices=_places(pools),
            classes=CLASSES,
            repeats=REPEATS,
            settings=self._shop.settings,
        )


_CHANCE = {"prefix": "", "contains": "", "ends": "", "repeated": "0"}
"""Chance knows no pattern."""


def _places(pools: list[Pool]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The choice of where, in groups of countries."""
    return [
        (country(region), [(region, f"All of {country(region)}"), *_areas(inside)])
        for region, inside in by_country(pools)
    ]


def _areas(pools: list[Pool]) -> list[tuple[str, str]]:
    return [(str(pool.pool_id), f"{lead_words(pool)}  ({pool.name})") for pool in pools]


def _wish(form: Form) -> Wish:
    """What the form asks for, by the API's own rules. Invalid names the field."""
    where = form.value("where")
    pool_id = as_uuid(where)
    names = {name: form.value(name) for name in ("prefix", "contains", "ends")}
    names |= {"repeated": form.value("repeated") or "0", "count": str(FOUND_MAX)}
    if where and pool_id is None:
        names["region"] = where
    if number_class := form.value("class"):
        names["class"] = number_class
    try:
        wanted = form.read_as(SearchIn, names)
    except Invalid as error:
        raise _said(error) from None
    return Wish(
        pattern=Pattern(wanted.prefix, wanted.contains, wanted.ends, wanted.repeated),
        count=wanted.count,
        pool_id=pool_id,
        region=wanted.region,
        number_class=NumberClass(wanted.number_class) if wanted.number_class else None,
    )


def _said(error: Invalid) -> Invalid:
    """With a sentence for the one thing that people do here: write more than digits."""
    digits = tuple(
        replace(each, message="Digits only.") if each.code == "string_pattern_mismatch" else each
        for each in error.errors
    )
    return Invalid(digits[0].message if digits else error.message, errors=digits)
