"""Claims over units and counters in PostgreSQL, the ledger that records them, and its audit."""
