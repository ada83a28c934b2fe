"""PostgreSQL: an embedded server, pools by role, transactions that carry a tenant, migrations."""
