"""A client of any etcd v3, ours among them: keys, watches that survive breaks, leases, locks with fencing numbers.

async with Client("http://127.0.0.1:2379") as store:
    await store.set("/app/db_host", "db.example.com")
    async for change in store.watch("/app/"):
        print(change.key, change.value)
"""

from serai.systems.coordination.client.client import Client, Item, Page
from serai.systems.coordination.client.locks import Lock
from serai.systems.coordination.client.watches import Change, Gap

__all__ = ["Change", "Client", "Gap", "Item", "Lock", "Page"]
