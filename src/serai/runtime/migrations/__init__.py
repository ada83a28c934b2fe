"""SQL of the runtime's own schema."""
