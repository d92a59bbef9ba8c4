"""What the sandbox is told to be: one frozen set of options that checks itself."""

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

from smsbat_async.sandbox.channels import DEFAULT_CHANNELS, Channel
from smsbat_async.sandbox.checks import check_rate, check_seconds, check_share, check_text, check_url

Outcome = Literal["delivered", "undeliverable", "permanenterror", "never"]
OUTCOMES = get_args(Outcome)
_FAULTS_ON = ("all", "send", "status")
_WEBHOOK_STATUSES = ("terminal", "all")

_T = TypeVar("_T")


def _option(default: _T, about: str) -> _T:
    # The one text per option that both --help and the documentation's table are held to.
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxConfig:
    """Every option of the sandbox; the defaults are the vendors' documented behaviour where there is one.

    Args:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        seed: Start of all randomness; the same seed gives the same fates. None differs with every run.
        api_key: SMSBAT key, for `X-Authorization-Key` and as the password of Basic user `@`.
        username: SMSBAT login for HTTP Basic.
        password: SMSBAT password for HTTP Basic.
        viber_token: Accepted `X-Viber-Auth-Token`.
        telegram_key: Accepted `X-Tg-Bot-Key`.
        zns_key: Accepted ZNS key.
        zns_header: Name of the header that carries the ZNS key.
        undeliverable_share: Share of messages that end `undeliverable`, 0 to 1.
        permanent_error_share: Share of messages that end `permanenterror`, 0 to 1.
        never_ends_share: Share of messages that stay `processing` for good, 0 to 1; the rest is delivered.
        outcomes: Phone as it is sent to the outcome of all its messages, whatever the shares say.
        channels: Every channel that a route may name.
        standard_route: Channel names in the order they are tried by the standard cascade.
        tg_viber_route: The same for the Telegram-Viber cascade.
        flashcall_route: The same for `flashcall` messages of either cascade.
        zns_route: The same for ZNS.
        queue_delay: Median seconds that a message stays `scheduled`.
        delay_spread: Sigma of the lognormal delays; 0 makes every delay its median.
        speed: How many times faster than the delays and ttls say messages live.
        refused_senders: Values of `fromName` that are refused.
        refused_phones: Phones that are refused, as they are sent.
        fail_share: Share of requests answered with HTTP 500 before anything is accepted, 0 to 1.
        lose_share: Share of requests that are served and then dropped without an answer, 0 to 1.
        slow_share: Share of requests answered late, 0 to 1.
        slow_seconds: How late, in seconds.
        reset_share: Share of requests whose connection is reset before anything is done, 0 to 1.
        too_many_share: Share of requests answered with HTTP 429 whatever their rate, 0 to 1.
        garbage_share: Share of requests that are served and then answered with a page, 0 to 1.
        faults_on: Which requests the shares above apply to: `all`, `send` or `status`.
        incomplete_share: Share of accepted cascade messages that the answer does not name, 0 to 1.
        shuffle: Whether the answer to a cascade names its messages in any order.
        status_rate: SMSBAT status requests per second, on average; 0 is unlimited.
        status_burst: Most status requests within any one second.
        send_rate: SMSBAT send requests per second, on average; 0 is unlimited.
        send_burst: Most send requests within any one second.
        retry_after: Whole seconds for a `Retry-After` header with 429; None sends no such header.
        smsbat_webhook_url: Where SMSBAT's webhooks are sent; None sends none.
        smsbat_webhook_secret: Value of the header `X-Webhook-Secret` of those; None sends no such header.
        zns_webhook_url: Where ZNS's webhooks are sent; None sends none.
        zns_app_id: `app_id` of ZNS's webhooks, which is part of what is signed.
        zns_oa_id: `sender.id` of ZNS's webhooks.
        zns_oa_secret: What ZNS's webhooks are signed with.
        webhook_statuses: `terminal` sends SMSBAT's webhooks for ends only, `all` for every status.
        webhook_delay: Median seconds from a change to its webhook.
        webhook_duplicate_share: Share of webhooks that are sent twice, 0 to 1.
        webhook_shuffle_share: Share of webhooks held back until the message's next one was sent, 0 to 1;
            a message's last one has no next.
        webhook_lose_share: Share of webhooks that are never sent, 0 to 1.
        webhook_retries: Seconds after which a webhook that was not answered 2xx is sent again, each counted
            from the attempt before; then it is given up.
        webhook_backlog: Most webhooks that wait to be sent; what comes above that is not sent, and counted.
        currency: Value of `rateCurrency` and `billCurrency`.
        max_messages: Messages remembered; above it the oldest are forgotten.
        max_body: Largest request body in bytes.

    Raises:
        ValueError: If a value is out of its range; the text names the field.
    """

    host: str = _option("127.0.0.1", "address to listen on")
    port: int = _option(0, "TCP port; 0 takes a free one")
    seed: int | None = _option(1, "start of all randomness; the same seed gives the same fates")

    api_key: str = _option("sandbox-key", "X-Authorization-Key, and the password of Basic user @")
    username: str = _option("sandbox", "SMSBAT login for HTTP Basic")
    password: str = _option("sandbox", "SMSBAT password for HTTP Basic")
    viber_token: str = _option("sandbox-viber-token", "X-Viber-Auth-Token")
    telegram_key: str = _option("sandbox-telegram-key", "X-Tg-Bot-Key")
    zns_key: str = _option("sandbox-zns-key", "ZNS key")
    zns_header: str = _option("access_token", "name of the header that carries the ZNS key")

    undeliverable_share: float = _option(0.04, "share of messages that end undeliverable")
    permanent_error_share: float = _option(0.01, "share of messages that end permanenterror")
    never_ends_share: float = _option(0.01, "share of messages that stay processing for good")
    outcomes: Mapping[str, Outcome] = field(
        default_factory=dict[str, Outcome], metadata={"about": "outcome of every message to one phone"}
    )

    channels: tuple[Channel, ...] = _option(
        DEFAULT_CHANNELS, "a channel with its share of success, median seconds and cost"
    )
    standard_route: tuple[str, ...] = _option(
        ("telegram", "viber", "rcs", "sms"), "channels of the standard cascade, in order"
    )
    tg_viber_route: tuple[str, ...] = _option(
        ("telegram", "viber", "rcs", "sms"), "channels of the Telegram-Viber cascade, in order"
    )
    flashcall_route: tuple[str, ...] = _option(("flashcall",), "channels of a flashcall, in order")
    zns_route: tuple[str, ...] = _option(("zalo",), "channels of a ZNS message, in order")
    queue_delay: float = _option(1.0, "median seconds that a message stays scheduled")
    delay_spread: float = _option(0.5, "sigma of the lognormal delays; 0 makes each its median")
    speed: float = _option(1.0, "how many times faster than delays and ttls say messages live")

    refused_senders: AbstractSet[str] = _option(frozenset[str](), "a sender name that is refused")
    refused_phones: AbstractSet[str] = _option(frozenset[str](), "a phone that is refused")

    fail_share: float = _option(0.0, "share of requests answered 500, nothing accepted")
    lose_share: float = _option(0.0, "share of requests served, then dropped unanswered")
    slow_share: float = _option(0.0, "share of requests answered late")
    slow_seconds: float = _option(5.0, "seconds that a late answer takes")
    reset_share: float = _option(0.0, "share of requests whose connection is reset, nothing accepted")
    too_many_share: float = _option(0.0, "share of requests answered 429 whatever their rate")
    garbage_share: float = _option(0.0, "share of requests served, then answered with a page of HTML")
    faults_on: Literal["all", "send", "status"] = _option(
        "all", "which requests those apply to: all, send, status"
    )
    incomplete_share: float = _option(0.0, "share of accepted messages that the answer does not name")
    shuffle: bool = _option(False, "name the messages of an answer in any order")

    status_rate: float = _option(50.0, "status requests per second, on average; 0 is unlimited")
    status_burst: int = _option(75, "most status requests within any one second")
    send_rate: float = _option(100.0, "send requests per second, on average; 0 is unlimited")
    send_burst: int = _option(150, "most send requests within any one second")
    retry_after: int | None = _option(None, "seconds for a Retry-After header with 429; none is sent without")

    smsbat_webhook_url: str | None = _option(None, "where SMSBAT's webhooks are sent")
    smsbat_webhook_secret: str | None = _option(None, "X-Webhook-Secret of SMSBAT's webhooks")
    zns_webhook_url: str | None = _option(None, "where ZNS's webhooks are sent")
    zns_app_id: str = _option("sandbox-app", "app_id of ZNS's webhooks, part of what is signed")
    zns_oa_id: str = _option("1234567890123456789", "sender.id of ZNS's webhooks")
    zns_oa_secret: str = _option("sandbox-oa-secret", "what ZNS's webhooks are signed with")
    webhook_statuses: Literal["terminal", "all"] = _option(
        "terminal", "which statuses SMSBAT's webhooks tell: terminal, all"
    )
    webhook_delay: float = _option(0.5, "median seconds from a change to its webhook")
    webhook_duplicate_share: float = _option(0.0, "share of webhooks that are sent twice")
    webhook_shuffle_share: float = _option(
        0.0, "share of webhooks that the message's next one overtakes, if it has one"
    )
    webhook_lose_share: float = _option(0.0, "share of webhooks that are never sent")
    webhook_retries: tuple[float, ...] = _option(
        (30.0, 300.0, 900.0, 1800.0, 3600.0), "seconds after which an unanswered webhook is sent again"
    )
    webhook_backlog: int = _option(100_000, "webhooks that wait to be sent; what comes above is dropped")

    currency: str = _option("USD", "currency of rates and bills")
    max_messages: int = _option(200_000, "messages remembered; above it the oldest are forgotten")
    max_body: int = _option(8 * 1024 * 1024, "largest request body in bytes")

    @property
    def delivered_share(self) -> float:
        """Share of messages that are delivered: what the other three shares leave."""
        return max(0.0, 1.0 - self.undeliverable_share - self.permanent_error_share - self.never_ends_share)

    def route(self, names: tuple[str, ...]) -> tuple[Channel, ...]:
        """Find the channels of a route.

        Args:
            names: Channel names in order; one of this object's routes.

        Returns:
            The channels in that order.
        """
        by_name = {channel.name: channel for channel in self.channels}
        return tuple(by_name[name] for name in names)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be 0 to 65535, not {self.port}")
        for name in ("host", "api_key", "username", "password", "viber_token", "telegram_key"):
            check_text(name, getattr(self, name))
        for name in ("zns_key", "zns_header", "currency"):
            check_text(name, getattr(self, name))
        for name in ("zns_app_id", "zns_oa_id", "zns_oa_secret"):
            check_text(name, getattr(self, name))
        if self.smsbat_webhook_secret is not None:
            check_text("smsbat_webhook_secret", self.smsbat_webhook_secret)
        for name in ("smsbat_webhook_url", "zns_webhook_url"):
            check_url(name, getattr(self, name))
        if self.webhook_statuses not in _WEBHOOK_STATUSES:
            words = ", ".join(_WEBHOOK_STATUSES)
            raise ValueError(f"webhook_statuses must be one of {words}, not {self.webhook_statuses}")
        for name in ("webhook_duplicate_share", "webhook_shuffle_share", "webhook_lose_share"):
            check_share(name, getattr(self, name))
        check_seconds("webhook_delay", self.webhook_delay)
        for seconds in self.webhook_retries:
            check_seconds("webhook_retries: each", seconds)
        for name in ("undeliverable_share", "permanent_error_share", "never_ends_share"):
            check_share(name, getattr(self, name))
        for name in ("fail_share", "lose_share", "slow_share", "incomplete_share"):
            check_share(name, getattr(self, name))
        for name in ("reset_share", "too_many_share", "garbage_share"):
            check_share(name, getattr(self, name))
        # A hair above 1 is what decimal fractions add up to in binary.
        if self.undeliverable_share + self.permanent_error_share + self.never_ends_share > 1.0 + 1e-9:
            raise ValueError(
                "undeliverable_share, permanent_error_share and never_ends_share must add up to 1 or less"
            )
        for name in ("queue_delay", "delay_spread", "slow_seconds"):
            check_seconds(name, getattr(self, name))
        if not (self.speed > 0 and math.isfinite(self.speed)):
            raise ValueError(f"speed must be above 0 and finite, not {self.speed}")
        if self.faults_on not in _FAULTS_ON:
            raise ValueError(f"faults_on must be one of {', '.join(_FAULTS_ON)}, not {self.faults_on}")
        for phone, outcome in self.outcomes.items():
            if outcome not in OUTCOMES:
                words = ", ".join(OUTCOMES)
                raise ValueError(f"outcomes: that of {phone} must be one of {words}, not {outcome}")
        self._check_routes()
        check_rate("status", self.status_rate, self.status_burst)
        check_rate("send", self.send_rate, self.send_burst)
        if self.retry_after is not None and self.retry_after < 0:
            raise ValueError(f"retry_after must be 0 or more seconds, or None, not {self.retry_after}")
        for name in ("max_messages", "max_body", "webhook_backlog"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")

    def _check_routes(self) -> None:
        known = [channel.name for channel in self.channels]
        if len(set(known)) != len(known):
            raise ValueError("channels: every name must be there once")
        for name in ("standard_route", "tg_viber_route", "flashcall_route", "zns_route"):
            route: tuple[str, ...] = getattr(self, name)
            if not route or len(set(route)) != len(route) or not set(route) <= set(known):
                names = ", ".join(known)
                raise ValueError(f"{name} must name one or more of {names}, each once, not {route}")
