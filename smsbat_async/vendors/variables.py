"""SMSBAT's store of variables for cascade texts, `POST /api/items`, as bytes in and bytes out.

Follows SMSBAT's help, "Message Variables", which does not show what the vendor answers.
"""

from collections.abc import Sequence

import msgspec

from smsbat_async.http import Request, Response
from smsbat_async.variables import Variable
from smsbat_async.vendors.answers import parse, unreadable
from smsbat_async.vendors.outcome import error_of
from smsbat_async.vendors.smsbat import SmsBat

PATH = "/api/items"

_encoder = msgspec.json.Encoder()


def save_request(vendor: SmsBat, variables: Sequence[Variable]) -> Request:
    """Return the request that saves some variables.

    Raises:
        ConfigurationError: If no credential that cascades take was given.
    """
    return vendor.cascade_post(PATH, _encoder.encode({"variables": variables}))


def read_saved(response: Response, _: object = None) -> None:
    """Check that variables were saved, as far as can be told: nothing is known of the answer's shape.

    Raises:
        ApiError: If the vendor answered with an error.
        ResponseError: If the answer is no JSON, a web page say, or speaks of an error.
    """
    error = error_of(response)
    if error is not None:
        raise error
    if not response.body.strip():
        return
    answer = parse(response)
    if isinstance(answer, dict) and answer.get("error"):
        raise unreadable(response, "the answer speaks of an error")
