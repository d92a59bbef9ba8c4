"""Asyncio SDK for SMSBAT cascade messages and Goby ZNS notifications."""

from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    DeliveryFailedError,
    InvalidMessageError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    SmsBatError,
    TransportError,
)
from smsbat_async.hooks import (
    ChunkSent,
    DeliveryResolved,
    Event,
    Paused,
    PollDone,
    RequestFinished,
    RetryScheduled,
)
from smsbat_async.http import Request, Response
from smsbat_async.messages import CascadeMessage, MessageType, Receipt, Route, SendOutcome, SendResult
from smsbat_async.policies import AdaptivePollPolicy, Limits, PollPolicy, Rate, RetryPolicy
from smsbat_async.pool import SessionPool
from smsbat_async.statuses import (
    Delivery,
    DeliveryStatus,
    Fallback,
    MessageStatus,
    Outcome,
    StatusResult,
    ZnsStatus,
)
from smsbat_async.streams import ResultStream
from smsbat_async.tracking.poller import DeliveryPoller
from smsbat_async.transport.protocol import Attempt, Transport

__all__ = [
    "AdaptivePollPolicy",
    "ApiError",
    "Attempt",
    "AuthenticationError",
    "BadRequestError",
    "CascadeMessage",
    "ChunkSent",
    "ClientClosedError",
    "ConfigurationError",
    "Delivery",
    "DeliveryFailedError",
    "DeliveryPoller",
    "DeliveryResolved",
    "DeliveryStatus",
    "Event",
    "Fallback",
    "InvalidMessageError",
    "Limits",
    "MessageStatus",
    "MessageType",
    "NotFoundError",
    "NotSentError",
    "Outcome",
    "OutcomeUnknownError",
    "Paused",
    "PermissionDeniedError",
    "PollDone",
    "PollPolicy",
    "Rate",
    "RateLimitError",
    "Receipt",
    "Request",
    "RequestFinished",
    "Response",
    "ResponseError",
    "ResultStream",
    "RetryPolicy",
    "RetryScheduled",
    "Route",
    "SendOutcome",
    "SendResult",
    "ServerError",
    "SessionPool",
    "SmsBatClient",
    "SmsBatError",
    "StatusResult",
    "Transport",
    "TransportError",
    "ZnsClient",
    "ZnsStatus",
]
