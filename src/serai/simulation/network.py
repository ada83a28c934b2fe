"""When a message arrives, once, twice or never; which links are cut and which are clogged.

A link is one direction between two names. It keeps the order of its messages, as a connection does, except for those
that the faults let others overtake. What is sent on a cut link is lost; on a clogged one it waits.
"""

from collections import Counter
from collections.abc import Iterable

from serai.simulation.chance import Seeded
from serai.simulation.faults import Faults


class Link:
    """One direction between two nodes."""

    __slots__ = ("cuts", "far_s", "last_s", "opens_s")

    def __init__(self, far_s: float) -> None:
        self.far_s = far_s
        self.cuts = 0
        """How many partitions lie across it; they may overlap."""
        self.opens_s = 0.0
        """Until then it is clogged."""
        self.last_s = 0.0
        """When the last message that keeps its place arrives: none of those behind it comes earlier."""


class Network:
    """All links."""

    def __init__(self, faults: Faults, chance: Seeded, reached: Counter[str]) -> None:
        self._chance = chance
        self._reached = reached
        self._links: dict[tuple[str, str], Link] = {}
        self._regions: dict[str, str] = {}
        self._far_s = {(a, b): far for a, b, far in faults.wan_s} | {(b, a): far for a, b, far in faults.wan_s}
        self.suffer(faults)

    def suffer(self, faults: Faults) -> None:
        """From now on these faults are in force."""
        self._faults = faults
        self._low_s = faults.latency_min_s
        self._span_s = faults.latency_max_s - faults.latency_min_s
        self._quiet = not (faults.loss or faults.duplication or faults.reordering)

    def place(self, name: str, region: str) -> None:
        """Says where a node stands; before anything is sent to or from it."""
        assert not any(name in pair for pair in self._links), f"{name} has links already"
        self._regions[name] = region

    def link(self, sender: str, receiver: str) -> Link:
        """The link of this direction; always the same object."""
        found = self._links.get((sender, receiver))
        if found is None:
            regions = (self._regions.get(sender, ""), self._regions.get(receiver, ""))
            found = self._links[sender, receiver] = Link(self._far_s.get(regions, 0.0))
        return found

    def arrivals(self, link: Link, now_s: float) -> tuple[float, ...]:
        """When a message that is sent now arrives."""
        if link.cuts:
            self._reached["a message met a partition"] += 1
            return ()
        at_s = now_s + link.far_s + self._low_s + self._span_s * self._chance.unit()
        if link.opens_s > now_s:
            self._reached["a message waited on a clogged link"] += 1
            at_s += link.opens_s - now_s
        if self._quiet:
            link.last_s = at_s = max(at_s, link.last_s)
            return (at_s,)
        return self._perils(link, at_s)

    def _perils(self, link: Link, at_s: float) -> tuple[float, ...]:
        faults, chance = self._faults, self._chance
        if chance.happens(faults.loss):
            self._reached["a message was lost"] += 1
            return ()
        if chance.happens(faults.reordering):
            self._reached["a message could be overtaken"] += 1
            at_s += faults.reordering_max_s * chance.unit()
        else:
            link.last_s = at_s = max(at_s, link.last_s)
        if chance.happens(faults.duplication):
            self._reached["a message came twice"] += 1
            return (at_s, at_s + faults.reordering_max_s * chance.unit())
        return (at_s,)

    def cut(self, senders: Iterable[str], receivers: Iterable[str]) -> None:
        """Stops what the ones send to the others, in this direction only. Undone by `mend` with the same names."""
        self._lay(list(senders), list(receivers), 1)

    def mend(self, senders: Iterable[str], receivers: Iterable[str]) -> None:
        """Takes one cut away."""
        self._lay(list(senders), list(receivers), -1)

    def _lay(self, senders: list[str], receivers: list[str], cuts: int) -> None:
        for sender in senders:
            for receiver in receivers:
                if sender != receiver:
                    link = self.link(sender, receiver)
                    link.cuts += cuts
                    assert link.cuts >= 0, f"{sender} -> {receiver} was mended more often than cut"

    def clog(self, sender: str, receiver: str, until_s: float) -> None:
        """What is sent in this direction waits until then."""
        link = self.link(sender, receiver)
        link.opens_s = max(link.opens_s, until_s)

    def heal(self, faults: Faults) -> None:
        """No cut, no clog, and these faults from now on. What waited on a clogged link still comes when it was to."""
        self.suffer(faults)
        for link in self._links.values():
            link.cuts = 0
            link.opens_s = 0.0
