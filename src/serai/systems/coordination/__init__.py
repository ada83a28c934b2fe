"""Coordination (design 36): a configuration store that any etcd client can use."""
