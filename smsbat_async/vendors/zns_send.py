"""Goby ZNS: sending notifications, as bytes in and bytes out.

Follows Goby's developer pages, "Gửi tin nhắn ZNS". What could be read of them does not show the answer: it is
taken to be Zalo's own, as Goby's other answers are.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from smsbat_async.errors import SmsBatError
from smsbat_async.http import Request, Response
from smsbat_async.messages import SendOutcome
from smsbat_async.notifications import ZnsFallbackSms, ZnsMessage, ZnsQuota, ZnsReceipt, ZnsResult
from smsbat_async.vendors.answers import mismatch
from smsbat_async.vendors.zns import Zns, moment_of
from smsbat_async.vendors.zns_envelope import open_envelope, whole

PATH = "/api/message/send"


class RequestBody(msgspec.Struct, gc=False, omit_defaults=True):
    """A request."""

    phone: str
    template_id: str
    template_data: Mapping[str, str]
    tracking_id: str
    has_fallback_sms: bool = False
    fallback_sms: ZnsFallbackSms | None = None


_encoder = msgspec.json.Encoder()


class Notifications:
    """How ZNS notifications go out, one in each request.

    Args:
        vendor: The vendor, with its key.
    """

    message_type = ZnsMessage
    chunk_maximum = 1

    def __init__(self, vendor: Zns) -> None:
        self._vendor = vendor

    def check_can_send(self) -> None:
        """Check nothing: the one key is good for everything."""

    def send_request(self, messages: Sequence[ZnsMessage]) -> Request:
        """Return the request that sends one notification."""
        (message,) = messages
        body = RequestBody(
            phone=message.phone,
            template_id=message.template_id,
            template_data=message.template_data,
            tracking_id=message.tracking_id,
            has_fallback_sms=message.fallback_sms is not None,
            fallback_sms=message.fallback_sms,
        )
        return self._vendor.post(PATH, _encoder.encode(body))

    def result(self, message: ZnsMessage, outcome: SendOutcome, error: SmsBatError) -> ZnsResult:
        """Return the result of a notification that was not accepted."""
        return ZnsResult(message, outcome, None, error)

    def read_receipts(
        self, response: Response, messages: Sequence[ZnsMessage]
    ) -> tuple[list[ZnsResult], tuple[str, ...]]:
        """Return what became of the notification.

        Args:
            response: The answer.
            messages: The one notification of the request.

        Raises:
            ApiError: If the vendor answered with an error, in the envelope or by the HTTP status.
            ResponseError: If the answer is unreadable, or gives no id.
        """
        (message,) = messages
        data = open_envelope(response).get("data")
        if not isinstance(data, dict):
            data = {}
        # Zalo calls it msg_id; message_id is what Goby's status request calls the same thing.
        given = data.get("msg_id") or data.get("message_id")
        if isinstance(given, bool) or not isinstance(given, str | int):
            raise mismatch(response, "the answer gives no id to this notification")
        receipt = ZnsReceipt(
            message_id=str(given),
            tracking_id=message.tracking_id,
            sent_time=_moment(data.get("sent_time")),
            sending_mode=_word(data.get("sending_mode")),
            quota=quota_in(data.get("quota")),
        )
        return [ZnsResult(message, SendOutcome.ACCEPTED, receipt)], ()


def quota_in(data: Any) -> ZnsQuota | None:
    """Return the quota in an object of an answer, which may spell numbers as text, or None."""
    if not isinstance(data, dict):
        return None
    daily, remaining = whole(data.get("dailyQuota")), whole(data.get("remainingQuota"))
    return None if daily is None or remaining is None else ZnsQuota(daily, remaining)


def _moment(value: Any) -> dt.datetime | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return moment_of(value, "sent_time")


def _word(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) else None
