"""The numbers of the state, each with its unit and what goes wrong at the extremes. A simulated life takes small ones,
so that it meets full streams, history in many steps and snapshots in many chunks.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """All members may have their own: none of these changes what is applied, only when it is done."""

    compaction_changes: int = 256
    """Changes that a step of compaction looks at, with RocksDB about 3 ms. More: commands wait longer for it."""
    catch_up_changes: int = 512
    """Changes that are read from the history at once, for all watches that lack them."""
    catch_up_reads: int = 8
    """How often in one step, so that those far behind do not keep those near the end waiting."""
    stream_bytes_max: int = 4 * MIB
    """Of events that wait for one client; a watch that comes upon a full queue falls behind. Less: more reads of the
    history; more: a client that does not read costs more memory."""
    delivery_bytes_max: int = 1 * MIB
    """Of revisions that are joined in one delivery; a larger one goes alone."""
    chunk_bytes: int = 512 * KIB
    """Of a snapshot: about so many bytes of records in each chunk, which is one message."""
    checkpoint_every_s: float = 60.0
    """How often what is left of leases is written down; a lease whose time is shorter begins anew with a new leader."""


USUAL = Limits()
