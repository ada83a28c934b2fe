"""Serai: the backend systems that every product needs, on mechanisms written once."""

__version__ = "0.1.0"
