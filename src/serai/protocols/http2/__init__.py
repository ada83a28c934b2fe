"""HTTP/2 (RFC 9113) as a server's pure state machine: bytes go in, events come out, and bytes wait to be sent.

It exists for gRPC, whose calls are too small for anything slower: a call costs a few microseconds here.
"""
