"""Requests and answers as plain values: what they show, and what `Retry-After` means."""

import copy
import datetime as dt
import pickle
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsbat_async.http import HiddenHeaders, LowerHeaders, Request, Response, headers, retry_after

NOW = dt.datetime(2025, 1, 25, 10, 0, 0, tzinfo=dt.UTC)
KEY = "sk-live-0123456789"


def asked(value: str | None, date: str | None = None) -> float | None:
    values = {"Retry-After": value, "Date": date}
    return retry_after(
        LowerHeaders({name: text for name, text in values.items() if text is not None}), now=NOW
    )


def http_date(moment: dt.datetime) -> str:
    return format_datetime(moment, usegmt=True)


class TestRetryAfter:
    def test_is_none_without_the_header(self) -> None:
        assert asked(None) is None
        assert asked(None, date=http_date(NOW)) is None

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("0", 0.0),
            ("1", 1.0),
            ("2.5", 2.5),
            (" 7 ", 7.0),
            ("60", 60.0),
            ("61", 60.0),
            ("1000000000", 60.0),
            ("1e9", 60.0),
            ("inf", 60.0),
            ("-1", 0.0),
            ("-1000000000", 0.0),
            ("-inf", 0.0),
        ],
    )
    def test_seconds_are_held_between_0_and_60(self, text: str, seconds: float) -> None:
        assert asked(text) == seconds

    @pytest.mark.parametrize(
        "text", ["", " ", "soon", "nan", "5 s", "0x10", "1,5", "Mon", "25:61:61", "--1", ";"]
    )
    def test_garbage_is_none(self, text: str) -> None:
        assert asked(text) is None

    def test_a_date_is_counted_from_the_answers_own_date(self) -> None:
        theirs = NOW + dt.timedelta(hours=5)
        assert asked(http_date(theirs + dt.timedelta(seconds=17)), date=http_date(theirs)) == 17.0

    def test_a_date_is_counted_from_our_clock_where_the_answer_has_none(self) -> None:
        assert asked(http_date(NOW + dt.timedelta(seconds=17))) == 17.0

    def test_a_date_is_counted_from_our_clock_where_the_answers_is_garbage(self) -> None:
        assert asked(http_date(NOW + dt.timedelta(seconds=17)), date="yesterday") == 17.0

    def test_a_date_in_the_past_is_0(self) -> None:
        assert asked(http_date(NOW - dt.timedelta(days=1))) == 0.0

    def test_a_date_far_ahead_is_60(self) -> None:
        assert asked("Fri, 31 Dec 9999 23:59:59 GMT") == 60.0

    def test_a_date_without_a_zone_is_utc(self) -> None:
        assert asked("Sat, 25 Jan 2025 10:00:09 -0000") == 9.0

    def test_a_date_of_another_zone_is_converted(self) -> None:
        assert asked("Sat, 25 Jan 2025 12:00:09 +0200") == 9.0

    @pytest.mark.parametrize(
        "text",
        ["Fri, 32 Jan 2025 10:00:00 GMT", "Fri, 01 Foo 2025 10:00:00 GMT", "Fri, 01 Jan 99999 10:00:00 GMT"],
    )
    def test_an_impossible_date_is_none(self, text: str) -> None:
        assert asked(text) is None

    @given(st.text(), st.none() | st.text())
    @example("9" * 5_000, None)
    @example("Sat, 25 Jan 2025 10:00:09 +9999", None)
    @example("Sat, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359")
    def test_any_text_is_none_or_0_to_60(self, text: str, date: str | None) -> None:
        seconds = asked(text, date)
        assert seconds is None or 0.0 <= seconds <= 60.0

    @given(
        st.text("0123456789:+- ,JanFebSatGMTe.", max_size=40),
        st.sampled_from(["", "Sat, ", "Sat, 25 Jan 2025 ", "25 Jan ", "Sat, 25 Jan 2025 10:00:"]),
    )
    def test_anything_like_a_date_is_none_or_0_to_60(self, text: str, before: str) -> None:
        seconds = asked(before + text, date=before + text)
        assert seconds is None or 0.0 <= seconds <= 60.0


class TestHeaders:
    def test_every_request_says_who_asks_and_refuses_compression(self) -> None:
        assert headers() == {"User-Agent": "smsbat-async", "Accept-Encoding": "identity"}

    def test_extra_ones_are_spelled_with_dashes(self) -> None:
        assert headers(Content_Type="application/json")["Content-Type"] == "application/json"

    def test_show_their_names_and_never_their_values(self) -> None:
        hidden = HiddenHeaders({"X-Authorization-Key": KEY, "Accept": "application/json"})
        for shown in (repr(hidden), str(hidden), f"{hidden}", f"{hidden!r}"):
            assert shown == "{X-Authorization-Key: ***, Accept: ***}"

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_cannot_be_pickled(self, protocol: int) -> None:
        with pytest.raises(TypeError, match="hold credentials and cannot be pickled"):
            pickle.dumps(headers(X_Key=KEY), protocol)

    def test_are_found_in_an_answer_however_they_were_spelled(self) -> None:
        answer = LowerHeaders({"RETRY-after": "5", "X-Request-Id": "r-1"})
        assert answer.get("retry-after") == "5"
        assert answer.get("x-request-id") == "r-1"
        assert answer.get("date") is None

    def test_of_an_answer_may_be_none_at_all(self) -> None:
        assert LowerHeaders().get("date") is None
        assert LowerHeaders(None).get("date") is None


REQUEST = Request(
    "POST",
    "https://restapi.smsbat.com/bat/message/abc123?token=" + KEY,
    "/bat/message/{message_id}",
    headers(X_Authorization_Key=KEY),
    b'[{"text":"your code is 4711","toPhone":"+380501234567"}]',
)


class TestRequest:
    def test_shows_its_method_and_template_only(self) -> None:
        assert repr(REQUEST) == str(REQUEST) == f"{REQUEST}" == "Request(POST /bat/message/{message_id})"

    def test_cannot_be_pickled(self) -> None:
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(REQUEST)

    def test_cannot_be_copied_deeply(self) -> None:
        with pytest.raises(TypeError, match="cannot be pickled"):
            copy.deepcopy(REQUEST)

    def test_is_frozen(self) -> None:
        with pytest.raises(AttributeError):
            REQUEST.url = "https://elsewhere.example"  # type: ignore[misc]

    def test_needs_no_body(self) -> None:
        assert Request("GET", "https://h/", "/", headers()).body is None


class TestResponse:
    def test_shows_its_status_and_size_only(self) -> None:
        response = Response(200, LowerHeaders({"Set-Cookie": KEY}), b"+380501234567")
        assert repr(response) == str(response) == f"{response}" == "Response(200, 13 bytes)"

    def test_is_frozen(self) -> None:
        response = Response(200, LowerHeaders(), b"")
        with pytest.raises(AttributeError):
            response.status = 404  # type: ignore[misc]

    def test_shows_nothing_of_its_headers_where_they_are_shown(self) -> None:
        assert KEY not in repr(LowerHeaders({"Set-Cookie": KEY}))
