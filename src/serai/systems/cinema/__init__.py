"""Cinema (design 27): movie seat booking."""
