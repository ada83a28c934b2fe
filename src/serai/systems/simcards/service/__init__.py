"""The use cases of simcards. Each function or method shows its transaction."""
