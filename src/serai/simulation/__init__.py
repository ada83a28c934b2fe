"""The simulated world: time, network, disks, clocks and crashes from one seed; checkers of what machines did in it."""
