"""Reorder policies, the inbox of alerts, what to buy, and the mail that tells of it.

A policy is looked at in the transaction that sets it, under the level's lock: a product that is low already is alerted
of at once, and one that is not low any more is cleared.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from email.message import EmailMessage
from uuid import UUID

from serai.kernel.errors import Invalid
from serai.kernel.ports import Clock
from serai.runtime.jobs import Queue
from serai.runtime.mail import Mailer
from serai.runtime.postgres.database import Database, Transaction
from serai.systems.stock.errors import AlertChanged, NoSuchAlert
from serai.systems.stock.flows import ALERTS, AlertState, AlertStep
from serai.systems.stock.model import Level, LevelKey, Location, Product
from serai.systems.stock.reorder import DAYS_MIN, Policy, Suggestion, suggested_point, suggested_quantity
from serai.systems.stock.service.book import base_of, levels_at, named, quantity_of
from serai.systems.stock.service.ledger import Ledger, on_hand_of
from serai.systems.stock.service.movements import whole_book
from serai.systems.stock.service.raising import Raising
from serai.systems.stock.service.trail import Trail
from serai.systems.stock.store import alerts as store
from serai.systems.stock.store.ledger import Crossing

MAIL_JOB = "stock.mail_alerts"
MAIL_BATCH_MAX = 500
"""Alerts that one round of the loop hands to the mail job."""

MAIL_LINES_MAX = 50
"""Alerts that one mail names; the rest are counted."""

HISTORY_DAYS_MAX = 365


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy as a person writes it; quantities as text."""

    product_id: UUID
    location_id: UUID
    reorder_point: str
    reorder_quantity: str
    level_max: str | None = None
    lead_time_days: int = 0
    safety_stock: str = "0"


@dataclass(frozen=True, slots=True)
class Ruled:
    """A policy with its words, and what is there now."""

    product: Product
    location: Location
    policy: Policy
    low: bool
    on_hand: int


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert with its words, what is there now, and what to buy."""

    alert: store.Alert
    product: Product
    location: Location
    level: Level
    policy: Policy | None
    inbound: int

    @property
    def to_buy(self) -> int:
        """In the product's smallest part; 0 where enough is on its way."""
        if self.policy is None:
            return 0
        return suggested_quantity(self.policy, self.level.on_hand, self.level.reserved, self.inbound)


