"""One member of a cluster on this machine: who it is, how it speaks to the others, and what it does while it leads."""
