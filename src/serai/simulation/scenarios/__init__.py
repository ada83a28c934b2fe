"""Scenarios of the simulation itself; those of a mechanism or system stand beside them or with the system."""
