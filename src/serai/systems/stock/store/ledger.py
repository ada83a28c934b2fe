"""SQL of movements and their lines: written once, in one statement with their event and what crosses a point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from serai.runtime.postgres.database import Row, Transaction
from serai.systems.stock.model import LevelKey, Movement
from serai.systems.stock.posting import Line, Posting

TOPIC = "serai.stock.movement"

_SERIALS = "\x1f"


@dataclass(frozen=True, slots=True)
class Written:
    """A movement as it is to be written: its lines with their levels, and its event's id and data."""

    posting: Posting
    lines: tuple[Line, ...]
    event_id: UUID
    event: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """A level that has come to its reorder point, or over it again."""

    product_no: int
    location_no: int
    on_hand: int
    reorder_point: int
    low: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of writing: the numbers, moments and recording times by the movements' ids; and crossings."""

    numbers: Mapping[UUID, tuple[int, datetime, datetime]]
    crossings: Sequence[Crossing]


async def write(tx: Transaction, written: Sequence[Written], on_hand: Mapping[tuple[int, int], int]) -> Kept:
    """Movements, lines, events, links to be; and policies whose level (product, location) changed sides.

    The caller has the levels' counters locked, so numbers are drawn in the order of each level's changes. Locks those
    policies that change sides, by primary key, sorted.
    """
    postings = [each.posting for each in written]
    lines = [(place, number, line) for place, each in enumerate(written) for number, line in enumerate(each.lines)]
    pairs = list(on_hand)
    row = await tx.fetch_one(
        _WRITE,
        {
            "tenant": tx.owner,
            "ids": [posting.movement_id for posting in postings],
            "kinds": [posting.kind for posting in postings],
            "ats": [posting.at for posting in postings],
            "actors": [posting.actor for posting in postings],
            "reasons": [posting.reason for posting in postings],
            "references": [posting.reference for posting in postings],
            "corrects": [posting.corrects for posting in postings],
            "places": [place for place, _, _ in lines],
            "line_nos": [number for _, number, _ in lines],
            "products": [line.key.product_no for _, _, line in lines],
            "batches": [line.key.batch_no for _, _, line in lines],
            "locations": [line.key.location_no for _, _, line in lines],
            "quantities": [line.quantity for _, _, line in lines],
            "levels": [line.level for _, _, line in lines],
            "costs": [line.cost_minor for _, _, line in lines],
            "serials": [_SERIALS.join(line.serials) for _, _, line in lines],
            "events": [each.event_id for each in written],
            "data": [each.event for each in written],
            "topic": TOPIC,
            "type": f"{TOPIC}.posted.v1",
            "seen_products": [product_no for product_no, _ in pairs],
            "seen_locations": [location_no for _, location_no in pairs],
            "seen_on_hand": [on_hand[pair] for pair in pairs],
        },
    )
    assert row is not None
    made, crossings = row
    return Kept(
        {
            UUID(movement_id): (number, datetime.fromisoformat(at), datetime.fromisoformat(recorded_at))
            for movement_id, number, at, recorded_at in made
        },
        [Crossing(*crossing) for crossing in crossings or ()],
    )


