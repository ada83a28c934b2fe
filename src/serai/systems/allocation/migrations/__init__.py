"""SQL of the allocation schema."""
