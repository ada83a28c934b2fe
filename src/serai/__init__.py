"""Serai: the backend systems that every product needs, on mechanisms written once."""
