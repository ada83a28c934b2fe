"""SQL of claims. Each statement changes rows, claim, ledger and outbox together, by the database's clock.

Locks, always in this order: the claim's own row where it exists, units sorted by (pool, key), buckets of counters
sorted by (pool, key, bucket), pools sorted. Taking named units never waits (NOWAIT), so a transaction that makes one
change cannot be part of a deadlock. One that makes several can, since it already holds pools when it asks for claims or
units: run it with `Database.retrying`. Every statement decides under its locks whether all of it can be done, and
otherwise changes nothing; so a caller may catch the refusal and go on.
"""

TOPIC = "serai.allocation.claim"
"""Of every event here; the key is the claim's id."""
