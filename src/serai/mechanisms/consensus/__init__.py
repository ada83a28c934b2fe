"""Raft: one log that a majority keeps, so that machines which fail one by one never contradict each other."""
