"""ZNS notifications: what a user sends, and what comes of it."""

import datetime as dt
from collections.abc import Mapping

import msgspec

from smsbat_async.errors import InvalidMessageError, SmsBatError
from smsbat_async.messages import SendOutcome, check_text, is_unicode
from smsbat_async.phones import is_e164, mask_phone

ZNS_ID_MAXIMUM = 48
"""Zalo advises at most this many characters for a tracking id."""


class ZnsFallbackSms(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"from_name": "brandname", "text": "content", "delay": "delay_seconds"},
):
    """The SMS that Goby sends where Zalo does not deliver.

    Args:
        from_name: The sender's name as Goby registered it.
        text: What it says.
        delay: How long to wait for Zalo before, in seconds, or None for Goby's own choice.
    """

    from_name: str
    text: str
    delay: int | None = None

    def __post_init__(self) -> None:
        check_text("fallback_sms.from_name", self.from_name)
        check_text("fallback_sms.text", self.text)
        if self.delay is not None and (type(self.delay) is not int or self.delay < 0):
            wanted = "must be a whole number of seconds, at least 0"
            raise InvalidMessageError("fallback_sms.delay", "invalid_delay", wanted)

    def __repr__(self) -> str:
        return "ZnsFallbackSms(***)"


class ZnsMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One ZNS notification; it checks itself when it is made.

    Follows Goby's developer pages, "Gửi tin nhắn ZNS", which are beyond the document that the rest follows
    and may change.

    Args:
        tracking_id: Your own id of it, 1 to 48 printable characters, unique among yours. Zalo advises against
            special characters.
        phone: The recipient with the country code, with or without a plus: `+84987654321`. It is kept and
            sent without the plus.
        template_id: The template, as Zalo named it.
        template_data: The values of the template's parameters by their names; texts only, since how a number
            or a date is to read is yours to say.
        fallback_sms: The SMS to send where Zalo does not deliver, or None.

    Raises:
        InvalidMessageError: If a field is wrong; it names the field and says what would be right.
    """

    tracking_id: str
    phone: str
    template_id: str
    template_data: Mapping[str, str]
    fallback_sms: ZnsFallbackSms | None = None

    def __post_init__(self) -> None:
        _check_id(self.tracking_id)
        msgspec.structs.force_setattr(self, "phone", _without_plus(self.phone))
        check_text("template_id", self.template_id)
        self._check_data()
        if self.fallback_sms is not None and not isinstance(self.fallback_sms, ZnsFallbackSms):
            wanted = f"must be ZnsFallbackSms, not {type(self.fallback_sms).__name__}"
            raise InvalidMessageError("fallback_sms", "invalid_fallback_sms", wanted)

    def _check_data(self) -> None:
        data: object = self.template_data
        if not isinstance(data, Mapping):
            wanted = "must be a mapping of names to texts"
            raise InvalidMessageError("template_data", "invalid_template_data", wanted)
        for name, value in data.items():
            check_text("template_data", name)
            if not isinstance(value, str):
                wanted = f"must be a text, not {type(value).__name__}: write it as it is to read"
                raise InvalidMessageError(f"template_data.{name}", "no_text", wanted)
            if not is_unicode(value):
                wanted = "holds half a surrogate pair, which no text can"
                raise InvalidMessageError(f"template_data.{name}", "no_text", wanted)
        msgspec.structs.force_setattr(self, "template_data", dict(data))

    @property
    def id(self) -> str:
        """The tracking id, by the name that it has with SMSBAT's messages."""
        return self.tracking_id

    def __repr__(self) -> str:
        # What a notification says and to whom does not belong into logs and tracebacks.
        return (
            f"ZnsMessage(tracking_id={self.tracking_id!r}, phone={mask_phone(self.phone)!r}, "
            f"template_id={self.template_id!r})"
        )


class ZnsQuota(msgspec.Struct, frozen=True):
    """How many notifications an official account may send.

    Args:
        daily_quota: How many on one day; Zalo changes it by the account's quality.
        remaining_quota: How many are left of it.
    """

    daily_quota: int
    remaining_quota: int


class ZnsReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor's word that it took a notification.

    Args:
        message_id: The vendor's id, by which the status is asked for.
        tracking_id: Your own id of the notification.
        sent_time: When it was sent, if the vendor told it.
        sending_mode: The vendor's word for how it was sent, if it told it.
        quota: What is left of the account's quota, if the vendor told it.
    """

    message_id: str
    tracking_id: str
    sent_time: dt.datetime | None = None
    sending_mode: str | None = None
    quota: ZnsQuota | None = None


class ZnsResult(msgspec.Struct, frozen=True):
    """What became of one notification.

    Args:
        message: The notification.
        outcome: What became of it.
        receipt: The vendor's word, if it was accepted.
        error: Why not, otherwise.
    """

    message: ZnsMessage
    outcome: SendOutcome
    receipt: ZnsReceipt | None = None
    error: SmsBatError | None = None

    @property
    def message_id(self) -> str | None:
        """The vendor's id, if it was accepted."""
        return None if self.receipt is None else self.receipt.message_id


def _check_id(value: object) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= ZNS_ID_MAXIMUM or not value.isprintable():
        wanted = f"must be a text of 1 to {ZNS_ID_MAXIMUM} printable characters"
        raise InvalidMessageError("tracking_id", "invalid_id", wanted)


def _without_plus(phone: object) -> str:
    if isinstance(phone, str) and is_e164(phone if phone.startswith("+") else f"+{phone}"):
        return phone.removeprefix("+")
    raise InvalidMessageError(
        "phone", "invalid_phone", "must be a text with the country code, as +84987654321 or 84987654321"
    )