_WRITE = """
with asked as materialized (
  select * from unnest(%(ids)s::uuid[], %(kinds)s::text[], %(ats)s::timestamptz[], %(actors)s::text[],
                       %(reasons)s::text[], %(references)s::text[], %(corrects)s::uuid[], %(events)s::uuid[],
                       %(data)s::text[])
    with ordinality as a(movement_id, kind, at, actor, reason, reference, corrects, event_id, data, place)
), made as (
  insert into stock.movements (tenant_id, movement_id, kind, at, actor, reason, reference, corrects)
  select %(tenant)s::uuid, movement_id, kind, coalesce(at, clock_timestamp()), actor, reason, reference, corrects
  from asked order by place
  returning movement_no, movement_id, at, recorded_at
), lines as (
  insert into stock.lines (tenant_id, movement_no, line_no, product_no, batch_no, location_no, quantity, level,
                           cost_minor, serials, at)
  select %(tenant)s::uuid, m.movement_no, l.line_no, l.product_no, l.batch_no, l.location_no, l.quantity, l.level,
         l.cost_minor, string_to_array(l.serials, chr(31)), m.at
  from unnest(%(places)s::int[], %(line_nos)s::smallint[], %(products)s::int[], %(batches)s::int[],
              %(locations)s::int[], %(quantities)s::bigint[], %(levels)s::bigint[], %(costs)s::bigint[],
              %(serials)s::text[])
    as l(place, line_no, product_no, batch_no, location_no, quantity, level, cost_minor, serials)
  join asked a on a.place = l.place + 1 join made m using (movement_id)
), unchained as (
  insert into stock.unchained (tenant_id, source, number)
  select %(tenant)s::uuid, 'movement', movement_no from made order by movement_no
), events as (
  insert into runtime.outbox (tenant_id, id, topic, key, type, data)
  select %(tenant)s::uuid, a.event_id, %(topic)s::text, a.movement_id::text, %(type)s::text, a.data::jsonb
  from asked a order by a.place
), crossing as materialized (
  select p.product_no, p.location_no, s.on_hand, p.reorder_point, s.on_hand <= p.reorder_point as low
  from unnest(%(seen_products)s::int[], %(seen_locations)s::int[], %(seen_on_hand)s::bigint[])
    as s(product_no, location_no, on_hand)
  join stock.policies p
    on p.tenant_id = %(tenant)s::uuid and p.product_no = s.product_no and p.location_no = s.location_no
  where p.low <> (s.on_hand <= p.reorder_point)
  order by p.product_no, p.location_no for no key update of p
), turned as (
  update stock.policies p set low = c.low from crossing c
  where p.tenant_id = %(tenant)s::uuid and p.product_no = c.product_no and p.location_no = c.location_no
)
select (select jsonb_agg(jsonb_build_array(movement_id, movement_no, at, recorded_at) order by movement_no) from made),
       (select jsonb_agg(jsonb_build_array(product_no, location_no, on_hand, reorder_point, low)
                         order by product_no, location_no) from crossing)
"""


async def move_serials(
    tx: Transaction, product_no: int, serials: Sequence[str], from_no: int, to_no: int, movement_no: int, *, new: bool
) -> int:
    """How many of the serials were where they should be, and are now where they went; `new` ones may be unknown."""
    arguments = {
        "tenant": tx.owner,
        "product": product_no,
        "serials": sorted(serials),
        "from": from_no,
        "to": to_no,
        "movement": movement_no,
    }
    return await tx.execute(_NEW_SERIALS if new else _KNOWN_SERIALS, arguments)


_NEW_SERIALS = """
insert into stock.serials as s (tenant_id, product_no, serial, location_no, movement_no)
select %(tenant)s::uuid, %(product)s::int, serial, %(to)s::int, %(movement)s::bigint
from unnest(%(serials)s::text[]) as serial
on conflict (tenant_id, product_no, serial)
do update set location_no = excluded.location_no, movement_no = excluded.movement_no
where s.location_no = %(from)s::int
"""

_KNOWN_SERIALS = """
update stock.serials set location_no = %(to)s::int, movement_no = %(movement)s::bigint
where tenant_id = %(tenant)s::uuid and product_no = %(product)s::int and serial = any(%(serials)s::text[])
  and location_no = %(from)s::int
"""


async def serials_at(tx: Transaction, product_no: int, location_no: int, limit: int) -> list[str]:
    """Serial numbers of a product at a location."""
    rows = await tx.fetch(
        "select serial from stock.serials where tenant_id = %s and product_no = %s and location_no = %s"
        " order by serial limit %s",
        (tx.owner, product_no, location_no, limit),
    )
    return [serial for (serial,) in rows]


async def lowest_since(tx: Transaction, keys: Sequence[LevelKey], at: datetime) -> dict[LevelKey, int]:
    """By how much each level's lowest from a moment on lies under what it is now: 0 or less.

    By the index lines_of_level; the lines are taken in the order in which things happened.
    """
    rows = await tx.fetch(
        """
        select location_no, product_no, batch_no, (least(min(reached), 0) - sum(quantity))::bigint
        from (select l.location_no, l.product_no, l.batch_no, l.quantity,
                     sum(l.quantity) over (partition by l.location_no, l.product_no, l.batch_no
                                           order by l.at, l.movement_no, l.line_no) as reached
              from unnest(%(locations)s::int[], %(products)s::int[], %(batches)s::int[])
                as k(location_no, product_no, batch_no)
              join stock.lines l on l.tenant_id = %(tenant)s::uuid and l.location_no = k.location_no
                and l.product_no = k.product_no and l.batch_no = k.batch_no and l.at >= %(at)s::timestamptz) since
        group by location_no, product_no, batch_no
        """,
        {"tenant": tx.owner, "at": at, **_columns(keys)},
    )
    return {LevelKey(*row[:3]): row[3] for row in rows}


