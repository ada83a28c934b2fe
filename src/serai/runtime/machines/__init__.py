"""The real world of machines: their effects performed on files, sockets and timers."""
