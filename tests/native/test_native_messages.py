"""Native messages check themselves when they are made, and show neither texts nor numbers."""

import datetime as dt
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import (
    CarouselItem,
    CreateCalendarEvent,
    CustomMessage,
    Dial,
    Flashcall,
    InvalidMessageError,
    LinkButton,
    NativeMessage,
    OpenUrl,
    RcsButton,
    RcsCard,
    RcsMedia,
    RcsMessage,
    ShareLocation,
    SmsFallback,
    SmsMessage,
    ViberCarousel,
    ViberFile,
    ViberOtp,
    ViberPromo,
    ViberSurvey,
    ViberTransaction,
    ViberVideo,
)
from smsbat_async.native.message import FallbackMessage
from smsbat_async.vendors.messagelist import MessageList
from smsbat_async.vendors.smsbat import SmsBat
from tests.native.samples import BUTTON, COMMON, PHONE, SAMPLES, TEMPLATE

WIRE = MessageList(SmsBat(api_key="key-1"))
IMAGE = "https://shop.test/i.png"
VIDEO = ViberVideo(url="https://shop.test/v.mp4")
RCS_BUTTON = RcsButton(text="Where", action=ShareLocation())
MEDIA = RcsMedia(url=IMAGE, type="image/png")
NOON = dt.datetime(2025, 1, 25, 12, tzinfo=dt.UTC)


def refused(kind: Any, **fields: Any) -> InvalidMessageError:
    with pytest.raises(InvalidMessageError) as caught:
        kind(**fields)
    assert caught.value.message
    return caught.value


class TestEveryKind:
    @pytest.mark.parametrize("name", SAMPLES)
    def test_shows_neither_its_text_nor_the_number(self, name: str) -> None:
        message = SAMPLES[name][0]
        assert repr(message) == f"{type(message).__name__}(id='n-1', to_phone='+380***67')"

    @pytest.mark.parametrize("name", SAMPLES)
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("id", ""),
            ("id", "x" * 255),
            ("id", "a\n"),
            ("from_name", " "),
            ("to_phone", "380501234567"),
            ("to_phone", "0501234567"),
            ("to_phone", None),
            ("ttl", 0),
            ("ttl", 1.5),
            ("ttl", True),
        ],
    )
    def test_names_the_field_that_is_wrong(self, name: str, field: str, value: object) -> None:
        message = SAMPLES[name][0]
        fields = {each: getattr(message, each) for each in message.__struct_fields__}
        assert refused(type(message), **{**fields, field: value}).field == field

    @pytest.mark.parametrize("name", [name for name in SAMPLES if name != "an SMS"])
    def test_but_sms_may_have_an_sms_in_its_place(self, name: str) -> None:
        message = SAMPLES[name][0]
        fields = {each: getattr(message, each) for each in message.__struct_fields__}
        assert refused(type(message), **{**fields, "fallback": "Sale!"}).field == "fallback"
        made: Any = type(message)(**{**fields, "fallback": SmsFallback(text="Sale!")})
        assert made.fallback == SmsFallback(text="Sale!")

    def test_an_sms_has_no_fallback(self) -> None:
        with pytest.raises(TypeError, match="fallback"):
            SmsMessage(**COMMON, text="x", fallback=SmsFallback(text="y"))  # type: ignore[call-arg]

    def test_is_one_of_the_kinds(self) -> None:
        for base in (NativeMessage, FallbackMessage):
            error = refused(base, **COMMON)
            assert (error.field, error.code) == ("message", "no_type")

    def test_a_fallback_shows_no_text_and_needs_one(self) -> None:
        assert repr(SmsFallback(text="Code 4711")) == "SmsFallback(***)"
        assert refused(SmsFallback, text="").field == "fallback.text"


