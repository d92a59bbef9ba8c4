"""An id never leaves its place in a URL, whatever it is."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from smsbat_async import InvalidMessageError
from smsbat_async.vendors.ids import check_message_id
from smsbat_async.vendors.smsbat import SmsBat
from smsbat_async.vendors.zns import Zns

SMSBAT = SmsBat(api_key="k")
ZNS = Zns(api_key="k")
SAFE = "ABCXYZabcxyz0189-_~."

GOOD = [
    "a",
    "abc123def456",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "_x",
    "~x",
    "-x",
    "a..b",
    "a.",
    "0",
    "x" * 128,
]
BAD = [
    "",
    ".",
    "..",
    ".hidden",
    "../admin",
    "a/b",
    "a\\b",
    "//evil.example",
    "https://evil.example",
    "a?x=1",
    "a#b",
    "a&b",
    "a=b",
    "a%2fb",
    "%2e%2e",
    "a b",
    "a\n",
    "a\r\nX-Other: 1",
    "a\x00",
    "ідентифікатор",
    "a\ud800",
    "a@b",
    "a:b",
    "a;b",
    "a+b",
    "１２３",
    "x" * 129,
    "x" * 10_000,
]

texts = st.text() | st.text(st.characters()) | st.text(SAFE + "/\\?#%&@:;=+ \r\n\t\x00é", max_size=140)


class TestCheck:
    @pytest.mark.parametrize("value", GOOD)
    def test_takes_what_means_itself_in_a_url(self, value: str) -> None:
        assert check_message_id(value) == value

    @pytest.mark.parametrize("value", BAD)
    def test_refuses_anything_else(self, value: str) -> None:
        with pytest.raises(InvalidMessageError) as caught:
            check_message_id(value)
        assert (caught.value.field, caught.value.code) == ("message_id", "invalid_id")

    @pytest.mark.parametrize("value", [None, 123, b"abc", ["abc"], 1.5, True])
    def test_refuses_what_is_no_text(self, value: object) -> None:
        with pytest.raises(InvalidMessageError):
            check_message_id(value)

    @given(st.text(SAFE, min_size=1, max_size=128))
    def test_takes_every_text_of_its_alphabet_without_a_leading_dot(self, value: str) -> None:
        if value.startswith("."):
            with pytest.raises(InvalidMessageError):
                check_message_id(value)
        else:
            assert check_message_id(value) == value


class TestSmsbatUrl:
    @pytest.mark.parametrize("value", GOOD)
    def test_is_exact(self, value: str) -> None:
        request = SMSBAT.status_request(value)
        assert request.url == f"https://restapi.smsbat.com/bat/message/{value}"
        assert request.template == "/bat/message/{message_id}"

    @given(texts)
    @example("abc%2F..")
    @example("..")
    def test_has_the_id_as_one_segment_of_its_path_or_is_not_made(self, value: str) -> None:
        try:
            url = SMSBAT.status_request(value).url
        except InvalidMessageError:
            return
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc) == ("https", "restapi.smsbat.com")
        assert (parts.query, parts.fragment) == ("", "")
        assert parts.path.split("/") == ["", "bat", "message", value]
        for seen in (URL(url), URL(url, encoded=True)):
            assert (seen.scheme, seen.host, seen.port) == ("https", "restapi.smsbat.com", 443)
            assert seen.parts == ("/", "bat", "message", value)
            assert seen.raw_path == f"/bat/message/{value}"
            assert not seen.query_string
            assert not seen.fragment
            assert seen.user is None

    @given(texts)
    def test_stays_on_a_host_of_the_users_own(self, value: str) -> None:
        vendor = SmsBat(
            api_key="k", base_url="http://127.0.0.1:8080/gateway", status_path="/s/{message_id}/state"
        )
        try:
            url = vendor.status_request(value).url
        except InvalidMessageError:
            return
        seen = URL(url)
        assert (seen.host, seen.port) == ("127.0.0.1", 8080)
        assert seen.parts == ("/", "gateway", "s", value, "state")


class TestZnsUrl:
    @pytest.mark.parametrize("value", GOOD)
    def test_is_exact(self, value: str) -> None:
        request = ZNS.status_request(value)
        assert request.url == f"https://zns.api.gobysend.com/api/message/status?message_id={value}"
        assert request.template == "/api/message/status"

    @given(texts)
    @example("a&message_id=b")
    def test_has_the_id_as_its_one_parameter_or_is_not_made(self, value: str) -> None:
        try:
            url = ZNS.status_request(value).url
        except InvalidMessageError:
            return
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.path) == (
            "https",
            "zns.api.gobysend.com",
            "/api/message/status",
        )
        assert parts.fragment == ""
        assert parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) == [("message_id", value)]
        for seen in (URL(url), URL(url, encoded=True)):
            assert (seen.scheme, seen.host, seen.port) == ("https", "zns.api.gobysend.com", 443)
            assert seen.path == "/api/message/status"
            assert list(seen.query.items()) == [("message_id", value)]
            assert seen.user is None
