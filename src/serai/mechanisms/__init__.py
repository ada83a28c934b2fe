"""Pure decisions: input and `now` go in, values come out. No I/O, no clock, no randomness of their own."""
