"""SQL of the stock schema."""
