"""The payment saga's edge: the stripe client, the embedded gateway, recovery and reconciliation."""
