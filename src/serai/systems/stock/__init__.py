"""Store inventory (design 45): products, places, movements that sum to zero, and levels that are counters."""