class Alerts:
    """Sets policies, works off alerts. Methods that write run inside `Ledger.run`."""

    def __init__(self, ledger: Ledger, raising: Raising, trail: Trail) -> None:
        self._ledger = ledger
        self._raising = raising
        self._trail = trail

    async def put_policy(self, tx: Transaction, rule: Rule, actor: str) -> Ruled:
        """Makes or replaces the policy of a product at a location. Invalid."""
        known = await named(tx, [rule.product_id], [rule.location_id])
        product = known.product("product_id", rule.product_id)
        location = known.real("location_id", rule.location_id)
        policy = _policy(product, rule)
        await self._ledger.lock(tx, known.book, [base_of(location, product)])
        pair = (product.product_no, location.location_no)
        on_hand = (await on_hand_of(tx, known.book, [pair]))[pair]
        was = await store.policy(tx, *pair)
        low = policy.is_low(on_hand)
        was_low = await store.put_policy(tx, *pair, policy, low)
        if low != was_low:
            crossing = Crossing(*pair, on_hand, policy.reorder_point, low)
            await self._raising.crossed(tx, known.book.products, known.book.locations, [crossing], actor)
        await self._trail.changed(
            tx,
            "policy",
            "set",
            product.product_id,
            actor,
            before=_facts(product, location, was.policy) if was else None,
            after=_facts(product, location, policy),
        )
        return Ruled(product, location, policy, low, on_hand)

    async def policies(self, tx: Transaction, product_nos: Sequence[int], location_no: int | None) -> list[Ruled]:
        """Those of some products, everywhere or at one location, with what is there."""
        return await self._ruled(tx, await store.policies(tx, product_nos, location_no))

    async def policies_of_location(self, tx: Transaction, location_no: int, after_no: int, limit: int) -> list[Ruled]:
        """Those of a location behind a product's number, with what is there."""
        return await self._ruled(tx, await store.policies_of_location(tx, location_no, after_no, limit))

    async def _ruled(self, tx: Transaction, rows: Sequence[store.PolicyRow]) -> list[Ruled]:
        book = await whole_book(tx, [row.product_no for row in rows])
        here = await on_hand_of(tx, book, [(row.product_no, row.location_no) for row in rows])
        return [
            Ruled(
                book.products[row.product_no],
                book.locations[row.location_no],
                row.policy,
                row.low,
                here[row.product_no, row.location_no],
            )
            for row in rows
        ]

    async def inbox(
        self,
        tx: Transaction,
        location_no: int | None,
        states: Sequence[AlertState],
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[Shown]:
        """What is low, the newest first, with what is there now and what to buy."""
        return await self._shown(
            tx, await store.open_alerts(tx, location_no, [state.value for state in states], after, limit)
        )

    async def of_product(self, tx: Transaction, product_no: int, location_no: int | None, limit: int) -> list[Shown]:
        """A product's alerts, cleared ones too."""
        return await self._shown(tx, await store.alerts_of(tx, product_no, location_no, limit))

    async def get(self, tx: Transaction, alert_id: UUID) -> Shown:
        """NoSuchAlert."""
        return (await self._shown(tx, [await self._found(tx, alert_id)]))[0]

    async def of_ids(self, tx: Transaction, alert_ids: Sequence[UUID]) -> list[Shown]:
        """Those of the ids that exist, in no order."""
        return await self._shown(tx, await store.alerts_by_id(tx, alert_ids))

    async def acknowledge(self, tx: Transaction, alert_id: UUID, actor: str) -> Shown:
        """Somebody has seen it. IllegalStep."""
        return await self._step(tx, alert_id, AlertStep.ACKNOWLEDGE, actor)

    async def order(self, tx: Transaction, alert_id: UUID, reference: str, quantity: str | None, actor: str) -> Shown:
        """Somebody has ordered: so much, or what is suggested. IllegalStep, Invalid."""
        shown = await self.get(tx, alert_id)
        wanted = shown.to_buy or None
        if quantity is not None:
            wanted = quantity_of(shown.product, quantity, "quantity")
        return await self._step(tx, alert_id, AlertStep.ORDER, actor, reference, wanted)

    async def suggestion(
        self, tx: Transaction, product_id: UUID, location_id: UUID, days: int, lead_time_days: int, service: float
    ) -> tuple[Product, Suggestion]:
        """A reorder point from what was sold. Invalid for a history that is too short to tell."""
        known = await named(tx, [product_id], [location_id])
        product, location = known.product("product_id", product_id), known.real("location_id", location_id)
        if not DAYS_MIN <= days <= HISTORY_DAYS_MAX:
            said = f"Choose {DAYS_MIN} to {HISTORY_DAYS_MAX} days of history."
            raise Invalid.of("days", "not_in_range", said)
        sold = await store.sold_by_day(tx, product.product_no, location.location_no, days)
        return product, suggested_point(sold, lead_time_days, service)

    async def _found(self, tx: Transaction, alert_id: UUID) -> store.Alert:
        found = await store.alert(tx, alert_id)
        if found is None:
            raise NoSuchAlert(f"There is no alert {str(alert_id)!r}.")
        return found

    async def _step(
        self,
        tx: Transaction,
        alert_id: UUID,
        step: AlertStep,
        actor: str,
        reference: str = "",
        quantity: int | None = None,
    ) -> Shown:
        known = await self._found(tx, alert_id)
        to = ALERTS.after(known.state, step)
        moved = await store.step_alert(tx, known, to, actor, reference, quantity)
        if moved is None:
            raise AlertChanged("Somebody changed this alert at the same moment; look at it again.")
        shown = (await self._shown(tx, [moved]))[0]
        await self._raising.tell(tx, shown.product, shown.location, moved, actor)
        return shown

    async def _shown(self, tx: Transaction, alerts: Sequence[store.Alert]) -> list[Shown]:
        numbers = list({alert.product_no for alert in alerts})
        book = await whole_book(tx, numbers)
        places = {alert.location_no for alert in alerts}
        levels = await levels_at(tx, [book.locations[number] for number in places], numbers)
        rules = {(row.product_no, row.location_no): row.policy for row in await store.policies(tx, numbers, None)}
        coming = await store.inbound(tx, numbers)
        return [
            Shown(
                alert,
                book.products[alert.product_no],
                book.locations[alert.location_no],
                whole_level(levels, alert.location_no, alert.product_no),
                rules.get((alert.product_no, alert.location_no)),
                coming.get((alert.product_no, alert.location_no), 0),
            )
            for alert in alerts
        ]


class AlertMail:
    """Tells places by mail what has become low: one mail a place and round, however many products it names."""

    def __init__(
        self, database: Database, jobs: Database, queue: Queue, mailer: Mailer, alerts: Alerts, clock: Clock, url: str
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._queue = queue
        self._mailer = mailer
        self._alerts = alerts
        self._clock = clock
        self._url = url

    async def hand_over(self) -> int:
        """Turns new alerts into mail jobs; returns how many jobs. Marked and deferred in one transaction."""
        async with self._jobs.transaction(None) as tx:
            due = await store.take_unmailed(tx, MAIL_BATCH_MAX)
            for each in due:
                ids = [str(alert_id) for alert_id in each.alert_ids]
                await self._queue.defer(tx, MAIL_JOB, tenant=str(each.tenant_id), alert_ids=ids)
            return len(due)

    async def mail(self, tenant: str, alert_ids: list[str]) -> None:
        """The job: what is still low of these alerts. Nothing, if all were cleared meanwhile."""
        async with self._database.transaction(UUID(tenant)) as tx:
            shown = [await self._alerts.get(tx, UUID(each)) for each in alert_ids[:MAIL_LINES_MAX]]
        low = [each for each in shown if each.alert.state is not AlertState.CLEARED]
        if low and low[0].location.alert_email:
            await self._mailer.send(self._message(low, alert_ids))

    def _message(self, low: Sequence[Shown], alert_ids: Sequence[str]) -> EmailMessage:
        location = low[0].location
        mail = EmailMessage()
        mail["From"], mail["To"] = self._mailer.sender, location.alert_email
        mail["Subject"] = f"{len(alert_ids)} low at {location.name}"
        mail["Date"] = self._clock.now()
        mail["Message-ID"] = f"<stock-alerts.{alert_ids[0]}@serai>"
        lines = [
            f"{each.product.sku}  {each.product.name}: {each.product.written(each.level.on_hand)} {each.product.unit}"
            f" on hand, reorder point {each.product.written(each.alert.reorder_point)},"
            f" buy {each.product.written(each.to_buy)}"
            for each in low
        ]
        if len(alert_ids) > MAIL_LINES_MAX:
            lines.append(f"and {len(alert_ids) - MAIL_LINES_MAX} more")
        mail.set_content("\n".join([f"Low at {location.name}:", "", *lines, "", f"{self._url}/stock/alerts"]) + "\n")
        return mail


def whole_level(levels: dict[LevelKey, Level], location_no: int, product_no: int) -> Level:
    """A product's level at a location over all its batches."""
    total = Level(0, 0, 0)
    for key, level in levels.items():
        if (key.location_no, key.product_no) == (location_no, product_no):
            total += level
    return total


def _policy(product: Product, rule: Rule) -> Policy:
    point = _not_negative(product, rule.reorder_point, "reorder_point")
    most = None if rule.level_max is None else quantity_of(product, rule.level_max, "level_max")
    if most is not None and most <= point:
        raise Invalid.of("level_max", "too_low", "The maximum lies above the reorder point.")
    return Policy(
        point,
        quantity_of(product, rule.reorder_quantity, "reorder_quantity"),
        most,
        rule.lead_time_days,
        _not_negative(product, rule.safety_stock, "safety_stock"),
    )


def _not_negative(product: Product, text: str, field: str) -> int:
    found = product.read(text)
    if found is None or found < 0:
        raise Invalid.of(field, "not_a_quantity", f"{text!r} is no quantity of {product.sku}.")
    return found


def _facts(product: Product, location: Location, policy: Policy) -> dict[str, object]:
    return {"sku": product.sku, "location": location.code, **asdict(policy)}
