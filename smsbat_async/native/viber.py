"""Native messages of Viber: promotions, transactions, carousels, surveys and one-time passwords."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from smsbat_async.errors import InvalidMessageError
from smsbat_async.messages import check_text, is_unicode
from smsbat_async.native.message import (
    FallbackMessage,
    LinkButton,
    check_part,
    check_parts,
    check_url,
    check_whole,
)

NATIVE_SURVEY_OPTIONS = range(1, 6)
CAROUSEL_ITEMS = range(1, 101)
"""The vendor states no most; this only keeps a whole catalogue out of one message."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class ViberVideo(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"url": "video", "thumbnail_url": "thumbnail", "size": "fileSize"},
):
    """The video of a Viber promotion.

    Args:
        url: The video; the vendor advises MP4 of less than 10 MB.
        thumbnail_url: The picture that is shown before it plays.
        size: Its size in bytes.
        duration: Its length in seconds.
    """

    url: str
    thumbnail_url: str | None = None
    size: int | None = None
    duration: int | None = None

    def __post_init__(self) -> None:
        check_url("video.url", self.url)
        if self.thumbnail_url is not None:
            check_url("video.thumbnail_url", self.thumbnail_url)
        if self.size is not None:
            check_whole("video.size", self.size, unit="bytes")
        if self.duration is not None:
            check_whole("video.duration", self.duration, unit="seconds")


class ViberPromo(FallbackMessage, frozen=True, kw_only=True):
    """A Viber promotion by SMSBAT's native send; it checks itself when it is made.

    Follows SMSBAT's help, "Viber Messages", which allows: a text; a text with a button; an image; an image
    with a text and a button; a video, with a text or without; a video with a text and a button.

    Args:
        id: As for every `NativeMessage`; so are `from_name`, `to_phone`, `ttl` and `fallback`.
        text: What it says.
        image_url: A picture; the vendor advises JPG or PNG of 800 by 600 and less than 1 MB.
        video: A video.
        button: A button.

    Raises:
        InvalidMessageError: If a field is wrong, or the vendor allows no such combination.
    """

    text: str | None = None
    image_url: str | None = None
    video: ViberVideo | None = None
    button: LinkButton | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.text is not None:
            check_text("text", self.text)
        if self.image_url is not None:
            check_url("image_url", self.image_url)
        check_part("video", self.video, ViberVideo)
        check_part("button", self.button, LinkButton)
        if self.text is None and self.image_url is None and self.video is None:
            raise InvalidMessageError("text", "missing_text", "a promotion needs a text, an image or a video")
        if self.image_url is not None and self.video is not None:
            raise InvalidMessageError("video", "image_and_video", "goes without an image: give one of them")
        if self.button is not None and self.text is None:
            raise InvalidMessageError("text", "missing_text", "a button needs a text beside it")
        if self.image_url is not None and self.text is not None and self.button is None:
            raise InvalidMessageError(
                "button", "missing_button", "an image with a text needs a button as well"
            )


class ViberFile(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"url": "fileUrl", "name": "fileName"},
):
    """The PDF of a Viber transaction; the vendor names no other type.

    Args:
        url: The file.
        name: The name that is shown.
    """

    url: str
    name: str | None = None

    def __post_init__(self) -> None:
        check_url("file.url", self.url)
        if self.name is not None:
            check_text("file.name", self.name)


class ViberTransaction(FallbackMessage, frozen=True, kw_only=True):
    """A Viber notification about something that was done; it checks itself when it is made.

    Follows SMSBAT's help, "Viber Messages", `viber_trans`.

    Args:
        id: As for every `NativeMessage`; so are `from_name`, `to_phone`, `ttl` and `fallback`.
        text: What it says.
        file: A PDF, with a text or without.

    Raises:
        InvalidMessageError: If a field is wrong, or there is neither text nor file.
    """

    text: str | None = None
    file: ViberFile | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.text is not None:
            check_text("text", self.text)
        check_part("file", self.file, ViberFile)
        if self.text is None and self.file is None:
            raise InvalidMessageError("text", "missing_text", "a transaction needs a text or a file")


