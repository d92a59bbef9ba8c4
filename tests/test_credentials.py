"""Keys that never show."""

import base64
import copy
import pickle
import traceback
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import ConfigurationError
from smsbat_async.credentials import Secret, basic_auth, fingerprint, header_name, header_secret

KEY = "sk-live-0123456789"
UNFIT: list[Any] = [
    "",
    " ",
    "two words",
    "key\r\nX-Other: 1",
    "key\x00",
    "key\t",
    "ключ",
    "key\ud800",
    None,
    5,
    b"key",
]


class TestSecret:
    def test_gives_its_text_only_when_asked(self) -> None:
        assert Secret(KEY).reveal() == KEY

    def test_is_not_shown(self) -> None:
        secret = Secret(KEY)
        for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{[secret]}", "%s" % secret):  # noqa: UP031
            assert "***" in shown
            assert KEY not in shown

    def test_is_not_shown_by_a_format_of_texts(self) -> None:
        with pytest.raises(TypeError) as caught:
            f"{Secret(KEY):>40}"
        assert KEY not in str(caught.value)

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_cannot_be_pickled(self, protocol: int) -> None:
        with pytest.raises(TypeError, match=r"^a secret cannot be pickled$"):
            pickle.dumps([Secret(KEY)], protocol)

    def test_cannot_be_copied(self) -> None:
        for method in (copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=r"^a secret cannot be pickled$"):
                method(Secret(KEY))

    def test_cannot_be_encoded_as_json(self) -> None:
        with pytest.raises(TypeError) as caught:
            msgspec.json.encode({"key": Secret(KEY)})
        assert KEY not in str(caught.value)

    def test_has_no_dict_that_shows_it(self) -> None:
        with pytest.raises(TypeError):
            vars(Secret(KEY))


class TestHeaderSecret:
    @pytest.mark.parametrize("value", [KEY, "a", "!~", "x" * 4_096, "a:b=c;d,e"])
    def test_takes_visible_ascii(self, value: str) -> None:
        assert header_secret("api_key", value).reveal() == value

    def test_takes_a_secret(self) -> None:
        assert header_secret("api_key", Secret(KEY)).reveal() == KEY

    @pytest.mark.parametrize("value", UNFIT)
    def test_refuses_anything_else_by_name(self, value: object) -> None:
        with pytest.raises(ConfigurationError, match=r"^viber_token must be a text of visible ASCII"):
            header_secret("viber_token", value)

    def test_refuses_an_unfit_secret(self) -> None:
        with pytest.raises(ConfigurationError):
            header_secret("api_key", Secret("two words"))

    def test_the_refusal_does_not_show_the_key(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            header_secret("api_key", f"{KEY}\n")
        assert KEY not in "".join(traceback.format_exception(caught.value))

    @given(st.text())
    def test_whatever_it_takes_stays_in_one_header_line(self, value: str) -> None:
        try:
            secret = header_secret("api_key", value)
        except ConfigurationError:
            return
        assert secret.reveal() == value
        assert all("!" <= character <= "~" for character in value)


class TestHeaderName:
    @pytest.mark.parametrize("value", ["access_token", "X-API-Key", "api-key", "Authorization", "~"])
    def test_takes_a_token(self, value: str) -> None:
        assert header_name("auth_header", value) == value

    @pytest.mark.parametrize(
        "value", ["", "a b", "a:", "a\r\nb", "ключ", "a(b)", '"a"', None, 5, b"api-key", "a\n"]
    )
    def test_refuses_anything_else_by_name(self, value: object) -> None:
        with pytest.raises(ConfigurationError, match=r"^auth_header must be the name of an HTTP header$"):
            header_name("auth_header", value)


class TestBasic:
    @pytest.mark.parametrize(
        ("username", "password"),
        [("user", "pass"), ("@", KEY), ("user", "pa:ss wörd"), ("користувач", "пароль")],
    )
    def test_is_the_base64_of_both_in_utf8(self, username: str, password: str) -> None:
        value = basic_auth(username, password).reveal()
        scheme, _, encoded = value.partition(" ")
        assert scheme == "Basic"
        assert base64.b64decode(encoded, validate=True).decode() == f"{username}:{password}"

    def test_is_exact(self) -> None:
        assert basic_auth("username", "password").reveal() == "Basic dXNlcm5hbWU6cGFzc3dvcmQ="

    def test_takes_a_secret_as_password(self) -> None:
        assert basic_auth("@", Secret("k")).reveal() == "Basic QDpr"

    @pytest.mark.parametrize("username", ["", "a:b", "a\nb", 5, b"user", "a\ud800"])
    def test_refuses_an_unfit_username(self, username: object) -> None:
        with pytest.raises(ConfigurationError, match=r"^username must be a printable text without a colon$"):
            basic_auth(username, KEY)

    @pytest.mark.parametrize(
        ("username", "password", "missing"), [(None, KEY, "username"), ("user", None, "password")]
    )
    def test_names_the_one_that_is_missing(self, username: object, password: object, missing: str) -> None:
        with pytest.raises(ConfigurationError, match=rf"^{missing} is missing: it goes with "):
            basic_auth(username, password)

    @pytest.mark.parametrize("password", ["", "a\nb", 5, b"pass", "a\ud800", Secret("")])
    def test_refuses_an_unfit_password(self, password: object) -> None:
        with pytest.raises(ConfigurationError, match=r"^password must be a printable text$"):
            basic_auth("user", password)

    def test_a_refusal_shows_neither(self) -> None:
        for username, password in ((f"{KEY}:", "p"), ("u", f"{KEY}\n")):
            with pytest.raises(ConfigurationError) as caught:
                basic_auth(username, password)
            assert KEY not in str(caught.value)


class TestFingerprint:
    def test_is_the_same_for_the_same_credentials(self) -> None:
        assert fingerprint(Secret(KEY), None) == fingerprint(Secret(KEY), None)

    def test_differs_for_others_and_for_the_same_in_another_place(self) -> None:
        a, b, ab = Secret("a"), Secret("b"), Secret("ab")
        different = [
            fingerprint(),
            fingerprint(None),
            fingerprint(a),
            fingerprint(b),
            fingerprint(ab),
            fingerprint(a, b),
            fingerprint(b, a),
            fingerprint(a, None),
            fingerprint(None, a),
        ]
        assert len(set(different)) == len(different)

    def test_tells_nothing_about_them(self) -> None:
        shown = fingerprint(Secret(KEY))
        assert len(shown) == 16
        assert int(shown, 16) >= 0
        assert KEY not in shown