async def changed_since(tx: Transaction, keys: Sequence[LevelKey], at: datetime) -> dict[LevelKey, int]:
    """By how much each level has changed after a moment; by the index lines_of_level."""
    rows = await tx.fetch(
        """
        select l.location_no, l.product_no, l.batch_no, sum(l.quantity)::bigint
        from unnest(%(locations)s::int[], %(products)s::int[], %(batches)s::int[])
          as k(location_no, product_no, batch_no)
        join stock.lines l on l.tenant_id = %(tenant)s::uuid and l.location_no = k.location_no
          and l.product_no = k.product_no and l.batch_no = k.batch_no and l.at > %(at)s::timestamptz
        group by 1, 2, 3
        """,
        {"tenant": tx.owner, "at": at, **_columns(keys)},
    )
    return {LevelKey(*row[:3]): int(row[3]) for row in rows}


def _columns(keys: Sequence[LevelKey]) -> dict[str, list[int]]:
    return {
        "locations": [key.location_no for key in keys],
        "products": [key.product_no for key in keys],
        "batches": [key.batch_no for key in keys],
    }


async def is_taken_back(tx: Transaction, movement_id: UUID) -> bool:
    """Whether a correction names it; by the unique index that lets only one do so."""
    row = await tx.fetch_one(
        "select 1 from stock.movements where tenant_id = %s and corrects = %s", (tx.owner, movement_id)
    )
    return row is not None


_MOVEMENT = "m.movement_no, m.movement_id, m.kind, m.at, m.recorded_at, m.actor, m.reason, m.reference, m.corrects"


async def movement(tx: Transaction, movement_id: UUID) -> Movement | None:
    """By its id."""
    row = await tx.fetch_one(
        f"select {_MOVEMENT} from stock.movements m where m.tenant_id = %s and m.movement_id = %s",
        (tx.owner, movement_id),
    )
    return Movement(*row) if row else None


async def movements_of(tx: Transaction, movement_ids: Sequence[UUID]) -> list[Movement]:
    """Those of the ids that exist; by their unique key."""
    rows = await tx.fetch(
        f"select {_MOVEMENT} from stock.movements m where m.tenant_id = %s and m.movement_id = any(%s)",
        (tx.owner, list(movement_ids)),
    )
    return [Movement(*row) for row in rows]


async def lines_of_movements(tx: Transaction, numbers: Sequence[int]) -> dict[int, list[Line]]:
    """The lines of some movements, in order; by primary key."""
    rows = await tx.fetch(
        "select movement_no, location_no, product_no, batch_no, quantity, cost_minor, serials, level from stock.lines"
        " where tenant_id = %s and movement_no = any(%s) order by movement_no, line_no",
        (tx.owner, list(numbers)),
    )
    found: dict[int, list[Line]] = {number: [] for number in numbers}
    for row in rows:
        found[row[0]].append(_line(row[1:]))
    return found


def _line(row: Row) -> Line:
    location_no, product_no, batch_no, quantity, cost_minor, serials, level = row
    return Line(LevelKey(location_no, product_no, batch_no), quantity, cost_minor, tuple(serials), level)


async def movements(
    tx: Transaction, product_no: int | None, location_no: int | None, before: int | None, limit: int
) -> list[Movement]:
    """The newest first, all or those that touch a product or a location; by lines_of_product or lines_of_level."""
    arguments = {
        "tenant": tx.owner,
        "product": product_no,
        "location": location_no,
        "before": before if before is not None else 2**63 - 1,
        "limit": limit,
    }
    query = _ALL_MOVEMENTS if product_no is None and location_no is None else _SOME_MOVEMENTS
    return [Movement(*row) for row in await tx.fetch(query, arguments)]