class CarouselItem(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "image_url": "imageUrl",
        "primary_button": "primaryButton",
        "secondary_button": "secondaryButton",
    },
):
    """One item of a Viber carousel.

    Args:
        title: What stands under the picture.
        image_url: The picture.
        primary_button: The main button.
        secondary_button: Another one.
    """

    title: str
    image_url: str
    primary_button: LinkButton
    secondary_button: LinkButton | None = None

    def __post_init__(self) -> None:
        check_text("item.title", self.title)
        check_url("item.image_url", self.image_url)
        if not isinstance(self.primary_button, LinkButton):
            raise InvalidMessageError("item.primary_button", "missing_button", "must be a LinkButton")
        check_part("item.secondary_button", self.secondary_button, LinkButton)


class ViberCarousel(FallbackMessage, frozen=True, kw_only=True):
    """Several things to look through in Viber; it checks itself when it is made.

    Follows SMSBAT's help, "Viber Messages", `viber_carousel`. The vendor's website shows another shape, a
    `viber_promo` with buttons of `label` and `actionUrl`: make that with `CustomMessage`.

    Args:
        id: As for every `NativeMessage`; so are `from_name`, `to_phone`, `ttl` and `fallback`.
        items: What is shown.
        text: What stands above it.

    Raises:
        InvalidMessageError: If a field is wrong.
    """

    items: Sequence[CarouselItem]
    text: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.text is not None:
            check_text("text", self.text)
        items = check_parts("items", self.items, CarouselItem, CAROUSEL_ITEMS)
        msgspec.structs.force_setattr(self, "items", items)


class ViberSurvey(FallbackMessage, frozen=True, kw_only=True):
    """A question with answers to choose from; it checks itself when it is made.

    Follows SMSBAT's help, "Viber Messages", `viber_survey`.

    Args:
        id: As for every `NativeMessage`; so are `from_name`, `to_phone`, `ttl` and `fallback`.
        text: The question.
        options: The 1 to 5 answers (a survey by cascade has at least 2); the vendor advises less than 30
            characters each.

    Raises:
        InvalidMessageError: If a field is wrong.
    """

    text: str
    options: Sequence[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_text("text", self.text)
        options = check_parts("options", self.options, str, NATIVE_SURVEY_OPTIONS)
        for option in options:
            check_text("options", option)
        msgspec.structs.force_setattr(self, "options", options)


class ViberOtp(FallbackMessage, frozen=True, kw_only=True):
    """A one-time password by one of Viber's templates; it checks itself when it is made.

    Follows SMSBAT's help, "Viber Messages", `viber_otp`. "Send Message" shows `code` and `validity` instead:
    make that with `CustomMessage`.

    Args:
        id: As for every `NativeMessage`; so are `from_name`, `to_phone`, `ttl` and `fallback`.
        template_id: The template, a UUID.
        language: Its language, an ISO code: `uk`.
        params: The values of its parameters by their names, which are case-sensitive and differ between the
            vendor's pages; texts or whole numbers.

    Raises:
        InvalidMessageError: If a field is wrong.
    """

    template_id: str
    language: str
    params: Mapping[str, str | int]

    def __post_init__(self) -> None:
        super().__post_init__()
        template_id: object = self.template_id
        if not isinstance(template_id, str) or UUID.fullmatch(template_id) is None:
            raise InvalidMessageError("template_id", "invalid_template_id", "must be a UUID as text")
        check_text("language", self.language)
        params: object = self.params
        if not isinstance(params, Mapping):
            raise InvalidMessageError("params", "invalid_params", "must be a mapping of names to values")
        for name, value in params.items():
            check_text("params", name)
            if type(value) is not int and not (
                isinstance(value, str) and value.strip() and is_unicode(value)
            ):
                wanted = "must be a text that is not empty, or a whole number"
                raise InvalidMessageError(f"params.{name}", "invalid_value", wanted)
        msgspec.structs.force_setattr(self, "params", dict(params))