class TestSms:
    @pytest.mark.parametrize("name", ["Shop", "A", "Shop1234567", "12345", "+380440000001"])
    def test_comes_from_letters_and_digits_or_a_number(self, name: str) -> None:
        assert SmsMessage(**{**COMMON, "from_name": name}, text="x").from_name == name

    @pytest.mark.parametrize("name", ["My Shop", "Shop-1", "Shop12345678", "Магазин", "+0"])
    def test_comes_from_nothing_else(self, name: str) -> None:
        error = refused(SmsMessage, **{**COMMON, "from_name": name}, text="x")
        assert (error.field, error.code) == ("from_name", "invalid_from_name")

    @pytest.mark.parametrize("text", ["", " \n", None, 5, "\ud83d"])
    def test_needs_a_text(self, text: object) -> None:
        assert refused(SmsMessage, **COMMON, text=text).field == "text"


class TestFlashcall:
    def test_needs_the_number_that_calls(self) -> None:
        assert refused(Flashcall, **COMMON, caller_id="0440000001").field == "caller_id"

    @pytest.mark.parametrize("ttl", [1, 60, 120, None])
    def test_counts_for_up_to_two_minutes(self, ttl: int | None) -> None:
        assert Flashcall(**COMMON, caller_id=PHONE, ttl=ttl).ttl == ttl

    def test_counts_no_longer(self) -> None:
        assert refused(Flashcall, **COMMON, caller_id=PHONE, ttl=121).field == "ttl"


class TestViberPromo:
    @pytest.mark.parametrize(
        "parts",
        [
            {"text": "Sale"},
            {"text": "Sale", "button": BUTTON},
            {"image_url": IMAGE},
            {"image_url": IMAGE, "text": "Sale", "button": BUTTON},
            {"video": VIDEO},
            {"video": VIDEO, "text": "Sale"},
            {"video": VIDEO, "text": "Sale", "button": BUTTON},
        ],
        ids=" ".join,
    )
    def test_may_be_what_the_vendor_lists(self, parts: dict[str, Any]) -> None:
        message = ViberPromo(**COMMON, **parts)
        assert {name: getattr(message, name) for name in parts} == parts

    @pytest.mark.parametrize(
        ("parts", "field", "code"),
        [
            ({}, "text", "missing_text"),
            ({"button": BUTTON}, "text", "missing_text"),
            ({"image_url": IMAGE, "button": BUTTON}, "text", "missing_text"),
            ({"video": VIDEO, "button": BUTTON}, "text", "missing_text"),
            ({"image_url": IMAGE, "text": "Sale"}, "button", "missing_button"),
            ({"image_url": IMAGE, "video": VIDEO}, "video", "image_and_video"),
            ({"text": "Sale", "button": "Open"}, "button", "invalid_button"),
            ({"video": IMAGE}, "video", "invalid_video"),
            ({"image_url": "ftp://shop.test/i"}, "image_url", "invalid_url"),
            ({"text": ""}, "text", "missing_text"),
        ],
    )
    def test_may_be_nothing_else(self, parts: dict[str, Any], field: str, code: str) -> None:
        error = refused(ViberPromo, **COMMON, **parts)
        assert (error.field, error.code) == (field, code)

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"url": "v.mp4"}, "video.url"),
            ({"url": IMAGE, "thumbnail_url": 5}, "video.thumbnail_url"),
            ({"url": IMAGE, "size": 0}, "video.size"),
            ({"url": IMAGE, "duration": 1.5}, "video.duration"),
        ],
    )
    def test_a_video_checks_itself(self, fields: dict[str, Any], field: str) -> None:
        assert refused(ViberVideo, **fields).field == field


class TestViberTransaction:
    def test_needs_a_text_or_a_file(self) -> None:
        assert refused(ViberTransaction, **COMMON).field == "text"
        assert refused(ViberTransaction, **COMMON, file=IMAGE).field == "file"
        assert refused(ViberTransaction, **COMMON, text="").field == "text"

    def test_a_file_checks_itself(self) -> None:
        assert refused(ViberFile, url="i.pdf").field == "file.url"
        assert refused(ViberFile, url=IMAGE, name="").field == "file.name"


