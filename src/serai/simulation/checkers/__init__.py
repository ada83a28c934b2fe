"""Judges of histories: pure functions from what clients saw to a verdict, bounded in steps and not in time."""
