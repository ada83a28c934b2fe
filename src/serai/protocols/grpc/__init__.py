"""gRPC over HTTP/2: how messages, statuses and deadlines stand on the wire. No I/O, no clock."""
