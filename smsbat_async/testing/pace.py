"""How fast the sandbox lives in tests, and how its clients keep up with it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from smsbat_async.policies import Limits, PollPolicy, RetryPolicy

EVERYTHING_ARRIVES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "undeliverable_share": 0.0,
        "permanent_error_share": 0.0,
        "never_ends_share": 0.0,
        "delay_spread": 0.0,
        "smsbat_webhook_secret": "sandbox-webhook-secret",
    }
)
"""What a test can rely on unless it says otherwise: every message is delivered, and in its own time."""


class Pace(NamedTuple):
    """How fast things go.

    Args:
        sandbox: Options of the sandbox.
        client: Arguments of clients.
    """

    sandbox: Mapping[str, Any]
    client: Mapping[str, Any]


LIFELIKE: Final = Pace(
    sandbox=MappingProxyType({}),
    client=MappingProxyType({"polling": PollPolicy(), "retry": RetryPolicy(), "limits": Limits()}),
)
"""As with the vendors: for virtual time, which costs nothing."""

FAST: Final = Pace(
    # Without rates: a test that polls as fast as this would meet them at once.
    # And with two retries soon: all that Zalo makes, as fast as this, would still take seven seconds.
    sandbox=MappingProxyType(
        {
            "speed": 1000.0,
            "status_rate": 0.0,
            "send_rate": 0.0,
            "webhook_retries": (100.0, 200.0),
        }
    ),
    client=MappingProxyType(
        {
            "polling": PollPolicy(
                initial=0.01, factor=1.5, maximum=0.1, timeout=2.0, jitter=0.0, allow_fast=True
            ),
            "retry": RetryPolicy(initial=0.01, maximum=0.05),
            "limits": Limits(status=None, send=None),
        }
    ),
)
"""A thousand times as fast: for real time, which a test should not spend."""
