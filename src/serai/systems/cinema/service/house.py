"""What the house has: movies, theaters, screens and their plans. Every change leaves an event that names who made it.

A plan is never overwritten: a changed one is a new row, and shows that were made before keep theirs, so a sold seat
keeps its place. A theater's zone and currency are fixed when it is made, since every show and price of it is told in
them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from serai.kernel.errors import Invalid
from serai.kernel.ids import uuid7
from serai.kernel.money import known_currency
from serai.kernel.ports import Clock, Random
from serai.runtime.outbox import Event, Outbox
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.cinema.errors import NoSuchMovie, NoSuchScreen, NoSuchTheater
from serai.systems.cinema.model import Movie, Screen, Theater
from serai.systems.cinema.plan import export_plan, import_plan
from serai.systems.cinema.store import catalogue
from serai.systems.cinema.store import house as store

TIME_ZONES = frozenset(available_timezones())


class Audit:
    """Tells the outbox who changed what; in the transaction of the change, whose row is locked by then."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def tell(self, tx: Transaction, noun: str, what: str, subject: UUID, actor: str, **data: Any) -> None:
        """An event `serai.cinema.<noun>.<what>.v1`; `actor` as Principal.label writes it."""
        topic = f"serai.cinema.{noun}"
        await self._outbox.append(tx, Event(topic, str(subject), f"{topic}.{what}.v1", {"actor": actor, **data}))


