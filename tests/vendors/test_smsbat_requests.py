"""SMSBAT: how it is set up, and every request as exact bytes."""

import base64
import datetime as dt
from typing import Any

import pytest

from smsbat_async import (
    CascadeMessage,
    ConfigurationError,
    InvalidMessageError,
    MessageType,
    Route,
)
from smsbat_async.credentials import Secret
from smsbat_async.vendors.smsbat import SmsBat

ID = "abc123def456"
KEY = "your-api-key"
VENDOR = SmsBat(api_key=KEY)
COMMON = {"User-Agent": "smsbat-async", "Accept-Encoding": "identity", "Accept": "application/json"}


def message(tracking_id: str, **changes: Any) -> CascadeMessage:
    fields: dict[str, Any] = {
        "id": tracking_id,
        "from_name": "YourBrand",
        "to_phone": "+380501234567",
        "message_type": MessageType.TRANSACTION,
        "text": "Hello",
    }
    return CascadeMessage(**{**fields, **changes})


class TestStatusRequest:
    def test_carries_the_key_in_the_vendors_header(self) -> None:
        request = SmsBat(api_key=KEY).status_request(ID)
        assert (request.method, request.url, request.body) == (
            "GET",
            "https://restapi.smsbat.com/bat/message/abc123def456",
            None,
        )
        assert request.headers == {**COMMON, "X-Authorization-Key": KEY}

    def test_carries_a_user_name_and_password_as_basic(self) -> None:
        request = SmsBat(username="username", password="password").status_request(ID)
        assert request.headers == {**COMMON, "Authorization": "Basic dXNlcm5hbWU6cGFzc3dvcmQ="}

    def test_carries_the_key_as_the_password_of_the_user_at(self) -> None:
        request = SmsBat(username="@", password=Secret(KEY)).status_request(ID)
        expected = base64.b64encode(b"@:your-api-key").decode()
        assert request.headers == {**COMMON, "Authorization": f"Basic {expected}"}

    def test_never_carries_the_tokens_of_the_cascade(self) -> None:
        request = SmsBat(api_key=KEY, viber_token="v", telegram_key="t").status_request(ID)
        assert request.headers == {**COMMON, "X-Authorization-Key": KEY}

    def test_needs_a_credential_that_status_requests_take(self) -> None:
        with pytest.raises(
            ConfigurationError, match="status requests need api_key, or username with password"
        ):
            SmsBat(viber_token="v", telegram_key="t").status_request(ID)

    def test_goes_where_it_is_told(self) -> None:
        vendor = SmsBat(
            api_key=KEY, base_url="https://eu.smsbat.example:8443/v2/", status_path="/m/{message_id}/state"
        )
        assert vendor.status_request(ID).url == "https://eu.smsbat.example:8443/v2/m/abc123def456/state"
        assert vendor.status_request(ID).template == "/m/{message_id}/state"
        assert vendor.host == "https://eu.smsbat.example:8443"

    def test_is_not_made_of_an_unfit_id(self) -> None:
        with pytest.raises(InvalidMessageError):
            VENDOR.status_request("../admin")


class TestSetUp:
    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({}, "credentials are missing"),
            ({"api_key": KEY, "username": "u", "password": "p"}, "exclude each other"),
            ({"username": "u"}, "password is missing"),
            ({"password": "p"}, "username is missing"),
            ({"api_key": ""}, "api_key must be"),
            ({"api_key": "a b"}, "api_key must be"),
            ({"viber_token": "a\n"}, "viber_token must be"),
            ({"telegram_key": "ключ"}, "telegram_key must be"),
            ({"api_key": KEY, "base_url": "http://restapi.smsbat.com"}, "base_url must begin with https://"),
            ({"api_key": KEY, "status_path": "/bat/message/"}, "hold {message_id} once"),
            ({"api_key": KEY, "status_path": "/{message_id}/{message_id}"}, "hold {message_id} once"),
            ({"api_key": KEY, "status_path": ".evil.example/{message_id}"}, "status_path must begin with /"),
            ({"api_key": KEY, "status_path": "/a#{message_id}"}, "status_path must begin with /"),
            ({"api_key": KEY, "status_path": None}, "status_path must begin with /"),
        ],
    )
    def test_is_refused_where_something_is_missing_or_wrong(self, arguments: Any, text: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            SmsBat(**arguments)
        assert text in str(caught.value)
        assert KEY not in str(caught.value)

    def test_shows_its_host_only(self) -> None:
        assert repr(VENDOR) == "SmsBat(https://restapi.smsbat.com:443)"
        assert VENDOR.name == "smsbat"

    def test_tells_credentials_apart(self) -> None:
        vendors = [
            SmsBat(api_key=KEY),
            SmsBat(api_key="other"),
            SmsBat(username="@", password=KEY),
            SmsBat(viber_token=KEY),
            SmsBat(telegram_key=KEY),
        ]
        assert len({vendor.credential for vendor in vendors}) == 5
        assert SmsBat(api_key=KEY).credential == VENDOR.credential


class TestSendRequest:
    def test_is_an_array_of_exactly_what_is_given(self) -> None:
        moment = dt.datetime(2025, 1, 25, 10, tzinfo=dt.UTC)
        messages = [message("tx-001", text="Привіт", ttl=3_600, scheduled_sent=moment), message("tx-002")]
        request = VENDOR.send_request(messages, Route.STANDARD)
        assert request.body is not None
        assert request.body.decode() == (
            '[{"id":"tx-001","fromName":"YourBrand","toPhone":"+380501234567","messageType":"transaction",'
            '"text":"Привіт","ttl":3600,"scheduledSent":"2025-01-25T10:00:00Z"},'
            '{"id":"tx-002","fromName":"YourBrand","toPhone":"+380501234567","messageType":"transaction",'
            '"text":"Hello"}]'
        )

    @pytest.mark.parametrize(
        ("route", "path"),
        [
            (Route.STANDARD, "/api/CascadeMessage/send_message/async"),
            (Route.TG_VIBER, "/api/CascadeMessage/send_message/tg-viber/async"),
        ],
    )
    def test_goes_the_way_of_its_route(self, route: Route, path: str) -> None:
        request = VENDOR.send_request([message("a")], route)
        assert (request.method, request.url, request.template) == (
            "POST",
            f"https://restapi.smsbat.com{path}",
            path,
        )

    @pytest.mark.parametrize(
        ("credentials", "expected"),
        [
            ({"api_key": "k"}, {"X-Authorization-Key": "k"}),
            ({"viber_token": "v"}, {"X-Viber-Auth-Token": "v"}),
            ({"telegram_key": "t"}, {"X-Tg-Bot-Key": "t"}),
            (
                {"api_key": "k", "viber_token": "v", "telegram_key": "t"},
                {"X-Authorization-Key": "k", "X-Viber-Auth-Token": "v", "X-Tg-Bot-Key": "t"},
            ),
            ({"username": "u", "password": "p", "viber_token": "v"}, {"X-Viber-Auth-Token": "v"}),
        ],
    )
    def test_carries_every_credential_that_the_cascade_takes(self, credentials: Any, expected: Any) -> None:
        request = SmsBat(**credentials).send_request([message("a")], Route.STANDARD)
        assert request.headers == {**COMMON, "Content-Type": "application/json", **expected}

    def test_needs_one_of_them(self) -> None:
        vendor = SmsBat(username="u", password="p")
        with pytest.raises(ConfigurationError, match="HTTP Basic is not enough"):
            vendor.check_can_send()
        with pytest.raises(ConfigurationError, match="HTTP Basic is not enough"):
            vendor.send_request([message("a")], Route.STANDARD)
