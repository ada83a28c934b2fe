"""The HTTP edge: application factory, problem documents, idempotency keys, principals and rate limits."""
