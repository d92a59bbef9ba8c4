"""What the sandbox counted."""

from dataclasses import dataclass, field

from smsbat_async.sandbox.endpoints import endpoint_names


def _per_kind() -> dict[str, int]:
    return {"status": 0, "send": 0, "zns": 0}


def _per_endpoint() -> dict[str, int]:
    return dict.fromkeys([*endpoint_names(), "other"], 0)


@dataclass(slots=True)
class Stats:
    """Counters since the sandbox was made, for tests to look at.

    Args:
        requests: Requests by endpoint, whatever became of them.
        answers: Answers by HTTP status, lost ones included.
        accepted: Messages that will be, or would be, delivered.
        duplicate_ids: Accepted messages whose tracking id had been accepted before.
        duplicate_phones: Accepted messages whose phone had been accepted before.
        refused: Requests refused for what they say: 400, or a ZNS send error.
        unauthorized: Requests with no valid credential.
        rate_limited: Requests answered 429 because of their rate.
        too_many: Requests answered 429 on purpose.
        failed: Requests answered 500 on purpose.
        reset: Requests not served, their connections reset on purpose.
        lost: Requests served, then dropped without an answer on purpose.
        slow: Requests answered late on purpose.
        garbage: Requests served, then answered with a page instead of JSON on purpose.
        unnamed: Accepted messages left out of the answer on purpose.
        forgotten: Messages dropped because there were more than `max_messages`.
        busiest_second: Most requests with a valid credential within one second, by kind; those answered
            429 or 500 count too.
    """

    requests: dict[str, int] = field(default_factory=_per_endpoint)
    answers: dict[int, int] = field(default_factory=dict[int, int])
    accepted: int = 0
    duplicate_ids: int = 0
    duplicate_phones: int = 0
    refused: int = 0
    unauthorized: int = 0
    rate_limited: int = 0
    too_many: int = 0
    failed: int = 0
    reset: int = 0
    lost: int = 0
    slow: int = 0
    garbage: int = 0
    unnamed: int = 0
    forgotten: int = 0
    busiest_second: dict[str, int] = field(default_factory=_per_kind)
