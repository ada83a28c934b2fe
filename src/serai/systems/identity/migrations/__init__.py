"""SQL of the identity schema."""
