"""The names of attributes and metrics.

Those of OpenTelemetry are from its semantic conventions 1.44 for HTTP, messaging, URLs, servers and errors;
those of messaging and `url.template` are not stable there yet. What has no name there begins with `smsbat.`.
"""

from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

# HTTP and general conventions
HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_REQUEST_RESEND_COUNT: Final = "http.request.resend_count"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
URL_SCHEME: Final = "url.scheme"
URL_TEMPLATE: Final = "url.template"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
HTTP_CLIENT_REQUEST_DURATION: Final = "http.client.request.duration"

# messaging conventions
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_DESTINATION_NAME: Final = "messaging.destination.name"
MESSAGING_BATCH_MESSAGE_COUNT: Final = "messaging.batch.message_count"
MESSAGING_MESSAGE_ID: Final = "messaging.message.id"
MESSAGING_CLIENT_OPERATION_DURATION: Final = "messaging.client.operation.duration"

# ours
OUTCOME: Final = "smsbat.outcome"
"""What became of a message: of its send, or of its delivery."""
SOURCE: Final = "smsbat.source"
"""Who brought the news of a delivery: `poll`, `webhook` or `cache`."""
POLLS: Final = "smsbat.polls"
KIND: Final = "smsbat.request.kind"
"""Under which rate a request falls: `status` or `send`."""
LAG_BASIS: Final = "smsbat.lag.basis"
"""What a detection lag was counted from: `vendor`, the time that the vendor told, or `poll`."""
COUNT_BY_OUTCOME: Final = "smsbat.messages."
"""With an outcome behind it: how many messages of a batch had it."""

REQUEST_BOUNDARIES: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""The buckets that the conventions advise for the durations of requests and operations, in seconds."""

DELIVERY_BOUNDARIES: Final = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
"""The buckets for deliveries and for how late they are noticed, in seconds."""


@lru_cache(maxsize=64)
def server(host: str) -> dict[str, str | int]:
    """Return the attributes of a vendor's host, to be copied and not changed.

    Args:
        host: The scheme, the name and the port: `https://restapi.smsbat.com:443`.
    """
    parts = urlsplit(host)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    return {SERVER_ADDRESS: parts.hostname or host, SERVER_PORT: port, URL_SCHEME: parts.scheme}
