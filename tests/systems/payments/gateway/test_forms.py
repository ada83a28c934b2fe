import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from serai.systems.payments.gateway.errors import GatewayError, InvalidRequest
from serai.systems.payments.gateway.forms import DEPTH_MAX, nest, pairs


@pytest.mark.parametrize(
    ("body", "tree"),
    [
        (b"", {}),
        (b"amount=1250&currency=eur", {"amount": "1250", "currency": "eur"}),
        (b"metadata[order]=7&metadata[seat]=A+1", {"metadata": {"order": "7", "seat": "A 1"}}),
        (b"metadata%5Border%5D=%C3%A9", {"metadata": {"order": "é"}}),
        (b"expand[]=a&expand[]=b", {"expand": ["a", "b"]}),
        (b"expand[0]=a&expand[1]=b", {"expand": ["a", "b"]}),
        (b"created[gte]=1&created[lt]=2", {"created": {"gte": "1", "lt": "2"}}),
        (b"metadata=", {"metadata": ""}),
        (b"list[0][name]=a", {"list": [{"name": "a"}]}),
    ],
)
def test_bodies_become_trees(body: bytes, tree: object) -> None:
    assert nest(pairs(body)) == tree


@pytest.mark.parametrize(
    "body",
    [
        b"a[b=1",
        b"a]=1",
        b"[a]=1",
        b"=1",
        b"a[b]c=1",
        b"a=1&a[b]=2",
        b"a[b]=2&a=1",
        b"a[b]=1&a[b][c]=2",
        b"a" + b"[x]" * DEPTH_MAX + b"=1",
        b"%ff=1",
        b"no-equals-sign",
        b"&".join(b"a%d=1" % n for n in range(501)),
    ],
)
def test_malformed_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        nest(pairs(body))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        nest(pairs(body))
    except GatewayError as refused:
        assert refused.status == 400


_WORDS = st.text("abcdefghij_", min_size=1, max_size=8)


@given(
    st.dictionaries(
        _WORDS, _WORDS | st.lists(_WORDS, min_size=1, max_size=4) | st.dictionaries(_WORDS, _WORDS, min_size=1)
    )
)
def test_what_the_official_client_writes_is_read_as_it_was_meant(params: dict[str, object]) -> None:
    assert nest([(name, str(value)) for name, value in _api_encode(params)]) == params
