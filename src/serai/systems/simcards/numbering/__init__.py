"""What numbers are: plans, their shuffled order, states, classes, patterns, cards, and evidence of chance. Pure."""
