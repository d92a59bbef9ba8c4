"""Base URLs and paths: where credentials may travel to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from smsbat_async import ConfigurationError
from smsbat_async.vendors.hosts import check_base_url, check_path, host_of, is_loopback

SHAPE = r"^base_url must look like https://host, maybe with a port and a path$"


class TestBaseUrl:
    @pytest.mark.parametrize(
        ("given_url", "kept"),
        [
            ("https://restapi.smsbat.com", "https://restapi.smsbat.com"),
            ("https://restapi.smsbat.com/", "https://restapi.smsbat.com"),
            ("https://restapi.smsbat.com///", "https://restapi.smsbat.com"),
            ("https://gateway.example:8443/smsbat/", "https://gateway.example:8443/smsbat"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("HTTPS://restapi.smsbat.com", "HTTPS://restapi.smsbat.com"),
        ],
    )
    def test_loses_the_slash_at_its_end_and_nothing_else(self, given_url: str, kept: str) -> None:
        assert check_base_url(given_url, allow_http=False) == kept

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "restapi.smsbat.com",
            "//restapi.smsbat.com",
            "https:restapi.smsbat.com",
            "https:/restapi.smsbat.com",
            "https://",
            "https:///path",
            "https://:443",
            "ftp://restapi.smsbat.com",
            "file:///etc/hosts",
            "https://host:port",
            "https://host:65536",
            "https://host:-1",
            "https://[::1",
            "https://host name",
            "https://host\r\nX-Other: 1",
            "https://host\n",
            " https://host",
            "https://хост.example",
            None,
            5,
            b"https://host",
        ],
    )
    def test_refuses_what_is_no_place_on_the_web(self, url: object) -> None:
        for allow_http in (False, True):
            with pytest.raises(ConfigurationError, match=SHAPE):
                check_base_url(url, allow_http=allow_http)

    @pytest.mark.parametrize(
        "url",
        [
            "https://user@host",
            "https://user:password@host",
            "https://@host",
            "https://host?key=1",
            "https://host/?",
            "https://host?",
            "https://host/path?a=b",
            "https://host#part",
            "https://host/#",
            "https://host#",
        ],
    )
    def test_refuses_user_names_queries_and_fragments(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match=SHAPE):
            check_base_url(url, allow_http=True)

    def test_the_refusal_does_not_repeat_a_password(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            check_base_url("https://user:hunter2@host", allow_http=False)
        assert "hunter2" not in str(caught.value)

    @given(st.text("https:/.?#@[]\\ab0189-_%", max_size=30).map("https://".__add__) | st.text())
    def test_whatever_it_takes_is_only_prolonged_by_a_path(self, text: str) -> None:
        try:
            base = check_base_url(text, allow_http=True)
        except ConfigurationError:
            return
        try:
            seen = URL(f"{base}/bat/message/abc", encoded=True)
        except ValueError:
            return  # no URL for the HTTP client either: nothing can be sent there
        assert seen.raw_path.endswith("/bat/message/abc")
        assert not seen.query_string
        assert not seen.fragment
        assert seen.user is None


class TestPlainHttp:
    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost",
            "http://localhost:8080/",
            "http://LOCALHOST:8080",
            "http://127.0.0.1:9000",
            "http://127.200.0.7",
            "http://[::1]:8080",
        ],
    )
    def test_is_for_loopback(self, url: str) -> None:
        assert check_base_url(url, allow_http=False) == url.rstrip("/")

    @pytest.mark.parametrize(
        "url",
        [
            "http://restapi.smsbat.com",
            "HTTP://restapi.smsbat.com",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://evil.example/localhost",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://128.0.0.1",
            "http://[::2]",
            "http://2130706433",
        ],
    )
    def test_is_refused_elsewhere_unless_allowed(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match=r"must begin with https://.*allow_http=True lifts that"):
            check_base_url(url, allow_http=False)
        assert check_base_url(url, allow_http=True) == url


class TestLoopback:
    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1"])
    def test_is_this_machine(self, host: str) -> None:
        assert is_loopback(host)

    @pytest.mark.parametrize(
        "host", ["", "localhost.", "localhost.example", "example", "128.0.0.1", "::2", "127.1"]
    )
    def test_is_nothing_else(self, host: str) -> None:
        assert not is_loopback(host)


class TestPath:
    @pytest.mark.parametrize("path", ["/", "/bat/message/{message_id}", "/a?b={message_id}", "//a"])
    def test_begins_with_a_slash(self, path: str) -> None:
        assert check_path("status_path", path) == path

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "bat",
            ".evil.example/",
            "@evil.example/",
            ":8080/",
            "/a b",
            "/a\r\n",
            "/a#b",
            "/ї",
            None,
            5,
            b"/a",
        ],
    )
    def test_refuses_what_could_change_the_host_or_cut_the_id_off(self, path: object) -> None:
        with pytest.raises(ConfigurationError, match=r"^status_path must begin with / and be visible ASCII"):
            check_path("status_path", path)


class TestHost:
    @pytest.mark.parametrize(
        ("url", "host"),
        [
            ("https://restapi.smsbat.com", "https://restapi.smsbat.com:443"),
            ("https://restapi.smsbat.com:443/a", "https://restapi.smsbat.com:443"),
            ("https://RESTAPI.smsbat.com", "https://restapi.smsbat.com:443"),
            ("HTTPS://restapi.smsbat.com", "https://restapi.smsbat.com:443"),
            ("https://restapi.smsbat.com:8443", "https://restapi.smsbat.com:8443"),
            ("http://127.0.0.1", "http://127.0.0.1:80"),
            ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080"),
        ],
    )
    def test_is_scheme_name_and_port(self, url: str, host: str) -> None:
        assert host_of(url) == host
