"""A client of any etcd v3, ours among them: keys, watches that survive breaks, leases that are kept.

async with DistributedConfig("http://127.0.0.1:2379") as config_store:
    await config_store.set("/app/db_host", "db.example.com")
    async for event in config_store.watch("/app/"):
        print(event.key, event.value)
"""

from serai.systems.coordination.client.client import Client
from serai.systems.coordination.client.endpoints import Tls
from serai.systems.coordination.client.errors import KeyChanged, LeaseLost, Unanswered, Unreachable
from serai.systems.coordination.client.leases import Lease
from serai.systems.coordination.client.wire import Deadlines
from serai.systems.coordination.client.words import (
    Change,
    Created,
    Delete,
    Gap,
    Get,
    Item,
    Outcome,
    Page,
    Put,
    Unchanged,
    ValueIs,
)

DistributedConfig = Client
"""Design 36's name for it."""

__all__ = [
    "Change",
    "Client",
    "Created",
    "Deadlines",
    "Delete",
    "DistributedConfig",
    "Gap",
    "Get",
    "Item",
    "KeyChanged",
    "Lease",
    "LeaseLost",
    "Outcome",
    "Page",
    "Put",
    "Tls",
    "Unanswered",
    "Unchanged",
    "Unreachable",
    "ValueIs",
]
