"""The payment saga: which step follows which outcome, and what a failure undoes."""
