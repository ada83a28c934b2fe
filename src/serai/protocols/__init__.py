"""Bytes to messages and back: what other programs speak. No I/O, no clock."""
