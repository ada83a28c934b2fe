"""Plans as JSON documents, in the public seating-plan format of pretix (JSON Schema 0.0.1, its Apache-2.0 part).

A document that would make a hall with two seats of one id, a seat of no price or a million seats is refused here,
with the path of every wrong value, before anything is stored. Reading and writing are inverse: a document that we
wrote is read back as an equal plan, and one that another editor wrote keeps its ids, labels and nesting. Positions
nest in the document (zone, row, seat) and are absolute in the plan, both to a thousandth of a pixel.
"""

from dataclasses import dataclass, field

from serai.kernel.errors import Invalid
from serai.systems.cinema.plan.model import (
    AREAS_MAX,
    CATEGORIES_MAX,
    POINTS_MAX,
    ROWS_MAX,
    SEAT_RADIUS_PX,
    SEATS_MAX,
    TEXT_SIZE_PX,
    ZONES_MAX,
    Area,
    Category,
    Plan,
    Point,
    Row,
    Seat,
    Text,
    Zone,
)
from serai.systems.cinema.plan.reader import Node, Problems, shown

Json = dict[str, object]

SHAPES = ("polygon", "rectangle", "ellipse", "circle", "text")
SEAT_STARTS = ("<", ">", "<>")
ROW_NUMBER_POSITIONS = ("start", "end", "both")
ORIGIN = Point(0, 0)

_PLAN = ("name", "zones", "categories", "size")
_ZONE = ("name", "zone_id", "uuid", "position", "rows", "areas")
_ROW = ("row_number", "row_label", "seat_label", "uuid", "seats", "row_number_position", "position")
_SEAT = ("seat_guid", "seat_number", "uuid", "start_direction", "radius", "position", "category")
_AREA = ("color", "border_color", "rotation", "position", "uuid", *SHAPES, "shape")
_TEXT = ("text", "color", "size", "position")


class InvalidPlan(Invalid):
    """The document is not a seating plan that we can sell from; `errors` names each wrong value by its JSON path."""

    code = "invalid_plan"
    title = "The seating plan is not valid"


def import_plan(document: object) -> Plan:
    """The plan that a parsed JSON document describes. Raises InvalidPlan with up to 50 wrong values."""
    reading = _Reading()
    plan = reading.plan(Node.of(document, "", reading.problems, _PLAN))
    if reading.problems.count:
        first = reading.problems.found[0].message
        more = f" ({reading.problems.count} problems in all)" if reading.problems.count > 1 else ""
        raise InvalidPlan(f"This is not a valid seating plan: {first}{more}.", errors=tuple(reading.problems.found))
    assert plan is not None
    return plan


@dataclass(slots=True)
class _Reading:
    """What is known so far while a document is read from top to bottom."""

    problems: Problems = field(default_factory=Problems)
    categories: dict[str, Category] = field(default_factory=dict)
    guids: dict[str, str] = field(default_factory=dict)
    """Seat ids met so far, and where."""
    rows: int = 0

    def plan(self, node: Node) -> Plan | None:
        name = node.text("name", empty=False)
        for value, path in node.items("categories", CATEGORIES_MAX):
            self.category(Node.of(value, path, self.problems, ("name", "color")))
        zones = tuple(
            self.zone(Node.of(value, path, self.problems, _ZONE)) for value, path in node.items("zones", ZONES_MAX)
        )
        size = node.child("size", ("width", "height"))
        width, height = self.measure(size, "width"), self.measure(size, "height")
        if not self.guids and not self.problems.count:
            node.wrong("zones", "no_seats", "has no seat; a hall needs at least one")
        if self.problems.count:
            return None
        return Plan(name, tuple(self.categories.values()), zones, width, height)

    def measure(self, size: Node, name: str) -> int:
        value = size.number(name, least=1) if size.members else 1
        if value != int(value):
            size.wrong(name, "not_whole", f"is {value:g}; it must be a whole number of pixels")
        return int(value)

    def category(self, node: Node) -> None:
        found = Category(node.text("name", empty=False), node.color("color"))
        if found.name in self.categories:
            node.wrong("name", "duplicate", f"is {shown(found.name)}, like an earlier category; give it its own name")
        self.categories[found.name] = found

    def zone(self, node: Node) -> Zone:
        origin = node.point("position")
        rows = []
        for value, path in node.items("rows", ROWS_MAX):
            rows.append(self.row(Node.of(value, path, self.problems, _ROW), origin))
        self.rows += len(rows)
        if self.rows > ROWS_MAX:
            node.wrong("rows", "too_many", f"brings the plan to {self.rows} rows; the limit is {ROWS_MAX}")
        areas = tuple(
            self.area(Node.of(value, path, self.problems, _AREA))
            for value, path in node.items("areas", AREAS_MAX, required=False)
        )
        name = node.label("name") or ""
        return Zone(name, tuple(rows), areas, origin, node.label("zone_id"), node.label("uuid"))

    def row(self, node: Node, zone: Point) -> Row:
        origin = node.point("position", ORIGIN)
        label = node.text("row_number")
        corner = Point(zone.x + origin.x, zone.y + origin.y)
        seats = []
        for value, path in node.items("seats", SEATS_MAX):
            seats.append(self.seat(Node.of(value, path, self.problems, _SEAT), label, corner))
            if len(self.guids) > SEATS_MAX:
                node.wrong("seats", "too_many", f"brings the plan above {SEATS_MAX} seats")
                break
        return Row(
            label,
            tuple(seats),
            origin,
            node.one_of("row_number_position", ROW_NUMBER_POSITIONS),
            node.label("row_label"),
            node.label("seat_label"),
            node.label("uuid"),
        )

    def seat(self, node: Node, row: str, corner: Point) -> Seat:
        guid = self.guid(node)
        category = node.text("category")
        if category not in self.categories and "category" in node.members:
            node.wrong("category", "unknown_category", f"is {shown(category)}, which is not among the categories")
        at = node.point("position")
        return Seat(
            key=len(self.guids),
            guid=guid,
            row=row,
            number=node.text("seat_number"),
            category=category,
            x=round(corner.x + at.x, 3),
            y=round(corner.y + at.y, 3),
            radius=node.number("radius", SEAT_RADIUS_PX, least=1),
            start_direction=node.one_of("start_direction", SEAT_STARTS),
            uuid=node.label("uuid"),
        )

    def guid(self, node: Node) -> str:
        guid = node.text("seat_guid", empty=False)
        if len(guid) == 1:
            node.wrong("seat_guid", "too_short", f"is {shown(guid)}; the format asks for two characters or more")
        if guid != guid.strip():
            node.wrong("seat_guid", "outer_spaces", f"is {shown(guid)}; remove the spaces around it")
        if guid in self.guids:
            node.wrong("seat_guid", "duplicate", f"is {shown(guid)}, like {self.guids[guid]}; ids must be unique")
        # A duplicate or a missing id still takes a place, so that the count of seats stays true.
        self.guids[guid if guid not in self.guids else node.path] = node.path
        return guid

    def area(self, node: Node) -> Area:
        return Area(
            shape=node.one_of("shape", SHAPES),
            position=node.point("position", ORIGIN),
            color=node.color("color"),
            border_color=node.color("border_color"),
            rotation=node.number("rotation", 0.0),
            extent=self.extent(node),
            points=self.points(node),
            text=self.area_text(node),
            uuid=node.label("uuid"),
        )

    def extent(self, node: Node) -> Point | None:
        # Only the measures of the area's own shape are drawn, so only they are kept.
        match node.members.get("shape"):
            case "rectangle" if node.has("rectangle"):
                inner = node.child("rectangle", ("width", "height"))
                return Point(inner.number("width", least=0), inner.number("height", least=0))
            case "ellipse" if node.has("ellipse"):
                return node.child("ellipse", ("radius",)).point("radius")
            case "circle" if node.has("circle"):
                radius = node.child("circle", ("radius",)).number("radius", least=0)
                return Point(2 * radius, 2 * radius)
            case _:
                return None

    def points(self, node: Node) -> tuple[Point, ...]:
        if not node.has("polygon"):
            return ()
        inner = node.child("polygon", ("points",))
        found = []
        for value, path in inner.items("points", POINTS_MAX):
            corner = Node.of(value, path, self.problems, ("x", "y"))
            found.append(Point(corner.number("x"), corner.number("y")))
        return tuple(found)

    def area_text(self, node: Node) -> Text | None:
        if not node.has("text"):
            return None
        inner = node.child("text", _TEXT)
        return Text(
            inner.text("text"), inner.point("position"), inner.color("color"), inner.number("size", TEXT_SIZE_PX)
        )


