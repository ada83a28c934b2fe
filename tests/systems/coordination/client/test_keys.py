"""Keys, pages, transactions."""

from pathlib import Path

import pytest

from serai.kernel.errors import Misconfigured
from serai.systems.coordination.client import (
    Client,
    Created,
    Delete,
    DistributedConfig,
    Get,
    KeyChanged,
    Put,
    Tls,
    Unchanged,
    ValueIs,
)
from serai.systems.coordination.client.endpoints import Endpoints
from serai.systems.coordination.client.words import prefix_end
from serai.systems.coordination.errors import Compacted, DuplicateKey


async def test_the_example_of_the_design(url: str) -> None:
    async with DistributedConfig(url) as config_store:
        begin = await config_store.set("/app/db_host", "db.example.com")
        async for event in config_store.watch("/app/", start_revision=begin):
            assert (event.key, event.value) == ("/app/db_host", "db.example.com")
            break


async def test_a_key_is_set_read_as_it_was_and_deleted(store: Client) -> None:
    first = await store.set("/k", "one")
    await store.set("/k", "two")
    item = await store.get("/k")
    assert item is not None and (item.value, item.version, item.create_revision) == ("two", 2, first)
    before = await store.get("/k", revision=first)
    assert before is not None and before.value == "one"
    assert (await store.get("/k", stale=True)) == item
    await store.delete("/k")
    assert await store.get("/k") is None


async def test_a_write_that_expects_another_revision_does_nothing(store: Client) -> None:
    first = await store.set("/k", "one", expected=0)
    with pytest.raises(KeyChanged, match="/k"):
        await store.set("/k", "two", expected=0)
    second = await store.set("/k", "two", expected=first)
    for write in (store.set("/k", "three", expected=first), store.delete("/k", expected=first)):
        with pytest.raises(KeyChanged):
            await write
    item = await store.get("/k")
    assert item is not None and item.value == "two"
    await store.delete("/k", expected=second)
    assert await store.count("/k") == 0


async def test_keys_and_values_may_be_any_bytes(store: Client) -> None:
    await store.set(b"/raw/\xff\x00", b"\xfe\x00")
    items, _ = await store.all("/raw/")
    (item,) = items.values()
    assert item.raw == b"\xfe\x00"
    assert await store.get(item.key) == item


async def test_all_reads_page_by_page_as_of_one_revision(store: Client) -> None:
    for number in range(7):
        await store.set(f"/all/{number}", str(number))
    await store.set("/alm", "beside")
    first = await store.page("/all/", limit=3)
    assert [item.key for item in first.items] == ["/all/0", "/all/1", "/all/2"]
    assert (first.count, first.next_key) == (7, "/all/2\x00")
    items, revision = await store.all("/all/", page_keys=3)
    assert [item.value for item in items.values()] == list("0123456")
    assert revision == first.revision and await store.count("/all/") == 7
    assert await store.delete_all("/all/") == 7 and await store.count("") == 1


async def test_a_transaction_does_one_thing_or_the_other(store: Client) -> None:
    done = await store.transact([Created("/t/1", 0)], [Put("/t/1", "a"), Put("/t/2", "b")], [Get("/t/1")])
    assert done.succeeded and done.found == ()
    again = await store.transact([Created("/t/1", 0)], [Put("/t/1", "c")], [Get("/t/1"), Get("/t/none")])
    assert not again.succeeded and again.found[1] is None
    assert again.found[0] is not None and again.found[0].value == "a"
    both = [ValueIs("/t/1", "a"), Created("/t/2", done.revision), Unchanged("/t/2", done.revision)]
    assert (await store.transact(both, [Delete("/t/", prefix=True)])).succeeded
    assert await store.count("/t/") == 0


async def test_refusals_of_the_store_are_errors_of_ours(store: Client) -> None:
    revision = await store.set("/k", "one")
    await store.set("/k", "two")
    await store.compact(revision + 1)
    with pytest.raises(Compacted):
        await store.get("/k", revision=revision)
    with pytest.raises(DuplicateKey, match=store.wire.endpoints[0]):
        await store.transact([], [Put("/k", "a"), Put("/k", "b")])


async def test_members_and_status(store: Client) -> None:
    (member,) = (await store.members()).members
    status = await store.status()
    assert status.leader == member.ID and status.header.member_id == member.ID


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a:1", ["http://a:1"]),
        ("http://a, https://b:3", ["http://a:2379", "https://b:3"]),
        ("http://ann:p%40ss@[::1]:5/", ["http://[::1]:5"]),
    ],
)
def test_endpoints_are_read(text: str, shown: list[str]) -> None:
    assert [str(one) for one in Endpoints.parse(text).members] == shown


def test_the_user_of_an_endpoint_is_not_shown() -> None:
    found = Endpoints.parse("http://ann:p%40ss@a:5,http://b")
    assert (found.user, found.password) == ("ann", "p@ss")
    with pytest.raises(Misconfigured) as raised:
        Endpoints.parse("ftp://ann:secret@a")
    assert "secret" not in str(raised.value)


def test_an_endpoint_names_the_files_of_tls() -> None:
    found = Endpoints.parse("https://a:1,https://b:2?cacert=/tls/ca.pem&cert=me.pem&key=me.key")
    assert [str(one) for one in found.members] == ["https://a:1", "https://b:2"]
    assert found.tls == Tls(Path("/tls/ca.pem"), Path("me.pem"), Path("me.key"))


@pytest.mark.parametrize(
    "text",
    [
        *("", " , ", "ftp://a", "http://", "http://a:x", "http://a:70000", "http://a/path"),
        *("http://a?cacert=ca.pem", "https://a?ca=ca.pem", "https://a?cacert=", "https://a?cert=me.pem"),
    ],
)
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured):
        Endpoints.parse(text)


@pytest.mark.parametrize(
    ("prefix", "end"), [(b"/a/", b"/a0"), (b"a\xff\xff", b"b"), (b"\xff", b"\x00"), (b"", b"\x00")]
)
def test_the_end_of_a_prefix(prefix: bytes, end: bytes) -> None:
    assert prefix_end(prefix) == end
