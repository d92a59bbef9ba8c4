"""SMSBAT's own send: requests as exact bytes, and answers from the documented to the absurd."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsbat_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    Flashcall,
    InvalidMessageError,
    NativeMessage,
    NativeReceipt,
    NativeResult,
    OutcomeUnknownError,
    ResponseError,
    SendOutcome,
    SmsBatError,
    SmsMessage,
)
from smsbat_async.http import LowerHeaders, Response
from smsbat_async.vendors.messagelist import MessageList
from smsbat_async.vendors.smsbat import SmsBat
from tests.native.samples import COMMON, ENVELOPE, PHONE, SAMPLES, many, sms

WIRE = MessageList(SmsBat(api_key="key-1"))
ACCEPTED, REJECTED, UNKNOWN = SendOutcome.ACCEPTED, SendOutcome.REJECTED, SendOutcome.UNKNOWN

DOCUMENTED = b"""{
  "messagelistId": 123456,
  "messages": [
    {
      "messageId": "abc123def456",
      "status": "accepted",
      "parts": 1,
      "customerMessageId": "n-0",
      "to": "+380500000000"
    }
  ]
}"""


def read(body: object, *messages: NativeMessage, status: int = 200) -> list[NativeResult]:
    return read_all(body, *messages, status=status)[0]


def read_all(
    body: object, *messages: NativeMessage, status: int = 200
) -> tuple[list[NativeResult], tuple[str, ...]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WIRE.read_receipts(Response(status, LowerHeaders(), raw), messages or (sms(0),))


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"messageId": f"v-{number}", "status": "accepted", "customerMessageId": f"n-{number}", **changes}


class TestRequest:
    @pytest.mark.parametrize("name", SAMPLES)
    def test_of_every_kind_has_the_documented_keys(self, name: str) -> None:
        message, expected = SAMPLES[name]
        request = WIRE.send_request([message])
        assert request.body is not None
        assert json.loads(request.body) == {"messages": [{**ENVELOPE, **expected}]}

    def test_is_these_bytes(self) -> None:
        request = WIRE.send_request([SmsMessage(**COMMON, text="Готово", ttl=300)])
        assert (request.method, request.url, request.template) == (
            "POST",
            "https://restapi.smsbat.com/bat/messagelist",
            "/bat/messagelist",
        )
        assert (
            request.body
            == (
                '{"messages":[{"from":"Shop","to":"+380501234567","type":"sms","text":"Готово",'
                '"customerMessageId":"n-1","ttl":300}]}'
            ).encode()
        )
        assert request.headers == {
            "User-Agent": "smsbat-async",
            "Accept-Encoding": "identity",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-Authorization-Key": "key-1",
        }

    def test_holds_messages_of_many_kinds_in_their_order(self) -> None:
        request = WIRE.send_request([message for message, _ in SAMPLES.values()])
        assert request.body is not None
        kinds = [each["type"] for each in json.loads(request.body)["messages"]]
        assert kinds == [expected["type"] for _, expected in SAMPLES.values()]

    def test_takes_http_basic_too(self) -> None:
        wire = MessageList(SmsBat(username="@", password="key-1"))
        assert wire.send_request([sms(1)]).headers["Authorization"] == "Basic QDprZXktMQ=="

    def test_takes_no_credential_of_a_cascade_alone(self) -> None:
        wire = MessageList(SmsBat(viber_token="token"))
        with pytest.raises(ConfigurationError, match="native sends need api_key"):
            wire.check_can_send()
        with pytest.raises(ConfigurationError, match="native sends need api_key"):
            wire.send_request([sms(1)])

    def test_sends_no_token_that_is_for_cascades(self) -> None:
        wire = MessageList(SmsBat(api_key="key-1", viber_token="token"))
        assert "X-Viber-Auth-Token" not in wire.send_request([sms(1)]).headers

    def test_is_not_made_of_a_kind_that_nobody_knows(self) -> None:
        class Fax(NativeMessage, frozen=True, kw_only=True):
            pass

        with pytest.raises(InvalidMessageError, match="Fax is no kind that the vendor is known to take"):
            WIRE.send_request([Fax(**COMMON)])


class TestAnswer:
    def test_documented(self) -> None:
        (result,) = read(DOCUMENTED)
        assert result == NativeResult(
            sms(0),
            ACCEPTED,
            NativeReceipt(
                message_id="abc123def456",
                tracking_id="n-0",
                status="accepted",
                parts=1,
                messagelist_id=123456,
            ),
        )
        assert result.message_id == "abc123def456"

    def test_of_a_flash_call_is_found_by_its_number(self) -> None:
        body = {
            "messagelistId": 123456,
            "messages": [
                {
                    "messageId": "abc123def456",
                    "status": "accepted",
                    "callerId": "+380123456789",
                    "pattern": "***456789",
                    "to": PHONE,
                    "ttl": 60,
                }
            ],
        }
        (result,) = read(body, Flashcall(**COMMON, caller_id="+380123456789"))
        assert result.receipt == NativeReceipt(
            message_id="abc123def456",
            tracking_id="n-1",
            status="accepted",
            messagelist_id=123456,
            caller_id="+380123456789",
            pattern="***456789",
            ttl=60,
        )

    def test_of_a_flash_call_does_not_show_the_code_in_it(self) -> None:
        body = {"messages": [row(0, callerId="+380123456789", pattern="***456789")]}
        (result,) = read(body)
        assert repr(result.receipt) == (
            "NativeReceipt(message_id='v-0', tracking_id='n-0', status='accepted')"
        )
        assert "456789" not in repr(result)

    def test_is_matched_by_id_and_never_by_position(self) -> None:
        messages = many(3)
        results, foreign = read_all({"messages": [row(2), row(9), row(0), row(1)]}, *messages)
        assert [result.message for result in results] == messages
        assert [result.message_id for result in results] == ["v-0", "v-1", "v-2"]
        assert foreign == ("n-9",)

    def test_leaves_unknown_what_it_does_not_name(self) -> None:
        first, second = read({"messages": [row(0)]}, *many(2))
        assert (first.outcome, second.outcome) == (ACCEPTED, UNKNOWN)
        assert isinstance(second.error, OutcomeUnknownError)
        assert second.error.tracking_ids == ("n-1",)
        assert isinstance(second.error.error, ResponseError)

    @pytest.mark.parametrize("word", ["rejected", "failed", "Rejected", "FAILED"])
    @pytest.mark.parametrize("message_id", ["v-1", None])
    def test_may_refuse_one_message_among_others(self, word: str, message_id: str | None) -> None:
        body = {"messages": [row(0), row(1, status=word, messageId=message_id)]}
        first, second = read(body, *many(2))
        assert (first.outcome, second.outcome) == (ACCEPTED, REJECTED)
        assert second.message_id is None
        assert type(second.error) is BadRequestError
        assert (second.error.status_code, second.error.code) == (200, word)

    @pytest.mark.parametrize("word", ["accepted", "sent", "queued", "", None, 5])
    def test_takes_any_other_word_with_an_id_for_acceptance(self, word: object) -> None:
        (result,) = read({"messages": [row(0, status=word)]})
        assert (result.outcome, result.message_id) == (ACCEPTED, "v-0")
        assert result.receipt is not None
        assert result.receipt.status == (word if isinstance(word, str) else None)

    @pytest.mark.parametrize("message_id", [None, ""])
    def test_without_an_id_leaves_the_fate_unknown(self, message_id: object) -> None:
        (result,) = read({"messages": [row(0, messageId=message_id)]})
        assert result.outcome is UNKNOWN

    def test_may_spell_ids_as_numbers(self) -> None:
        message = sms(0, id="17")
        (result,) = read({"messages": [{"messageId": 5, "customerMessageId": 17}]}, message)
        assert result.message_id == "5"

    @pytest.mark.parametrize("to", ["+380500000000", "380500000000", 380500000000])
    def test_without_your_id_counts_where_the_number_is_one_messages_only(self, to: object) -> None:
        nameless = {"messageId": "v-0", "to": to}
        first, second = read({"messages": [row(1), nameless]}, *many(2))
        assert (first.message_id, second.message_id) == ("v-0", "v-1")

    def test_without_your_id_counts_for_nobody_where_two_messages_have_the_number(self) -> None:
        pair = [sms(0), sms(1, to_phone=sms(0).to_phone)]
        nameless = {"messageId": "v-0", "to": "+380500000000"}
        assert [result.outcome for result in read({"messages": [nameless]}, *pair)] == [UNKNOWN] * 2
        twice = [nameless, {"messageId": "v-1", "to": "+380500000000"}]
        assert [result.outcome for result in read({"messages": twice}, sms(0))] == [UNKNOWN]

    def test_without_your_id_never_beats_a_row_that_has_it(self) -> None:
        nameless = {"messageId": "v-7", "to": "+380500000000"}
        (result,) = read({"messages": [nameless, row(0)]})
        assert result.message_id == "v-0"

    @pytest.mark.parametrize("spelled", [{"customerMessageId": "n-0"}, {"to": "+380500000000"}])
    def test_that_contradicts_itself_refuses_nothing_that_may_have_been_taken(
        self, spelled: dict[str, str]
    ) -> None:
        refused, taken = row(0, status="rejected", messageId=None), {"messageId": "v-0", **spelled}
        without_id = row(0, messageId=None)
        for rows in ([refused, taken], [taken, refused], [without_id, taken], [taken, without_id]):
            assert [result.message_id for result in read({"messages": rows})] == ["v-0"]
        for rows in ([refused, without_id], [without_id, refused]):
            assert [result.outcome for result in read({"messages": rows})] == [UNKNOWN]
        assert [result.outcome for result in read({"messages": [refused, refused]})] == [REJECTED]

    def test_that_refuses_many_is_kept_by_their_errors_once(self) -> None:
        rows = [row(number, status="rejected") for number in range(100)]
        results = read({"messages": rows}, *many(100))
        bodies = [result.error.body for result in results if isinstance(result.error, ApiError)]
        assert len(bodies) == 100
        assert len({id(body) for body in bodies}) == 1
        assert len(bodies[0]) == 2_048

    def test_may_spell_the_number_that_calls_as_a_number(self) -> None:
        (result,) = read({"messages": [row(0, callerId=380123456789)]})
        assert result.receipt is not None
        assert result.receipt.caller_id == "380123456789"

    def test_without_id_and_number_counts_for_nobody(self) -> None:
        (result,) = read({"messages": [{"messageId": "v-0"}]})
        assert result.outcome is UNKNOWN

    def test_with_a_bad_row_costs_that_message_only(self) -> None:
        rows: list[Any] = [row(0, parts="many"), "x", row(1, messageId=[1]), row(2)]
        results = read({"messagelistId": "7", "messages": rows}, *many(3))
        assert [result.outcome for result in results] == [ACCEPTED, UNKNOWN, ACCEPTED]
        assert results[0].receipt == NativeReceipt(message_id="v-0", tracking_id="n-0", status="accepted")

    def test_may_be_the_bare_array(self) -> None:
        (result,) = read([row(0)])
        assert result.message_id == "v-0"

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"{}", b"5", b"null", b'{"messages":{}}', b'{"messages":5}']
    )
    def test_that_is_none_is_an_error(self, body: bytes) -> None:
        with pytest.raises(ResponseError) as caught:
            read(body)
        assert caught.value.kind == "unreadable"
        assert caught.value.__context__ is None

    @pytest.mark.parametrize(
        ("status", "kind", "code"),
        [(400, BadRequestError, "INVALID_RECIPIENT"), (401, AuthenticationError, "INVALID_RECIPIENT")],
    )
    def test_with_an_error_is_that_error(self, status: int, kind: type[ApiError], code: str) -> None:
        body = {"error": {"code": "INVALID_RECIPIENT", "message": "Invalid phone number format"}}
        with pytest.raises(ApiError) as caught:
            read(body, status=status)
        assert type(caught.value) is kind
        assert (caught.value.code, caught.value.message) == (code, "Invalid phone number format")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
rows = st.fixed_dictionaries(
    {},
    optional={
        "messageId": json_values,
        "customerMessageId": st.sampled_from(["n-0", "n-1", "n-2"]) | json_values,
        "status": st.sampled_from(["accepted", "rejected"]) | json_values,
        "to": st.sampled_from(["+380500000000", "380500000001"]) | json_values,
        "parts": json_values,
        "ttl": json_values,
    },
)


@settings(max_examples=300)
@given(body=st.fixed_dictionaries({"messages": st.lists(rows | json_values, max_size=4)}) | json_values)
def test_any_answer_gives_each_message_one_fate_or_an_error_of_ours(body: Any) -> None:
    messages = many(2)
    try:
        results = read(json.dumps(body).encode(), *messages)
    except SmsBatError:
        return
    assert [result.message for result in results] == messages
    for result in results:
        assert (result.outcome is ACCEPTED) == (result.message_id is not None) == (result.error is None)
