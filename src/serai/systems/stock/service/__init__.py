"""The use cases of stock: each opens its transaction, says what may change in it, and leaves its event."""
