"""The simulated world: time, network, disks, clocks and crashes from one seed, and checkers of what machines then did."""
