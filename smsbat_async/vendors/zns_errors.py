"""The errors in the envelope of an answer of ZNS: Zalo's table of codes.

Whether Goby passes Zalo's codes on unchanged is not documented. A code that is in no class is a plain
ApiError.
"""

from smsbat_async.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    PermissionDeniedError,
    QuotaError,
    RecipientError,
    ServerError,
)
from smsbat_async.http import Response

TRY_LATER = frozenset({-100})
AUTHENTICATION = frozenset({-124, -1241, -216, -220})
CONFIGURATION = frozenset(
    {-101, -102, -103, -104, -105, -106, -117, -120, -1201, -1202, -125, -135, -1351}
    | {-136, -137, -138, -1381}
)
REQUEST = frozenset(
    {
        -107,
        -108,
        -109,
        -1091,
        -111,
        -112,
        -1121,
        -1122,
        -1123,
        -1124,
        -113,
        -1131,
        -116,
        -121,
        -122,
        -123,
        -130,
    }
    | {-131, -132, -153, -161, -162}
)
RECIPIENT = frozenset({-110, -114, -118, -119, -139, -140, -141})
QUOTA = frozenset({-115, -126, -144, -1441, -147, -1471, -1472, -160})
OTHER_REFUSALS = frozenset(
    # The hour, test templates, keys, content, a bad template, journeys, files.
    {-133, -127, -128, -129, -142, -143, -151, -152, -134, -145, -146, -148, -149, -1491, -150, -158, -159}
)

_CLASSES: dict[int, type[ApiError]] = {
    **dict.fromkeys(TRY_LATER, ServerError),
    **dict.fromkeys(AUTHENTICATION, AuthenticationError),
    **dict.fromkeys(CONFIGURATION, PermissionDeniedError),
    **dict.fromkeys(REQUEST, BadRequestError),
    **dict.fromkeys(OTHER_REFUSALS, BadRequestError),
    **dict.fromkeys(RECIPIENT, RecipientError),
    **dict.fromkeys(QUOTA, QuotaError),
}


def envelope_error(response: Response, code: int, message: str | None) -> ApiError:
    """Return the error that an envelope speaks of.

    Args:
        response: The answer that it is in.
        code: The envelope's `error`, not 0.
        message: The envelope's `message`.
    """
    return _CLASSES.get(code, ApiError)(
        status_code=response.status, code=str(code), message=message, body=response.body
    )
