"""Variables of cascade texts check themselves, know their placeholders, and show no value."""

from typing import Any

import pytest

from smsbat_async import (
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    InvalidMessageError,
    RequestFinished,
    ResponseError,
    RetryPolicy,
    Variable,
    VariableType,
)
from smsbat_async.variables import check_variables
from tests.support import ScriptedServer, answer, close, json_answer
from tests.support.cascade import Log, client_of

NAME = Variable(id=1, type=VariableType.NAME, value="Олена")


@pytest.mark.parametrize(
    ("kind", "value", "placeholder"),
    [
        ("name", "Олена", "%name=7%"),
        ("url", "https://shop.test/a", "%url=7%"),
        ("short_url", "http://shop.test/a", "%short_url=7%"),
    ],
)
def test_a_placeholder_names_the_type_and_the_id(kind: Any, value: str, placeholder: str) -> None:
    variable = Variable(id=7, type=kind, value=value)
    assert variable.placeholder == placeholder
    assert isinstance(variable.type, VariableType)


def test_a_value_is_not_shown() -> None:
    assert repr(NAME) == "Variable(%name=1%)"


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"id": 0}, "id", "invalid_id"),
        ({"id": "1"}, "id", "invalid_id"),
        ({"id": True}, "id", "invalid_id"),
        ({"type": "text"}, "type", "invalid_type"),
        ({"type": None}, "type", "invalid_type"),
        ({"value": ""}, "value", "missing_value"),
        ({"value": 5}, "value", "missing_value"),
        ({"value": "\ud83d"}, "value", "invalid_value"),
        ({"type": "url"}, "value", "invalid_url"),
        ({"type": "short_url", "value": "shop.test"}, "value", "invalid_url"),
    ],
)
def test_what_is_wrong_is_refused_by_name(changes: dict[str, Any], field: str, code: str) -> None:
    fields: dict[str, Any] = {"id": 1, "type": "name", "value": "Олена", **changes}
    with pytest.raises(InvalidMessageError) as caught:
        Variable(**fields)
    assert (caught.value.field, caught.value.code) == (field, code)


def test_one_value_may_be_given_twice_and_one_id_in_two_types() -> None:
    url = Variable(id=1, type=VariableType.URL, value="https://shop.test/a")
    assert check_variables(iter([NAME, url, NAME])) == [NAME, url]
    assert check_variables([]) == []


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([NAME, Variable(id=1, type=VariableType.NAME, value="Іван")], "repeated_id"),
        ([NAME, "x"], "no_variable"),
        ("text", "not_iterable"),
        (5, "not_iterable"),
    ],
    ids=["two values", "a text within", "a text", "a number"],
)
def test_others_are_refused(items: object, code: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        check_variables(items)
    assert (caught.value.field, caught.value.code) == ("items", code)


AT_ONCE = RetryPolicy(attempts=3, initial=0.0, maximum=0.0)


async def test_saving_goes_on_after_a_failure_since_it_writes_the_same_again() -> None:
    log = Log()
    script = [close(), answer(500), json_answer({"saved": 1})]
    async with (
        ScriptedServer(script) as server,
        client_of(server, retry=AT_ONCE, hooks=[log]) as client,
    ):
        await client.save_variables([NAME])
    assert [request.target for request in server.requests] == ["/api/items"] * 3
    assert len({request.body for request in server.requests}) == 1
    assert [event.kind for event in log.of(RequestFinished)] == ["send"] * 3


async def test_saving_that_is_refused_is_not_repeated() -> None:
    refusal = json_answer({"error": {"code": "LIMIT", "message": "Too many variables"}}, 400)
    async with ScriptedServer(refusal) as server, client_of(server, retry=AT_ONCE) as client:
        with pytest.raises(BadRequestError) as caught:
            await client.save_variables([NAME])
    assert caught.value.code == "LIMIT"
    assert len(server.requests) == 1


async def test_saving_into_a_page_is_no_success() -> None:
    retry = RetryPolicy(attempts=1)
    async with ScriptedServer(answer(200, b"<html>")) as server, client_of(server, retry=retry) as client:
        with pytest.raises(ResponseError):
            await client.save_variables([NAME])


async def test_saving_nothing_or_nonsense_asks_for_nothing() -> None:
    async with ScriptedServer(json_answer({})) as server:
        async with client_of(server) as client:
            await client.save_variables([])
            with pytest.raises(InvalidMessageError, match="items: must be Variable, not str"):
                await client.save_variables(["%name=1%"])  # type: ignore[list-item]
        with pytest.raises(ClientClosedError):
            await client.save_variables([NAME])
        async with client_of(server, api_key=None, username="user", password="secret") as other:
            with pytest.raises(ConfigurationError, match="cascades need api_key"):
                await other.save_variables([NAME])
    assert server.requests == []
