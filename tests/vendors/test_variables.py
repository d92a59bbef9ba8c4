"""SMSBAT's store of variables: the request as exact bytes, and answers of no known shape."""

import pytest

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ResponseError,
    Variable,
    VariableType,
)
from smsbat_async.http import LowerHeaders, Response
from smsbat_async.vendors.smsbat import SmsBat
from smsbat_async.vendors.variables import read_saved, save_request

ITEMS = [
    Variable(id=1, type=VariableType.NAME, value="Олена"),
    Variable(id=4, type=VariableType.SHORT_URL, value="https://shop.test/a?b=c"),
]


def answer(body: bytes, status: int = 200) -> Response:
    return Response(status, LowerHeaders(), body)


def test_the_request_is_these_bytes() -> None:
    request = save_request(SmsBat(api_key="key-1", viber_token="token"), ITEMS)
    assert (request.method, request.url, request.template) == (
        "POST",
        "https://restapi.smsbat.com/api/items",
        "/api/items",
    )
    assert (
        request.body
        == (
            '{"variables":[{"id":1,"type":"name","value":"Олена"},'
            '{"id":4,"type":"short_url","value":"https://shop.test/a?b=c"}]}'
        ).encode()
    )
    assert request.headers["X-Authorization-Key"] == "key-1"
    assert request.headers["X-Viber-Auth-Token"] == "token"


def test_http_basic_is_not_enough() -> None:
    with pytest.raises(ConfigurationError, match="cascades need api_key"):
        save_request(SmsBat(username="user", password="secret"), ITEMS)


@pytest.mark.parametrize("body", [b"", b" \n", b"{}", b"[]", b"true", b'{"error":null}', b'{"saved":2}'])
@pytest.mark.parametrize("status", [200, 201, 204])
def test_any_answer_that_speaks_of_no_error_is_success(body: bytes, status: int) -> None:
    assert read_saved(answer(body, status)) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b'{"error":"limit"}', b'{"error":{"code":"X"}}'])
def test_a_page_or_an_error_is_none(body: bytes) -> None:
    with pytest.raises(ResponseError) as caught:
        read_saved(answer(body))
    assert caught.value.kind == "unreadable"


@pytest.mark.parametrize(("status", "kind"), [(400, BadRequestError), (401, AuthenticationError)])
def test_an_error_of_http_is_that_error(status: int, kind: type[ApiError]) -> None:
    with pytest.raises(ApiError) as caught:
        read_saved(answer(b'{"error":{"code":"INVALID","message":"no"}}', status))
    assert type(caught.value) is kind
    assert caught.value.code == "INVALID"
