"""The page of differences lists what there is to see, each with a reason; and what compares can tell two engines apart.

That a listed step differs and an unlisted one does not is asserted by each suite, step by step."""

from tests.conformance.coordination.listed import PAGE, read
from tests.conformance.coordination.test_clients import SUITES
from tests.conformance.coordination.test_etcdctl import FOR_THE_OLD_CLIENT, OF_ONE, OF_THREE
from tests.conformance.coordination.transcripts import Transcript, differences
from tools.engines import KINDS


def test_every_line_is_of_a_story_and_an_engine_that_there_are() -> None:
    stories = {f"etcdctl {name}" for name in OF_ONE | OF_THREE} | {"gateway", *SUITES}
    stories |= {f"etcdctl of 3.4 {name}" for name in FOR_THE_OLD_CLIENT}
    lines = read(PAGE.read_text())
    assert {one.story for one in lines} <= stories
    assert {one.engine for one in lines} <= set(KINDS)
    assert len(lines) == sum(line.startswith("- ") for line in PAGE.read_text().splitlines()), "a line is not read"


def test_every_difference_is_explained_or_says_itself_what_it_is() -> None:
    for section in PAGE.read_text().split("\n### ")[1:]:
        heading, _, body = section.partition("\n")
        lines = [line for line in body.splitlines() if line and not line.startswith(("- ", "## "))]
        assert lines or "came with" in heading, f"{heading!r} has no reason"


def test_what_differs_shows() -> None:
    """The control: what one engine says and another does not, or otherwise, is a difference by its step's name."""
    one, other = Transcript(), Transcript()
    one.add("get a", "a\n1")
    other.add("get a", "a\n2")
    other.add("get b", "")
    assert set(differences(one, other)) == {"get a", "get b"}


def test_ids_keep_their_identity() -> None:
    one, other = Transcript(), Transcript()
    one.add("revoke 694d7711ab8f2b04", f"694d7711ab8f2b04 revoked, {0x694D7711AB8F2B04} renewed")
    other.add("revoke 694d7711ab8f2bff", "694d7711ab8f2b01 revoked, 694d7711ab8f2b01 renewed")
    assert one.steps == {"revoke ID1": "ID1 revoked, ID1 renewed"}
    assert other.steps == {"revoke ID1": "ID2 revoked, ID2 renewed"}


def test_what_differs_by_chance_does_not() -> None:
    one, other = Transcript(), Transcript()
    one.add("endpoint", "127.0.0.1:2379 is healthy: took = 1.2ms")
    other.add("endpoint", "127.0.0.1:4001 is healthy: took = 900µs")
    one.add("status", '{"raft_term": 2, "dbSize": 20480, "revision": 3, "kvs": [{"version": 1}]}')
    other.add("status", '{"raft_term": 9, "dbSize": 90000, "revision": 3, "kvs": [{"version": 2}]}')
    assert set(differences(one, other)) == {"status"}, "of these only a key's version is what an engine says"