_ALL_MOVEMENTS = f"""
select {_MOVEMENT} from stock.movements m
where m.tenant_id = %(tenant)s and m.movement_no < %(before)s::bigint
order by m.movement_no desc limit %(limit)s
"""

_SOME_MOVEMENTS = f"""
select {_MOVEMENT} from stock.movements m
where m.tenant_id = %(tenant)s and m.movement_no < %(before)s::bigint
  and exists (select from stock.lines l where l.tenant_id = m.tenant_id and l.movement_no = m.movement_no
                and (%(product)s::int is null or l.product_no = %(product)s::int)
                and (%(location)s::int is null or l.location_no = %(location)s::int))
order by m.movement_no desc limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a level's history with its movement, and its number in it."""

    movement: Movement
    line_no: int
    line: Line


async def entries_of_product(
    tx: Transaction, product_no: int, location_no: int | None, after: tuple[int, int] | None, limit: int
) -> list[Entry]:
    """A product's lines at places with levels, newest first, behind a (movement, line); by lines_of_product."""
    rows = await tx.fetch(
        f"""
        select {_MOVEMENT}, l.line_no, l.location_no, l.product_no, l.batch_no, l.quantity, l.cost_minor, l.serials,
               l.level
        from stock.lines l join stock.movements m on m.tenant_id = l.tenant_id and m.movement_no = l.movement_no
        where l.tenant_id = %(tenant)s and l.product_no = %(product)s
          and (l.movement_no < %(movement)s::bigint
               or l.movement_no = %(movement)s::bigint and l.line_no > %(line)s::smallint)
          and l.level is not null and (%(location)s::int is null or l.location_no = %(location)s::int)
        order by l.movement_no desc, l.line_no limit %(limit)s
        """,
        {
            "tenant": tx.owner,
            "product": product_no,
            "location": location_no,
            "movement": after[0] if after else 2**63 - 1,
            "line": after[1] if after else 0,
            "limit": limit,
        },
    )
    return [Entry(Movement(*row[:9]), row[9], _line(row[10:])) for row in rows]


async def moved_by_day(tx: Transaction, product_no: int, location_no: int, first: date) -> dict[date, tuple[int, int]]:
    """What came and went on each day (UTC) from `first` on; by the index lines_of_level."""
    rows = await tx.fetch(
        """
        select (at at time zone 'UTC')::date, coalesce(sum(quantity) filter (where quantity > 0), 0)::bigint,
               coalesce(-sum(quantity) filter (where quantity < 0), 0)::bigint
        from stock.lines
        where tenant_id = %(tenant)s and location_no = %(location)s and product_no = %(product)s
          and at >= %(first)s::date::timestamp at time zone 'UTC'
        group by 1
        """,
        {"tenant": tx.owner, "location": location_no, "product": product_no, "first": first},
    )
    return {day: (came, went) for day, came, went in rows}


@dataclass(frozen=True, slots=True)
class Flow:
    """What a product's lines at one of the edges of our stock say: bought, sold, scrapped, found."""

    product_no: int
    quantity: int
    cost_minor: int | None


async def flows(tx: Transaction, product_nos: Sequence[int], until: datetime | None) -> list[Flow]:
    """What came into and left the organisation's stock, in the order in which it happened; by lines_of_product.

    A movement that was taken back, and what took it back, are both left out: dated alike, they never happened.
    """
    rows = await tx.fetch(
        """
        select l.product_no, -l.quantity, l.cost_minor
        from stock.lines l join stock.locations p on p.tenant_id = l.tenant_id and p.location_no = l.location_no
        join stock.movements m on m.tenant_id = l.tenant_id and m.movement_no = l.movement_no
        where l.tenant_id = %(tenant)s and l.product_no = any(%(products)s::int[]) and p.pool_no is null
          and m.corrects is null
          and not exists (select from stock.movements c where c.tenant_id = m.tenant_id and c.corrects = m.movement_id)
          and (%(until)s::timestamptz is null or l.at <= %(until)s::timestamptz)
        order by l.product_no, l.at, l.movement_no, l.line_no
        """,
        {"tenant": tx.owner, "products": list(product_nos), "until": until},
    )
    return [Flow(*row) for row in rows]
