"""etcd's v3 API on the wire: one table, and what is made of it. No I/O."""
