"""SIM cards (design 30): phone numbers that nobody can predict, from the numbering plan to the active card."""
