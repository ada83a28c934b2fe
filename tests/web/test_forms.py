"""A refused form keeps what was typed and says each problem at its field, in words for people."""

from typing import Annotated

import pytest
from pydantic import Field

from serai.kernel.errors import Conflict, FieldError, Invalid
from serai.runtime.http.models import Model
from serai.web.forms import Form


class Wanted(Model):
    name: Annotated[str, Field(min_length=1, max_length=5)]
    size: Annotated[int, Field(ge=1, le=9)] = 1
    prices: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)


class Taken(Conflict):
    code = "taken"


def test_texts_become_the_models_values() -> None:
    assert Form({"name": "a", "size": "3"}).read_as(Wanted) == Wanted(name="a", size=3)


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({}, "name", "Fill this in."),
        ({"name": ""}, "name", "Fill this in."),
        ({"name": "abcdef"}, "name", "At most 5 characters."),
        ({"name": "a", "size": "x"}, "size", "Write a whole number."),
        ({"name": "a", "size": "1.5"}, "size", "Write a whole number."),
        ({"name": "a", "size": "0"}, "size", "At least 1."),
        ({"name": "a", "size": "10"}, "size", "At most 9."),
        ({"name": "a", "size": "9" * 5000}, "size", "This number is too large."),
    ],
)
def test_each_problem_is_said_at_its_field(values: dict[str, str], field: str, said: str) -> None:
    form = Form(values)
    with pytest.raises(Invalid) as refusal:
        form.read_as(Wanted)
    again = form.refused(refusal.value)
    assert again.error(field) == said
    assert again.values == values and again.said == ""


def test_a_problem_beneath_a_field_is_the_fields() -> None:
    form = Form().refused(Invalid("no", errors=(FieldError("prices.Front row.amount", "x", "Too little."),)))
    assert form.error("prices.Front row") == "Too little."
    assert form.error("prices.Front") == ""


def test_a_problem_of_no_field_is_said_above_unless_its_code_names_one() -> None:
    assert Form().refused(Taken("It is taken.")).said == "It is taken."
    placed = Form().refused(Taken("It is taken."), fields={"taken": "name"})
    assert placed.error("name") == "It is taken." and placed.said == ""
