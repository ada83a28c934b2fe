"""Webhook endpoints: who is told of which events.

Their number is bounded, because every event is written once for each of them.
"""

from typing import Any

from serai.systems.payments.gateway import model, params
from serai.systems.payments.gateway.desk import Desk
from serai.systems.payments.gateway.errors import InvalidRequest
from serai.systems.payments.gateway.intents import Answer
from serai.systems.payments.gateway.model import Doc


def create(desk: Desk, values: dict[str, Any], endpoints_max: int) -> Answer:
    """A new endpoint; this answer alone carries its signing secret."""
    params.require(values, "enabled_events", "url")
    unknown = [name for name in values["enabled_events"] if name != "*" and name not in model.EVENT_TYPES]
    if unknown or not values["enabled_events"]:
        allowed = ", ".join(["*", *sorted(model.EVENT_TYPES)])
        raise InvalidRequest(f"Invalid enabled_events: {unknown} must be one of {allowed}", param="enabled_events")
    if desk.books.count("webhook_endpoint") >= endpoints_max:
        raise InvalidRequest(f"You have reached the maximum of {endpoints_max} webhook endpoints; delete one first.")
    metadata = params.merged({}, values.get("metadata", {}))
    id_, created = desk.new_id("we")
    endpoint = model.webhook_endpoint(id_, created, f"whsec_{desk.new_secret()}", values | {"metadata": metadata})
    return Answer(200, desk.put(endpoint))


def delete(desk: Desk, id_: str) -> Answer:
    """Removes the endpoint and what was still to be sent to it."""
    desk.get("webhook_endpoint", id_)
    desk.drop("webhook_endpoint", id_)
    return Answer(200, {"id": id_, "object": "webhook_endpoint", "deleted": True})


def wants(endpoint: Doc, type_: str) -> bool:
    """Whether the endpoint is to be told of events of this type."""
    return "*" in endpoint["enabled_events"] or type_ in endpoint["enabled_events"]
