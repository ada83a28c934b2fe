"""The schema of simcards."""
