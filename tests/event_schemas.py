"""Emitted events beside their documented schemas: every type has one, every field stands in it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import psycopg

SCHEMAS = Path(__file__).parents[1] / "docs" / "reference" / "events"
SYSTEMS = {path.parent.name for path in (Path(__file__).parents[1] / "src/serai/systems").glob("*/system.py")}

READ_MAX = 2_000
"""Events of one test that are looked at; the newest, one of each type and shape would do."""


def schema_of(event_type: str) -> dict[str, Any] | None:
    """The documented schema of a type."""
    path = SCHEMAS / f"{event_type}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def problems_of(event_type: str, topic: str, data: Mapping[str, Any]) -> list[str]:
    """What differs between an event and its documentation."""
    schema = schema_of(event_type)
    if schema is None:
        return [f"{event_type} has no schema in {SCHEMAS}"]
    found = [f"{event_type}: {error.message}" for error in jsonschema_rs.iter_errors(schema, data)]
    found += [f"{event_type}: {name} is not documented" for name in data.keys() - schema["properties"].keys()]
    if not event_type.startswith(f"{topic}."):
        found.append(f"{event_type} does not belong to the topic {topic}")
    return found


def undocumented_events(url: str) -> list[str]:
    """Problems of all events in a database; those of made-up systems are the tests' own."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select distinct on (type, keys) type, topic, data from ("
            " select type, topic, data, (select array_agg(k order by k) from jsonb_object_keys(data) k) as keys"
            " from (select type, topic, data from runtime.outbox"
            " union all select type, topic, data from runtime.events) emitted limit %s) shaped",
            (READ_MAX,),
        ).fetchall()
    return [
        problem
        for event_type, topic, data in rows
        if topic.split(".")[1:2] and topic.split(".")[1] in SYSTEMS
        for problem in problems_of(event_type, topic, data)
    ]
