"""Plans survive their documents, pretix's schema accepts ours, and a wrong document says where it is wrong."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serai.systems.cinema.plan import InvalidPlan, Plan, classic, export_plan, import_plan, stadium, studio

SCHEMA = jsonschema_rs.validator_for(
    json.loads(Path(__file__).with_name("pretix-seating-plan.schema.json").read_text())
)

FOREIGN: dict[str, Any] = {
    "name": "Kleines Haus 🎭",
    "categories": [{"name": "Parkett", "color": "#7f4a91"}, {"name": "Rollstuhl"}],
    "zones": [
        {
            "name": "Parkett",
            "uuid": "f3a3",
            "position": {"x": 10.5, "y": 20.25},
            "rows": [
                {
                    "row_number": "1",
                    "row_label": "Reihe %s",
                    "seat_label": None,
                    "row_number_position": "both",
                    "position": {"x": 1, "y": 2},
                    "seats": [
                        {"seat_guid": "a1", "seat_number": "1", "position": {"x": 0, "y": 0}, "category": "Parkett"},
                        {
                            "seat_guid": "a2",
                            "seat_number": "2",
                            "position": {"x": 25.125, "y": 0},
                            "category": "Rollstuhl",
                            "radius": 14,
                            "start_direction": "<>",
                        },
                    ],
                },
                {"row_number": "", "seats": []},
            ],
            "areas": [
                {
                    "shape": "circle",
                    "circle": {"radius": 30},
                    "color": "rgba(10, 20, 30, 0.5)",
                    "position": {"x": 1, "y": 1},
                },
                {"shape": "ellipse", "ellipse": {"radius": {"x": 3, "y": 4.5}}, "rotation": 45},
                {"shape": "polygon", "polygon": {"points": [{"x": 0, "y": 0}, {"x": 9, "y": 0}, {"x": 9, "y": 9}]}},
                {"shape": "rectangle", "rectangle": {"width": 100, "height": 8}, "border_color": "gray"},
                {"shape": "text", "text": {"text": "Bühne", "position": {"x": 5, "y": 5}, "size": 20}},
            ],
        },
        {"position": {"x": 0, "y": 0}, "rows": []},
    ],
    "size": {"width": 800, "height": 600},
}


def refused(document: object) -> dict[str, str]:
    """Path -> code of what is wrong with a document."""
    with pytest.raises(InvalidPlan) as caught:
        import_plan(document)
    assert caught.value.status == 422
    return {error.field: error.code for error in caught.value.errors}


def changed(path: str, value: object) -> dict[str, Any]:
    """FOREIGN with one place changed; a value of `...` deletes it."""
    document = copy.deepcopy(FOREIGN)
    *way, last = [int(step) if step.isdigit() else step for step in path.replace("[", ".").replace("]", "").split(".")]
    place: Any = document
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def test_the_schema_accepts_a_foreign_plan_and_our_copy_of_it() -> None:
    SCHEMA.validate(FOREIGN)
    plan = import_plan(FOREIGN)
    written = export_plan(plan)
    SCHEMA.validate(written)
    assert import_plan(json.loads(json.dumps(written))) == plan


def test_positions_nest_and_ids_and_labels_stay() -> None:
    plan = import_plan(FOREIGN)
    assert [(seat.key, seat.guid, seat.x, seat.y) for seat in plan.seats] == [
        (1, "a1", 11.5, 22.25),
        (2, "a2", 36.625, 22.25),
    ]
    assert plan.rows[0].spoken == "Reihe %s"
    assert plan.zones[0].uuid == "f3a3"
    assert plan.seat(2).accessible
    assert not plan.seat(1).accessible
    assert [area.shape for area in plan.zones[0].areas] == ["circle", "ellipse", "polygon", "rectangle", "text"]


@pytest.mark.parametrize(
    "plan", [classic(), stadium(), studio(), stadium(rows=30, first=40)], ids=lambda plan: plan.name
)
def test_our_halls_survive_the_document(plan: Plan) -> None:
    written = json.loads(json.dumps(export_plan(plan)))
    SCHEMA.validate(written)
    assert import_plan(written) == plan


SEAT = "zones[0].rows[0].seats[1]"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("name", ..., "missing"),
        ("name", " ", "empty"),
        ("name", "x" * 191, "too_long"),
        ("name", "two\nlines", "not_printable"),
        ("size", ..., "missing"),
        ("size.width", 10.5, "not_whole"),
        ("size.width", 0, "out_of_range"),
        ("size.height", 10**400, "out_of_range"),
        ("size.height", float("nan"), "out_of_range"),
        ("categories", {}, "not_a_list"),
        ("categories[1].name", "Parkett", "duplicate"),
        ("categories[0].color", "red;background:url(x)", "not_a_color"),
        ("zones", "x", "not_a_list"),
        ("zones[0]", 7, "not_an_object"),
        ("zones[0].position", ..., "missing"),
        ("zones[0].position.x", True, "not_a_number"),
        ("zones[0].rows", ..., "not_a_list"),
        ("zones[0].rows[0].row_number", 3, "not_a_text"),
        ("zones[0].rows[0].row_number_position", "left", "unknown_value"),
        (f"{SEAT}.category", "Balkon", "unknown_category"),
        (f"{SEAT}.category", ..., "missing"),
        (f"{SEAT}.seat_guid", "a1", "duplicate"),
        (f"{SEAT}.seat_guid", " a2", "outer_spaces"),
        (f"{SEAT}.seat_guid", "a", "too_short"),
        (f"{SEAT}.seat_guid", "", "empty"),
        (f"{SEAT}.position", None, "not_an_object"),
        (f"{SEAT}.position.y", "1", "not_a_number"),
        (f"{SEAT}.radius", 0, "out_of_range"),
        (f"{SEAT}.start_direction", "^", "unknown_value"),
        (f"{SEAT}.price", 12, "unknown_field"),
        ("zones[0].areas[0].shape", ["circle"], "unknown_value"),
        ("zones[0].areas[0].circle", {}, "not_a_number"),
        ("zones[0].areas[2].polygon.points[1].x", None, "not_a_number"),
        ("zones[0].areas[4].text.text", ..., "missing"),
    ],
)
def test_a_wrong_value_is_named_by_its_path(path: str, value: object, code: str) -> None:
    found = refused(changed(path, value))
    assert code in {found.get(path), *(found[name] for name in found if name.startswith(f"{path}."))}, found


@pytest.mark.parametrize("document", [None, [], "plan", 3, {}, {"name": "x"}])
def test_what_is_no_plan_at_all_is_refused(document: object) -> None:
    assert refused(document)


def test_a_hall_without_a_seat_is_refused() -> None:
    assert refused(FOREIGN | {"zones": []}) == {"zones": "no_seats"}


def test_several_mistakes_are_told_together_and_the_list_is_bounded() -> None:
    document = changed(f"{SEAT}.category", "Balkon")
    document["size"]["width"] = "wide"
    assert refused(document) == {f"{SEAT}.category": "unknown_category", "size.width": "not_a_number"}
    worse = export_plan(classic()) | {"categories": []}
    with pytest.raises(InvalidPlan, match="214 problems in all") as caught:
        import_plan(worse)
    assert len(caught.value.errors) == 50


def test_limits_hold() -> None:
    seat = {"seat_number": "1", "position": {"x": 0, "y": 0}, "category": "Parkett"}
    rows = [{"row_number": str(r), "seats": [seat | {"seat_guid": f"{r}-{n}"} for n in range(501)]} for r in range(10)]
    zones = [{"position": {"x": 0, "y": 0}, "rows": rows}]
    assert refused(FOREIGN | {"zones": zones})["zones[0].rows[9].seats"] == "too_many"
    rows = [{"row_number": "1", "seats": []}] * 501
    assert refused(FOREIGN | {"zones": [{"position": {"x": 0, "y": 0}, "rows": rows}]})["zones[0].rows"] == "too_many"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "x", "rows", "seats"]), inner),
    max_leaves=12,
)
PLACES = [
    "name",
    "zones",
    "zones[0]",
    "zones[0].rows[0]",
    SEAT,
    f"{SEAT}.position",
    f"{SEAT}.category",
    "size",
    "categories[0]",
]


@settings(max_examples=200)
@given(path=st.sampled_from(PLACES), value=JSON)
def test_any_json_is_either_a_plan_or_an_invalid_plan(path: str, value: object) -> None:
    try:
        plan = import_plan(changed(path, value))
    except InvalidPlan as error:
        assert error.errors
    else:
        assert import_plan(export_plan(plan)) == plan
        SCHEMA.validate(export_plan(plan))
