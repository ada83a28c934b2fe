"""The edge: real time, sockets, PostgreSQL, HTTP, jobs, events and processes, each behind a thin shell."""
