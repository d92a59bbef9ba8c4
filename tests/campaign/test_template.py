"""Texts with the fields of a row in them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import ConfigurationError, InvalidMessageError
from smsbat_async.campaign.template import Template


def test_a_field_is_the_value_of_its_column() -> None:
    template = Template("Вітаємо, {name}! Код {code}, ще раз {code}.")
    assert template.fields == ("name", "code")
    assert template.render({"name": "Їжак", "code": "042"}) == "Вітаємо, Їжак! Код 042, ще раз 042."


def test_doubled_braces_are_braces() -> None:
    assert Template("{{{a}}} {{b}}").render({"a": "1"}) == "{1} {b}"


def test_a_name_may_have_spaces_around_and_within() -> None:
    assert Template("{ first name }").render({"first name": "Ann"}) == "Ann"


@pytest.mark.parametrize("text", ["{", "}", "{}", "{ }", "{a", "a}", "{{a}", "{a}}", "{a{b}}"])
def test_a_brace_that_names_no_field_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"character [0-9]+"):
        Template(text)


@pytest.mark.parametrize("row", [{}, {"name": ""}, {"name": "  "}], ids=["missing", "empty", "blank"])
def test_a_field_that_is_not_there_is_an_error_that_names_it(row: dict[str, str]) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        Template("Hi {name}").render(row)
    assert (caught.value.field, caught.value.code) == ("name", "missing_field")


@pytest.mark.parametrize("name", ["a.b", "a[0]", "a!r", "a:>10", "0", "__class__"])
def test_nothing_but_the_name_means_anything(name: str) -> None:
    template = Template("{" + name + "}")
    assert template.fields == (name,)
    assert template.render({name: "plain"}) == "plain"


def test_a_value_is_not_looked_into() -> None:
    assert Template("{a}").render({"a": "{b} {{c}}", "b": "no"}) == "{b} {{c}}"


PLAIN = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]))
NAMES = st.text(string.ascii_letters, min_size=1)


@given(st.lists(st.tuples(PLAIN, NAMES)), PLAIN)
def test_the_text_around_fields_is_kept(pieces: list[tuple[str, str]], end: str) -> None:
    template = Template("".join(f"{text}{{{name}}}" for text, name in pieces) + end)
    row = {name: name.upper() for _, name in pieces}
    assert template.render(row) == "".join(text + name.upper() for text, name in pieces) + end
