"""The embedded payments gateway: a small server that speaks a faithful subset of Stripe's HTTP wire format.

The product talks to it only through Stripe's own client library, so going live is a change of URL and key. It keeps
its state in its own SQLite file and fails by itself, on demand too (`faults`), because the saga must survive both.
"""
