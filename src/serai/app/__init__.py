"""Composition: settings, the registry of systems, the supervisor and the command line."""
