"""What the log of coordination is for, as pure state: keys with their history, leases, watches, members, users."""
