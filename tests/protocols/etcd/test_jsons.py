"""JSON as etcd's gateway has it: a twin that is protobuf's own reader, and what is refused."""

import base64
import json
from random import Random

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.etcd.samples import fill

from serai.protocols.etcd.jsons import BadJson, Objects, from_json, to_object
from serai.protocols.etcd.messages import message, rpc
from serai.protocols.etcd.table import MESSAGES

ANY_MESSAGE = st.sampled_from(sorted(MESSAGES))


@given(ANY_MESSAGE, st.booleans(), st.booleans())
def test_it_reads_what_protobuf_reads(name: str, camel: bool, defaults: bool) -> None:
    kind = message(name)
    text = json_format.MessageToJson(
        fill(kind()), preserving_proto_field_name=not camel, always_print_fields_with_no_presence=defaults
    )
    assert from_json(text.encode(), kind) == json_format.Parse(text, kind())


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_what_it_writes_it_reads(name: str) -> None:
    whole = fill(message(name)())
    assert from_json(json.dumps(to_object(whole)).encode(), message(name)) == whole


def test_answers_say_numbers_and_bytes_as_text_and_leave_zeros_out() -> None:
    answer = rpc.RangeResponse(header=rpc.ResponseHeader(revision=7), count=2**40)
    answer.kvs.add(key=b"\xff", value=b"", version=1)
    assert to_object(answer) == {
        "header": {"revision": "7"},
        "kvs": [{"key": "/w==", "version": "1"}],
        "count": "1099511627776",
    }


@pytest.mark.parametrize("number", ["5", '"5"', "5.0"])
def test_numbers_come_in_each_way(number: str) -> None:
    body = f'{{"limit": {number}, "sortOrder": 2, "unheard": [1]}}'.encode()
    assert from_json(body, rpc.RangeRequest) == rpc.RangeRequest(limit=5, sort_order=2)


@pytest.mark.parametrize("text", ["-_8", "-_8=", "+/8=", "+/8"])
def test_base64_comes_in_each_way(text: str) -> None:
    assert from_json(json.dumps({"key": text}).encode(), rpc.PutRequest).key == base64.b64decode("+/8=")


def test_nothing_is_an_empty_request() -> None:
    assert from_json(b"", rpc.StatusRequest) == from_json(b"{}", rpc.StatusRequest) == rpc.StatusRequest()
    assert from_json(b'{"key": null}', rpc.PutRequest) == rpc.PutRequest()


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"{", "not JSON"),
        (b"[]", "RangeRequest is no object"),
        (b'{"key": "a*b"}', r"RangeRequest\.key is no base64: 'a\*b'"),
        (b'{"key": "caf\xc3\xa9"}', "no base64"),
        (b'{"key": 5}', "no base64 text"),
        (b'{"limit": "x"}', r"RangeRequest\.limit is no whole number"),
        (b'{"limit": 1.5}', "no whole number"),
        (b'{"limit": true}', "no whole number"),
        (b'{"limit": "99999999999999999999"}', "cannot be"),
        (b'{"keys_only": 1}', "no boolean"),
        (b'{"sort_order": "UPWARDS"}', "cannot be 'UPWARDS'"),
    ],
)
def test_what_is_no_request_says_where(body: bytes, complaint: str) -> None:
    with pytest.raises(BadJson, match=complaint):
        from_json(body, rpc.RangeRequest)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"create_request": {"filters": ["NOTHING"]}}', r"create_request\.filters cannot be 'NOTHING'"),
        (b'{"create_request": {"filters": 1}}', "filters is no list"),
        (b'{"create_request": 1}', "create_request is no object"),
    ],
)
def test_what_is_inside_is_looked_at_too(body: bytes, complaint: str) -> None:
    with pytest.raises(BadJson, match=complaint):
        from_json(body, rpc.WatchRequest)


OBJECTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('"\\\\{}[]a é'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\\\{}'), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text('"\\\\{}[]x'), OBJECTS, max_size=3), max_size=4),
    st.sampled_from(["", "\n", " \t"]),
    st.randoms(use_true_random=False),
)
def test_objects_come_in_any_cut(objects: list[dict[str, object]], between: str, chance: Random) -> None:
    text = between.join(json.dumps(one, ensure_ascii=False) for one in objects).encode()
    splitter = Objects(1_000_000)
    found: list[bytes] = []
    at = 0
    while at < len(text):
        size = chance.choice((1, 2, 3, 50))
        found += splitter.feed(text[at : at + size])
        at += size
    assert [json.loads(one) for one in found] == objects
    assert splitter.rest == b""


def test_an_object_of_a_stream_has_an_end() -> None:
    with pytest.raises(BadJson, match="more than 10 bytes"):
        Objects(10).feed(b'{"key": "aaaa')
    with pytest.raises(BadJson, match="ends before it begins"):
        Objects(10).feed(b"}")
    unfinished = Objects(10)
    assert unfinished.feed(b'{} {"a') == [b"{}"] and unfinished.rest == b'{"a'


def test_nesting_has_an_end() -> None:
    nested: dict[str, object] = {}
    for _ in range(20):
        nested = {"success": [{"request_txn": nested}]}
    with pytest.raises(BadJson, match="more than 32 deep"):
        from_json(json.dumps(nested).encode(), rpc.TxnRequest)