class House:
    """Movies, theaters, screens and plans."""

    def __init__(self, database: Database, audit: Audit, clock: Clock, random: Random) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._random = random

    async def add_movie(self, tenant: UUID, facts: Mapping[str, Any], actor: str) -> Movie:
        """`facts` are members of Movie."""
        movie = Movie(movie_id=self._id(), **facts)
        async with self._database.transaction(tenant) as tx:
            await catalogue.upsert_movie(tx, movie)
            await self._audit.tell(tx, "movie", "created", movie.movie_id, actor, changes=dict(facts))
        return movie

    async def edit_movie(self, tenant: UUID, movie_id: UUID, changes: Mapping[str, Any], actor: str) -> Movie:
        """NoSuchMovie. A retired movie keeps its shows; it gets no new ones."""
        async with self._database.transaction(tenant) as tx:
            await store.lock(tx, "movie", movie_id)
            found = await store.movie(tx, movie_id)
            if found is None:
                raise NoSuchMovie(f"There is no movie {movie_id}.")
            movie = replace(found, **changes)
            if movie != found:
                await catalogue.upsert_movie(tx, movie)
                await store.retire_movie(tx, movie_id, movie.retired)
                await self._audit.tell(tx, "movie", "changed", movie_id, actor, changes=dict(changes))
        return movie

    async def add_theater(self, tenant: UUID, facts: Mapping[str, Any], actor: str) -> Theater:
        """`facts` are members of Theater; Invalid names an unknown zone or currency."""
        if facts["time_zone"] not in TIME_ZONES:
            message = f"{facts['time_zone']!r} is no IANA time zone; write one such as Europe/Berlin."
            raise Invalid.of("time_zone", "unknown_time_zone", message)
        if not known_currency(facts["currency"]):
            message = f"{facts['currency']!r} is no ISO 4217 currency; write one such as EUR."
            raise Invalid.of("currency", "unknown_currency", message)
        theater = Theater(theater_id=self._id(), **facts)
        async with self._database.transaction(tenant) as tx:
            await catalogue.upsert_theater(tx, theater)
            await self._audit.tell(tx, "theater", "created", theater.theater_id, actor, changes=dict(facts))
        return theater

    async def edit_theater(self, tenant: UUID, theater_id: UUID, changes: Mapping[str, Any], actor: str) -> Theater:
        """Name, city, address; NoSuchTheater."""
        async with self._database.transaction(tenant) as tx:
            await store.lock(tx, "theater", theater_id)
            found = await self._theater(tx, theater_id)
            theater = replace(found, **changes)
            if theater != found:
                await catalogue.upsert_theater(tx, theater)
                await self._audit.tell(tx, "theater", "changed", theater_id, actor, changes=dict(changes))
        return theater

    async def add_screen(self, tenant: UUID, theater_id: UUID, name: str, document: object, actor: str) -> Screen:
        """A screen with its plan, a document in pretix's format. Invalid (unknown theater), InvalidPlan."""
        plan = import_plan(document)
        plan_id, screen_id = self._id(), self._id()
        async with self._database.transaction(tenant) as tx:
            try:
                await self._theater(tx, theater_id)
            except NoSuchTheater as error:
                raise Invalid.of("theater_id", "unknown_theater", error.message) from None
            await catalogue.insert_plan(tx, plan_id, plan)
            await catalogue.upsert_screen(tx, screen_id, theater_id, name, plan_id)
            facts = {"theater_id": str(theater_id), "name": name, "plan_id": str(plan_id), "seats": len(plan.seats)}
            await self._audit.tell(tx, "screen", "created", screen_id, actor, changes=facts)
        return Screen(screen_id, theater_id, name, plan_id, plan.name, len(plan.seats))

    async def rename_screen(self, tenant: UUID, screen_id: UUID, name: str, actor: str) -> Screen:
        """NoSuchScreen."""
        async with self._database.transaction(tenant) as tx:
            await store.lock(tx, "screen", screen_id)
            found = await self._screen(tx, screen_id)
            if name != found.name:
                await catalogue.upsert_screen(tx, screen_id, found.theater_id, name, found.plan_id)
                await self._audit.tell(tx, "screen", "changed", screen_id, actor, changes={"name": name})
        return replace(found, name=name)

    async def put_plan(self, tenant: UUID, screen_id: UUID, document: object, actor: str) -> Screen:
        """The plan of the screen's next shows. One that is equal to the present one changes nothing. InvalidPlan."""
        plan = import_plan(document)
        async with self._database.transaction(tenant) as tx:
            await store.lock(tx, "screen", screen_id)
            found = await self._screen(tx, screen_id)
            if await catalogue.plan_by_id(tx, found.plan_id) == export_plan(plan):
                return found
            plan_id = self._id()
            await catalogue.insert_plan(tx, plan_id, plan)
            await catalogue.upsert_screen(tx, screen_id, found.theater_id, found.name, plan_id)
            changes = {"plan_id": str(plan_id), "seats": len(plan.seats), "before": str(found.plan_id)}
            await self._audit.tell(tx, "screen", "changed", screen_id, actor, changes=changes)
        return replace(found, plan_id=plan_id, plan_name=plan.name, seats=len(plan.seats))

    async def plan_of(self, tenant: UUID, screen_id: UUID) -> dict[str, Any]:
        """The document of the screen's plan; NoSuchScreen."""
        async with self._database.transaction(tenant) as tx:
            found = await self._screen(tx, screen_id)
            document = await catalogue.plan_by_id(tx, found.plan_id)
        assert document is not None, "a screen has a plan, and plans are never deleted"
        return document

    async def movie(self, tenant: UUID, movie_id: UUID) -> Movie:
        """NoSuchMovie."""
        async with self._database.transaction(tenant) as tx:
            found = await store.movie(tx, movie_id)
        if found is None:
            raise NoSuchMovie(f"There is no movie {movie_id}.")
        return found

    async def theater(self, tenant: UUID, theater_id: UUID) -> Theater:
        """NoSuchTheater."""
        async with self._database.transaction(tenant) as tx:
            return await self._theater(tx, theater_id)

    async def screen(self, tenant: UUID, screen_id: UUID) -> Screen:
        """NoSuchScreen."""
        async with self._database.transaction(tenant) as tx:
            return await self._screen(tx, screen_id)

    async def _theater(self, tx: Transaction, theater_id: UUID) -> Theater:
        if (found := await store.theater(tx, theater_id)) is None:
            raise NoSuchTheater(f"There is no theater {theater_id}.")
        return found

    async def _screen(self, tx: Transaction, screen_id: UUID) -> Screen:
        if (found := await store.screen(tx, screen_id)) is None:
            raise NoSuchScreen(f"There is no screen {screen_id}.")
        return found

    def _id(self) -> UUID:
        return uuid7(self._clock, self._random)