class TestViberCarousel:
    ITEM = CarouselItem(title="A", image_url=IMAGE, primary_button=BUTTON)

    def test_keeps_its_items_as_a_tuple(self) -> None:
        assert ViberCarousel(**COMMON, items=[self.ITEM]).items == (self.ITEM,)

    @pytest.mark.parametrize("items", [[], None, "ab", [BUTTON], [ITEM] * 101])
    def test_needs_items(self, items: object) -> None:
        assert refused(ViberCarousel, **COMMON, items=items).field == "items"

    def test_has_a_text_or_none(self) -> None:
        assert refused(ViberCarousel, **COMMON, items=[self.ITEM], text="").field == "text"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"title": ""}, "item.title"),
            ({"image_url": "i.png"}, "item.image_url"),
            ({"primary_button": None}, "item.primary_button"),
            ({"secondary_button": 5}, "item.secondary_button"),
        ],
    )
    def test_an_item_checks_itself(self, changes: dict[str, Any], field: str) -> None:
        fields = {"title": "A", "image_url": IMAGE, "primary_button": BUTTON}
        assert refused(CarouselItem, **{**fields, **changes}).field == field

    @pytest.mark.parametrize(
        ("changes", "field"), [({"text": ""}, "button.text"), ({"url": ""}, "button.url")]
    )
    def test_a_button_checks_itself(self, changes: dict[str, Any], field: str) -> None:
        assert refused(LinkButton, **{"text": "Open", "url": IMAGE, **changes}).field == field


class TestViberSurvey:
    @pytest.mark.parametrize("count", [1, 5])
    def test_has_one_to_five_answers(self, count: int) -> None:
        options = [str(number) for number in range(count)]
        assert ViberSurvey(**COMMON, text="?", options=options).options == tuple(options)

    @pytest.mark.parametrize("options", [[], ["a"] * 6, "ab", [1], [""], None])
    def test_has_no_other_answers(self, options: object) -> None:
        assert refused(ViberSurvey, **COMMON, text="?", options=options).field == "options"


class TestViberOtp:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"template_id": "pin"}, "template_id"),
            ({"template_id": None}, "template_id"),
            ({"language": ""}, "language"),
            ({"params": ["pin"]}, "params"),
            ({"params": {1: "pin"}}, "params"),
            ({"params": {"\ud83d": "pin"}}, "params"),
            ({"params": {"pin": ""}}, "params.pin"),
            ({"params": {"pin": 1.5}}, "params.pin"),
            ({"params": {"pin": True}}, "params.pin"),
        ],
    )
    def test_checks_itself(self, changes: dict[str, Any], field: str) -> None:
        fields = {"template_id": TEMPLATE, "language": "uk", "params": {"pin": "0471"}}
        assert refused(ViberOtp, **COMMON, **{**fields, **changes}).field == field


