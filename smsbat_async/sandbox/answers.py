"""What goes back: status, body and headers as plain values, and the refusals among them."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from smsbat_async.sandbox.wire import HttpErrorAnswer, encode

# Python renamed some phrases in 3.13, when their standard did; an answer must not depend on that.
_PHRASES = {413: "Content Too Large"}
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Answer(NamedTuple):
    """An HTTP answer.

    Args:
        status: HTTP status.
        body: JSON, unless the content type says otherwise.
        headers: More headers than the content type.
        content_type: Media type of the body.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = _NO_HEADERS
    content_type: str = "application/json"


class RefusedError(Exception):
    """A request that is refused for what it says.

    Args:
        answer: What the vendor answers.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def http_error(status: int, message: str, headers: Mapping[str, str] = _NO_HEADERS) -> Answer:
    """Make an error of SMSBAT's general kind (SMSBAT, Error Codes and Rate Limits).

    Args:
        status: HTTP status.
        message: What is wrong.
        headers: More headers than the content type.

    Returns:
        The answer; its `error` is a text, unlike a cascade's.
    """
    phrase = _PHRASES.get(status) or HTTPStatus(status).phrase
    return Answer(status, encode(HttpErrorAnswer(status, phrase, message)), headers)
