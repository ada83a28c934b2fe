"""Selling what a claim holds: how a shop's orders, its claims and its payments move together. No tables of its own."""
