"""Benchmarks: one file per system, ours beside the peer in one run. `serai bench NAME` runs them from a checkout."""
