"""SQL of the cinema schema."""
