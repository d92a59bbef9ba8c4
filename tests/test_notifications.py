"""ZNS notifications check themselves when they are made, and show neither data nor numbers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import InvalidMessageError, ZnsFallbackSms, ZnsMessage, ZnsReceipt, ZnsResult
from smsbat_async.messages import SendOutcome

FIELDS: dict[str, Any] = {
    "tracking_id": "z-1",
    "phone": "+84987654321",
    "template_id": "7895417a7d3f9461cd2e",
    "template_data": {"ten": "Nguyễn Văn A", "code": "4711"},
}


def refused(**changes: Any) -> InvalidMessageError:
    with pytest.raises(InvalidMessageError) as caught:
        ZnsMessage(**{**FIELDS, **changes})
    return caught.value


@pytest.mark.parametrize("phone", ["+84987654321", "84987654321"])
def test_a_phone_is_kept_without_its_plus(phone: str) -> None:
    assert ZnsMessage(**{**FIELDS, "phone": phone}).phone == "84987654321"


@pytest.mark.parametrize(
    "phone", ["0987654321", "+0987654321", "++84987654321", "84 987", "84", "8" * 16, "", None, 84987654321]
)
def test_a_phone_needs_its_country_code(phone: object) -> None:
    assert (refused(phone=phone).field, refused(phone=phone).code) == ("phone", "invalid_phone")


@pytest.mark.parametrize("tracking_id", ["z", "z" * 48, "đơn hàng 7"])
def test_a_tracking_id_has_up_to_48_characters(tracking_id: str) -> None:
    message = ZnsMessage(**{**FIELDS, "tracking_id": tracking_id})
    assert message.id == message.tracking_id == tracking_id


@pytest.mark.parametrize("tracking_id", ["", "z" * 49, "a\tb", "\ud83d", None, 7])
def test_a_tracking_id_has_no_other(tracking_id: object) -> None:
    assert refused(tracking_id=tracking_id).field == "tracking_id"


@pytest.mark.parametrize("value", [5, 5.5, True, None, ["a"], {"a": "b"}])
def test_a_value_that_is_no_text_is_refused_by_its_name(value: object) -> None:
    error = refused(template_data={"ten": "A", "cost": value})
    assert error.field == "template_data.cost"
    assert error.message.startswith("must be a text, not ")


@pytest.mark.parametrize("data", [None, [("a", "b")], "a=b", {1: "b"}, {"\ud83d": "b"}])
def test_data_that_are_no_mapping_of_names_are_refused(data: object) -> None:
    assert refused(template_data=data).field == "template_data"


def test_half_an_emoji_is_refused_by_its_name() -> None:
    assert refused(template_data={"ten": "\ud83d"}).field == "template_data.ten"


def test_data_are_copied_and_may_be_empty() -> None:
    given_data = {"a": "b"}
    message = ZnsMessage(**{**FIELDS, "template_data": given_data})
    given_data["a"] = "c"
    assert message.template_data == {"a": "b"}
    assert ZnsMessage(**{**FIELDS, "template_data": {"a": ""}}).template_data == {"a": ""}
    assert ZnsMessage(**{**FIELDS, "template_data": {}}).template_data == {}


@pytest.mark.parametrize("template_id", ["", " ", None, 200_001])
def test_a_template_is_named_by_a_text(template_id: object) -> None:
    assert refused(template_id=template_id).field == "template_id"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"from_name": ""}, "fallback_sms.from_name"),
        ({"text": ""}, "fallback_sms.text"),
        ({"delay": -1}, "fallback_sms.delay"),
        ({"delay": 1.5}, "fallback_sms.delay"),
        ({"delay": False}, "fallback_sms.delay"),
    ],
)
def test_a_fallback_checks_itself(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        ZnsFallbackSms(**{"from_name": "Shop", "text": "Code 4711", **changes})
    assert caught.value.field == field


def test_a_fallback_is_a_fallback() -> None:
    assert refused(fallback_sms="Code 4711").field == "fallback_sms"
    sms = ZnsFallbackSms(from_name="Shop", text="Code 4711", delay=0)
    assert ZnsMessage(**FIELDS, fallback_sms=sms).fallback_sms == sms
    assert repr(sms) == "ZnsFallbackSms(***)"


def test_neither_data_nor_the_number_are_shown() -> None:
    shown = repr(ZnsMessage(**FIELDS))
    assert shown == "ZnsMessage(tracking_id='z-1', phone='8498***21', template_id='7895417a7d3f9461cd2e')"


def test_a_result_has_the_id_of_its_receipt() -> None:
    message = ZnsMessage(**FIELDS)
    receipt = ZnsReceipt(message_id="m-1", tracking_id="z-1")
    assert ZnsResult(message, SendOutcome.ACCEPTED, receipt).message_id == "m-1"
    assert ZnsResult(message, SendOutcome.UNKNOWN).message_id is None


ANYTHING = st.none() | st.integers() | st.text(max_size=5) | st.dictionaries(st.text(max_size=3), st.text())


@given(changes=st.dictionaries(st.sampled_from(sorted(FIELDS)), ANYTHING, max_size=2))
def test_anything_is_a_notification_or_refused_by_name(changes: dict[str, Any]) -> None:
    try:
        message = ZnsMessage(**{**FIELDS, **changes})
    except InvalidMessageError as error:
        named = error.field.partition(".")[0]
        assert named in changes
    else:
        assert message.phone.isdecimal()
