"""ZaloSignature: says whether a webhook of Zalo, or of Goby in its place, is genuine."""

import hmac
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

from smsbat_async.credentials import Secret, header_name
from smsbat_async.errors import ConfigurationError
from smsbat_async.policies import check_duration
from smsbat_async.vendors.webhook import WebhookError, read_object
from smsbat_async.vendors.zns_webhook import DEFAULT_PARTS, SIGNATURE_HEADER, Part, digest_of, signed_at

logger = logging.getLogger("smsbat_async.webhooks")

DIGEST = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


class ZaloSignature:
    """Checks `X-ZEvent-Signature: mac=` and the SHA-256 of app id, body, timestamp and secret, in hex.

    Follows Zalo, "Webhook". Plain SHA-256 over the bytes as they came, not HMAC, and never over JSON written
    anew. Digests are compared in constant time.

    Args:
        secrets: The official account's secret keys: several while one is being replaced.
        app_id: The app's id; None takes the one that the body names.
        window: How far from now the signed time may be, in seconds; None for any. Zalo repeats a webhook
            for up to an hour and 50 minutes after a failure; whether it is signed anew is not documented.
        header: The header with the signature.
        prefix: What stands before the digest in it.
        parts: What is signed, in order. Code of other integrators begins with `oa_id`.
        clock: Gives seconds since 1970.

    Raises:
        ConfigurationError: If something of this is missing or wrong.
    """

    def __init__(
        self,
        *,
        secrets: Iterable[str | Secret],
        app_id: str | None = None,
        window: float | None = 300.0,
        header: str = SIGNATURE_HEADER,
        prefix: str = "mac=",
        parts: Sequence[Part] = DEFAULT_PARTS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        given = [secrets] if isinstance(secrets, str | Secret) else list(secrets)
        revealed: list[Any] = [one.reveal() if isinstance(one, Secret) else one for one in given]
        if not revealed or not all(isinstance(one, str) and one for one in revealed):
            raise ConfigurationError("secrets must be one or more texts")
        check_duration("window", window)
        if "body" not in parts or "secret" not in parts or not set(parts) <= set(get_args(Part)):
            raise ConfigurationError(
                f"parts must be body, secret, and maybe others of {', '.join(get_args(Part))}"
            )
        if window is not None and "timestamp" not in parts:
            raise ConfigurationError("window must be None where no timestamp is signed")
        self._secrets = [Secret(one) for one in revealed]
        self._app_id = app_id
        self._window = window
        self.header = header_name("header", header).lower()
        self._prefix = prefix
        self._parts = tuple(parts)
        self._clock = clock

    def __repr__(self) -> str:
        return f"ZaloSignature({self.header})"

    def __call__(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether a webhook is signed with one of the secrets, and lately.

        Args:
            headers: The headers, names in lower case.
            body: The body as it came.
        """
        problem = self._problem(headers, body)
        if problem is not None:
            logger.debug("a webhook is not signed as it should be: %s", problem)
        return problem is None

    def _problem(self, headers: Mapping[str, str], body: bytes) -> str | None:
        given = headers.get(self.header)
        if given is None:
            return f"there is no {self.header}"
        if not given.startswith(self._prefix):
            return f"{self.header} does not begin with {self._prefix}"
        digest = given[len(self._prefix) :]
        if DIGEST.fullmatch(digest) is None:
            return f"{self.header} holds no SHA-256 in hex"
        try:
            payload = read_object(body)
        except WebhookError:
            return "the body is no JSON object"
        genuine = False
        for secret in self._secrets:  # every one, so that the time does not tell which was right
            right = digest_of(payload, body, secret, self._parts, self._app_id)
            genuine |= hmac.compare_digest(right.encode(), digest.lower().encode())
        if not genuine:
            return f"the digest is another one: is it made of {', '.join(self._parts)}?"
        return self._lateness(payload)

    def _lateness(self, payload: Mapping[str, Any]) -> str | None:
        if self._window is None:
            return None
        moment = signed_at(payload)
        if moment is None:
            return "timestamp is no epoch in milliseconds"
        age = self._clock() - moment
        return None if abs(age) <= self._window else f"it was signed {age:.0f} seconds ago"
