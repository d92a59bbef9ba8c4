"""SMSBAT's cascade on one route: requests that send, and answers to them."""

import functools
from collections.abc import Callable, Sequence

from smsbat_async.errors import SmsBatError
from smsbat_async.http import Request
from smsbat_async.messages import CascadeMessage, Route, SendOutcome, SendResult
from smsbat_async.vendors.smsbat import CHUNK_MAXIMUM, SmsBat


class Cascade:
    """How cascade messages go out by one route.

    Args:
        vendor: The vendor, with its credentials.
        route: Which channels are tried first.
    """

    message_type = CascadeMessage
    chunk_maximum = CHUNK_MAXIMUM

    def __init__(self, vendor: SmsBat, route: Route) -> None:
        self.check_can_send = vendor.check_can_send
        self.send_request: Callable[[Sequence[CascadeMessage]], Request] = functools.partial(
            vendor.send_request, route=route
        )
        self.read_receipts = vendor.read_receipts

    def result(self, message: CascadeMessage, outcome: SendOutcome, error: SmsBatError) -> SendResult:
        """Return the result of a message that was not accepted."""
        return SendResult(message, outcome, None, error)
