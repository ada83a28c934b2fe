import pytest

from serai.systems.payments.gateway import params
from serai.systems.payments.gateway.errors import InvalidRequest

GOOD = {"amount": "1250", "currency": "EUR"}


def test_a_creation_is_read_with_its_types() -> None:
    form = GOOD | {"confirm": "true", "metadata": {"order": "7"}, "expand": ["latest_charge"]}
    read = params.read_all(params.INTENT_CREATE, form)
    assert read == {
        "amount": 1250,
        "currency": "eur",
        "confirm": True,
        "metadata": {"order": "7"},
        "expand": ["latest_charge"],
    }


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"colour": "red"}, "colour", "parameter_unknown"),
        ({"automatic_payment_methods": {"colour": "red"}}, "automatic_payment_methods[colour]", "parameter_unknown"),
        ({"amount": "12.50"}, "amount", "parameter_invalid_integer"),
        ({"amount": "-1"}, "amount", "parameter_invalid_integer"),
        ({"amount": "0"}, "amount", "parameter_invalid_integer"),
        ({"amount": "49"}, "amount", "amount_too_small"),
        ({"amount": "100000000"}, "amount", "amount_too_large"),
        ({"amount": {"x": "1"}}, "amount", "parameter_invalid_integer"),
        ({"currency": ""}, "currency", "parameter_invalid_empty"),
        ({"currency": "euro"}, "currency", ""),
        ({"currency": "zzz"}, "currency", ""),
        ({"confirm": "yes"}, "confirm", ""),
        ({"capture_method": "later"}, "capture_method", ""),
        ({"return_url": "javascript:alert(1)"}, "return_url", "url_invalid"),
        ({"return_url": "http://[::1"}, "return_url", "url_invalid"),
        ({"metadata": {"k" * 41: "v"}}, f"metadata[{'k' * 40}]", ""),
        ({"metadata": {"k": "v" * 501}}, "metadata[k]", ""),
        ({"metadata": "text"}, "metadata", ""),
        ({"expand": "latest_charge"}, "expand", ""),
        ({"description": {"x": "y"}}, "description", ""),
    ],
)
def test_a_bad_parameter_is_named(change: dict[str, object], param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        params.read_all(params.INTENT_CREATE, GOOD | change)
    assert (refused.value.param, refused.value.wire_code) == (param, code)


@pytest.mark.parametrize(
    ("raw", "bounds"),
    [("5", {"gte": 5, "lte": 5}), ({"gte": "1", "lt": "9"}, {"gte": 1, "lt": 9})],
)
def test_time_ranges(raw: object, bounds: object) -> None:
    assert params.read_all(params.PAGE, {"created": raw})["created"] == bounds


def test_metadata_merges_and_unsets() -> None:
    before = {"a": "1", "b": "2"}
    assert params.merged(before, {"b": "", "c": "3"}) == {"a": "1", "c": "3"}
    assert params.merged(before, None) == {}
    with pytest.raises(InvalidRequest):
        params.merged({str(n): "x" for n in range(50)}, {"one more": "x"})