def export_plan(plan: Plan) -> Json:
    """The plan as a document that pretix's schema accepts and `import_plan` reads back as an equal plan."""
    return {
        "name": plan.name,
        "categories": [{"name": category.name, "color": category.color} for category in plan.categories],
        "zones": [_zone(zone) for zone in plan.zones],
        "size": {"width": plan.width, "height": plan.height},
    }


def _zone(zone: Zone) -> Json:
    return {
        "name": zone.name,
        "position": _point(zone.origin),
        "rows": [_row(row, zone.origin) for row in zone.rows],
        "areas": [_area(area) for area in zone.areas],
    } | _present(zone_id=zone.zone_id, uuid=zone.uuid)


def _row(row: Row, zone: Point) -> Json:
    corner = Point(zone.x + row.origin.x, zone.y + row.origin.y)
    return {
        "row_number": row.label,
        "row_number_position": row.number_position,
        "position": _point(row.origin),
        "seats": [_seat(seat, corner) for seat in row.seats],
    } | _present(row_label=row.spoken, seat_label=row.seat_spoken, uuid=row.uuid)


def _seat(seat: Seat, corner: Point) -> Json:
    radius = seat.radius if seat.radius != SEAT_RADIUS_PX else None
    return {
        "seat_guid": seat.guid,
        "seat_number": seat.number,
        "category": seat.category,
        "position": _point(Point(seat.x - corner.x, seat.y - corner.y)),
    } | _present(radius=radius, start_direction=seat.start_direction, uuid=seat.uuid)


def _area(area: Area) -> Json:
    document: Json = {
        "position": _point(area.position),
        "color": area.color,
        "border_color": area.border_color,
        "rotation": _plain(area.rotation),
    } | _present(shape=area.shape, uuid=area.uuid)
    if area.extent is not None:
        document |= _extent(area.shape, area.extent)
    if area.points:
        document["polygon"] = {"points": [_point(point) for point in area.points]}
    if area.text is not None:
        text = area.text
        document["text"] = {
            "text": text.text,
            "color": text.color,
            "size": _plain(text.size),
            "position": _point(text.position),
        }
    return document


def _extent(shape: str | None, extent: Point) -> Json:
    if shape == "circle":
        return {"circle": {"radius": _plain(extent.x / 2)}}
    if shape == "ellipse":
        return {"ellipse": {"radius": _point(extent)}}
    return {"rectangle": {"width": _plain(extent.x), "height": _plain(extent.y)}}


def _point(point: Point) -> Json:
    return {"x": _plain(point.x), "y": _plain(point.y)}


def _plain(value: float) -> float | int:
    """A number as short as it can be written: 12 rather than 12.0."""
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def _present(**members: object) -> Json:
    return {name: value for name, value in members.items() if value is not None}
