"""Typed configuration and feature flags over any etcd: what may be set, by whom it was, and who gets it first."""
