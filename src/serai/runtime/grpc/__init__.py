"""Serving gRPC, and HTTP/1.1 beside it, on one port."""
