"""How much a principal may use, and when it may come back."""
