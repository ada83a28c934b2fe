"""What the pages of stock share: who may do what, choices, doing a form's work once, and how it leads on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from serai.kernel.errors import Conflict, Invalid
from serai.kernel.ports import Clock, Random
from serai.runtime.http.idempotency import Key, owner_of, record, reserve
from serai.runtime.http.principal import Principal
from serai.runtime.postgres.database import Transaction
from serai.systems.stock.model import Location
from serai.systems.stock.service.catalogue import below
from serai.systems.stock.store import catalogue
from serai.systems.stock.whole import Stock
from serai.web.forms import Form
from serai.web.shell import Shell

ATTEMPT_BYTES = 16

SHOWN_AGAIN = (Invalid, Conflict)
"""Refusals that a form shows; others become the error page."""

SEEN_OTHER = 303

Options = list[tuple[str, str]]


@dataclass(frozen=True)
class Floor:
    """What every page stands on."""

    stock: Stock
    shell: Shell
    clock: Clock
    random: Random

    def page(
        self, request: Request, principal: Principal, template: str, status: int = 200, **context: Any
    ) -> Response:
        """The page, which knows what its reader may do, and carries the key of one attempt."""
        return self.shell.render(
            request,
            f"stock/{template}.html",
            status=status,
            system="stock",
            may={step: principal.may(f"stock:{step}") for step in ("move", "approve", "manage")},
            attempt=self.random.token(ATTEMPT_BYTES).hex(),
            **context,
        )

    async def once(
        self,
        principal: Principal,
        request: Request,
        form: Form,
        work: Callable[[Transaction], Awaitable[str]],
    ) -> str:
        """Does the form's work once, however often it is sent; `work` gives the address that it leads to."""
        body = "\0".join(f"{name}={value}" for name, value in sorted(form.values.items()))
        key = Key.of(
            form.value("attempt"),
            owner=owner_of(principal.tenant, principal.label),
            method="POST",
            path=request.url.path,
            body=body.encode(),
        )

        async def done(tx: Transaction) -> str:
            if (replay := await reserve(tx, key)) is not None:
                return replay.body.decode()
            href = await work(tx)
            await record(tx, key, SEEN_OTHER, href.encode())
            return href

        return await self.stock.run(principal.tenant, done)

    async def locations(self, principal: Principal) -> list[Location]:
        """Where people can put things, by code."""
        return await self.stock.read(principal.tenant, lambda tx: catalogue.locations(tx, real=True))


def location_options(locations: list[Location], everywhere: str = "") -> Options:
    """For a choice; with `everywhere` as the answer that asks for all."""
    first = [("", everywhere)] if everywhere else []
    return first + [(str(each.location_id), each.name) for each in locations]


def chosen_location(locations: list[Location], text: str) -> Location | None:
    """The one that a filter names."""
    return next((each for each in locations if str(each.location_id) == text), None)


async def category_options(tx: Transaction, everything: str) -> Options:
    """The tree of products as a choice: what lies deeper is indented."""
    tree = await catalogue.categories(tx)
    parents = {each.category_id: each.parent_id for each in tree}

    def depth(category_id: UUID | None) -> int:
        return 0 if category_id is None else 1 + depth(parents.get(category_id))

    roots = [each.category_id for each in tree if each.parent_id is None]
    names = {each.category_id: each.name for each in tree}
    ordered = [each for root in roots for each in _branch(root, parents, names)]
    indent = "\N{EN SPACE}" * 2
    return [("", everything)] + [(str(each), indent * (depth(each) - 1) + names[each]) for each in ordered]


async def branch_of(tx: Transaction, text: str) -> list[UUID] | None:
    """A chosen category and all below it; None for no choice."""
    if not text:
        return None
    tree = await catalogue.categories(tx)
    chosen = next((each.category_id for each in tree if str(each.category_id) == text), None)
    return below(chosen, tree) if chosen else None


def _branch(root: UUID, parents: dict[UUID, UUID | None], names: dict[UUID, str]) -> list[UUID]:
    children = sorted((each for each, parent in parents.items() if parent == root), key=lambda each: names[each])
    return [root] + [each for child in children for each in _branch(child, parents, names)]