class TestRcs:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"text": "x" * 3_073}, "text"),
            ({"text": None}, "text"),
            ({"media": IMAGE}, "media"),
            ({"buttons": [RCS_BUTTON] * 5}, "buttons"),
            ({"buttons": [BUTTON]}, "buttons"),
            ({"buttons": None}, "buttons"),
            ({"cards": [MEDIA]}, "cards"),
        ],
    )
    def test_checks_itself(self, changes: dict[str, Any], field: str) -> None:
        assert refused(RcsMessage, **COMMON, **{"text": "x", **changes}).field == field

    def test_takes_what_is_just_right(self) -> None:
        message = RcsMessage(**COMMON, text="x" * 3_072, buttons=[RCS_BUTTON] * 4, cards=[RcsCard(title="A")])
        assert message.buttons == (RCS_BUTTON,) * 4
        assert message.cards == (RcsCard(title="A"),)

    @pytest.mark.parametrize(
        ("kind", "fields", "field"),
        [
            (OpenUrl, {"url": "a"}, "action.url"),
            (Dial, {"phone_number": "0501234567"}, "action.phone_number"),
            (RcsButton, {"text": "", "action": ShareLocation()}, "button.text"),
            (RcsButton, {"text": "Open", "action": "openUrl"}, "button.action"),
            (RcsMedia, {"url": "a", "type": "image/png"}, "media.url"),
            (RcsMedia, {"url": IMAGE, "type": "image"}, "media.type"),
            (RcsMedia, {"url": IMAGE, "type": "image/"}, "media.type"),
            (RcsMedia, {"url": IMAGE, "type": None}, "media.type"),
            (RcsMedia, {"url": IMAGE, "type": "a/\ud83d"}, "media.type"),
            (RcsMedia, {"url": IMAGE, "type": "a/b", "height": 0}, "media.height"),
            (RcsMedia, {"url": IMAGE, "type": "a/b", "width": "8"}, "media.width"),
            (RcsMedia, {"url": IMAGE, "type": "a/b", "thumbnail_url": ""}, "media.thumbnail_url"),
            (RcsCard, {"title": ""}, "card.title"),
            (RcsCard, {"title": "A", "description": ""}, "card.description"),
            (RcsCard, {"title": "A", "media": IMAGE}, "card.media"),
            (RcsCard, {"title": "A", "buttons": [RCS_BUTTON] * 5}, "card.buttons"),
            (CreateCalendarEvent, {"title": "", "start_time": NOON}, "action.title"),
            (CreateCalendarEvent, {"title": "A", "start_time": None}, "action.start_time"),
            (
                CreateCalendarEvent,
                {"title": "A", "start_time": NOON.replace(tzinfo=None)},
                "action.start_time",
            ),
            (CreateCalendarEvent, {"title": "A", "start_time": NOON, "end_time": "12:00"}, "action.end_time"),
            (
                CreateCalendarEvent,
                {"title": "A", "start_time": NOON, "end_time": NOON - dt.timedelta(seconds=1)},
                "action.end_time",
            ),
        ],
    )
    def test_its_parts_check_themselves(self, kind: Any, fields: dict[str, Any], field: str) -> None:
        assert refused(kind, **fields).field == field

    def test_a_date_before_the_first_year_in_utc_is_refused(self) -> None:
        early = dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
        error = refused(CreateCalendarEvent, title="A", start_time=early)
        assert error.field == "action.start_time"


class TestCustom:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"type": ""}, "type"),
            ({"text": "\ud83d"}, "text"),
            ({"message_data": ["a"]}, "message_data"),
            ({"message_data": {"a": object()}}, "message_data"),
            ({"message_data": {"a": "\ud83d"}}, "message_data"),
        ],
    )
    def test_checks_itself(self, changes: dict[str, Any], field: str) -> None:
        assert refused(CustomMessage, **COMMON, **{"type": "viber_otp", **changes}).field == field

    def test_takes_any_mapping_and_keeps_its_own_copy(self) -> None:
        given = {"a": 1}
        for mapping in (given, MappingProxyType(given)):
            message = CustomMessage(**COMMON, type="viber_otp", message_data=mapping)
            assert message.message_data == {"a": 1}
            assert message.message_data is not given


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        ["https://a", "http://a.test/b?c=d#e", "https://a.test:8443/%20", "https://xn--80ak6aa92e.com/й"],
    )
    def test_of_the_web_are_taken(self, url: str) -> None:
        assert OpenUrl(url).url == url

    @pytest.mark.parametrize(
        "url",
        ["", "a.test", "https://", "ftp://a", "https://a b", "https://a\n", "https://[a", b"https://a", None],
    )
    def test_of_anything_else_are_not(self, url: Any) -> None:
        assert refused(OpenUrl, url=url).code == "invalid_url"


HALF = "a/\ud83d"
ANYTHING = (
    st.none()
    | st.integers()
    | st.text(max_size=5)
    | st.floats()
    | st.lists(st.text(), max_size=2)
    | st.sampled_from([HALF, [HALF], {HALF: "a"}, {"a": HALF}, {"a": {"b": HALF}}])
)


@given(name=st.sampled_from(sorted(SAMPLES)), values=st.dictionaries(st.integers(0, 9), ANYTHING, max_size=3))
def test_anything_is_a_message_that_can_be_sent_or_refused_by_name(
    name: str, values: dict[int, object]
) -> None:
    message = SAMPLES[name][0]
    fields = {each: getattr(message, each) for each in message.__struct_fields__}
    names = list(fields)
    for place, value in values.items():
        fields[names[place % len(names)]] = value
    try:
        made = type(message)(**fields)
    except InvalidMessageError as error:
        refusal = (error.field, error.message)
        assert all(refusal)
    else:
        assert WIRE.send_request([made]).body
