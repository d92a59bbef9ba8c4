"""Native messages of the telephone: SMS and flash calls."""

import re

from smsbat_async.errors import InvalidMessageError
from smsbat_async.messages import check_text
from smsbat_async.native.message import FallbackMessage, NativeMessage, check_phone, check_whole
from smsbat_async.phones import is_e164

SENDER = re.compile(r"[A-Za-z0-9]{1,11}", re.ASCII)
FLASHCALL_TTL_MAXIMUM = 120


class SmsMessage(NativeMessage, frozen=True, kw_only=True):
    """An SMS by SMSBAT's native send; it checks itself when it is made.

    Follows SMSBAT's help, "SMS Messages".

    Args:
        id: As for every `NativeMessage`; so are `to_phone` and `ttl`.
        from_name: Up to 11 letters (A to Z) and digits, or a phone number in E.164 form for two-way SMS.
        text: What it says; `smsbat_async.segments` tells how many parts it takes.

    Raises:
        InvalidMessageError: If a field is wrong.
    """

    text: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_text("text", self.text)
        if SENDER.fullmatch(self.from_name) is None and not is_e164(self.from_name):
            raise InvalidMessageError(
                "from_name",
                "invalid_from_name",
                "an SMS comes from up to 11 letters and digits, or from a phone number in E.164 form",
            )


class Flashcall(FallbackMessage, frozen=True, kw_only=True):
    """A call that is ended after a ring or two, whose number is the code; it checks itself when it is made.

    Follows SMSBAT's help, "Flash Call". `NativeReceipt.pattern` says which of the digits to compare.

    Args:
        id: As for every `NativeMessage`; so are `from_name`, `to_phone` and `fallback`.
        caller_id: The number that calls, in E.164 form with its plus.
        ttl: In seconds, at most 120; the vendor takes 60 where none is given and advises 60 to 90.

    Raises:
        InvalidMessageError: If a field is wrong.
    """

    caller_id: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_phone("caller_id", self.caller_id)
        if self.ttl is not None:
            check_whole("ttl", self.ttl, unit="seconds", maximum=FLASHCALL_TTL_MAXIMUM)
