"""Scarce things and the one life of a claim on them."""
