"""Messages come when, how often and in which order the faults say."""

from collections import Counter
from itertools import pairwise

import pytest

from serai.simulation.chance import Seeded
from serai.simulation.faults import CALM, WAN, Faults
from serai.simulation.network import Network

COUNT = 2_000


def network(faults: Faults = CALM, seed: int = 1) -> Network:
    return Network(faults, Seeded(seed), Counter())


def arrivals(net: Network, sender: str = "a", receiver: str = "b", gap_s: float = 0.000_1) -> list[tuple[float, ...]]:
    link = net.link(sender, receiver)
    return [net.arrivals(link, number * gap_s) for number in range(COUNT)]


def test_a_quiet_link_keeps_the_order_within_its_latency() -> None:
    times = [at_s for (at_s,) in arrivals(network())]
    assert times == sorted(times)
    delays = [at_s - number * 0.000_1 for number, at_s in enumerate(times)]
    assert CALM.latency_min_s <= min(delays)
    assert max(delays) <= CALM.latency_max_s + 1e-9
    assert max(delays) - min(delays) > 0.000_5


def test_messages_are_lost_and_doubled_in_their_shares() -> None:
    counts = Counter(map(len, arrivals(network(Faults(loss=0.2, duplication=0.1)))))
    assert counts.keys() == {0, 1, 2}
    assert 0.17 < counts[0] / COUNT < 0.23
    assert 0.06 < counts[2] / COUNT < 0.10


def test_only_reordering_lets_messages_overtake() -> None:
    times = [at_s for (at_s,) in arrivals(network(Faults(reordering=0.1)))]
    late = sum(one > other for one, other in pairwise(times))
    assert 0.05 < late / COUNT < 0.15


def test_a_cut_stops_one_direction() -> None:
    net = network()
    net.cut(["a"], ["b", "c"])
    assert net.arrivals(net.link("a", "b"), 0.0) == ()
    assert len(net.arrivals(net.link("b", "a"), 0.0)) == 1
    net.mend(["a"], ["b", "c"])
    assert len(net.arrivals(net.link("a", "b"), 0.0)) == 1


def test_overlapping_cuts_end_when_the_last_ends() -> None:
    net = network()
    net.cut(["a"], ["b"])
    net.cut(["a", "c"], ["b"])
    net.mend(["a"], ["b"])
    assert net.arrivals(net.link("a", "b"), 0.0) == ()
    net.mend(["a", "c"], ["b"])
    assert net.arrivals(net.link("a", "b"), 0.0) != ()
    with pytest.raises(AssertionError, match="more often than cut"):
        net.mend(["a"], ["b"])


def test_nobody_is_cut_from_itself() -> None:
    net = network()
    net.cut(["a", "b"], ["a", "b"])
    assert len(net.arrivals(net.link("a", "a"), 0.0)) == 1


def test_what_is_sent_on_a_clogged_link_waits_in_order() -> None:
    net = network()
    net.clog("a", "b", 5.0)
    link = net.link("a", "b")
    times = [at_s for number in range(200) for at_s in net.arrivals(link, 4.9 + number * 0.001)]
    assert len(times) == 200
    assert min(times) >= 5.0
    assert times == sorted(times)


def test_healing_ends_cuts_clogs_and_losses() -> None:
    net = network(Faults(loss=1.0))
    net.cut(["a"], ["b"])
    net.clog("b", "a", 100.0)
    net.heal(CALM)
    assert all(len(times) == 1 for times in arrivals(net))
    assert net.arrivals(net.link("b", "a"), 1.0)[0] < 1.01


def test_regions_are_as_far_apart_as_the_matrix_says() -> None:
    net = network(Faults(wan_s=WAN))
    for name, region in (("a", "europe"), ("b", "australia"), ("c", "europe")):
        net.place(name, region)
    assert 0.125 < net.arrivals(net.link("a", "b"), 0.0)[0] < 0.127
    assert 0.125 < net.arrivals(net.link("b", "c"), 0.0)[0] < 0.127
    assert net.arrivals(net.link("a", "c"), 0.0)[0] < 0.002
