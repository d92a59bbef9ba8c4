"""Nothing that a client shows, logs, raises or pickles holds a credential, a text or a phone number."""

import base64
import copy
import gc
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from smsbat_async import (
    CascadeMessage,
    ConfigurationError,
    MessageType,
    NotSentError,
    RetryPolicy,
    SessionPool,
    SmsBatClient,
    SmsBatError,
    ZnsClient,
)
from smsbat_async.credentials import Secret
from tests.support import refused_port

API_KEY = "sk-live-0123456789abcdef"
PASSWORD = "hunter2-hunter2"
VIBER_TOKEN = "viber-token-4f3e2d"
TELEGRAM_KEY = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
ZNS_KEY = "oa-key-99887766"
BASIC = base64.b64encode(f"username:{PASSWORD}".encode()).decode()
TEXT = "your code is 4711"
PHONE = "+380501234567"

HIDDEN = (API_KEY, PASSWORD, VIBER_TOKEN, TELEGRAM_KEY, ZNS_KEY, BASIC, TEXT, PHONE)

AnyClient = SmsBatClient | ZnsClient
Make = Callable[[str], AnyClient]
ONCE = RetryPolicy(attempts=2, initial=0.0, maximum=0.0)


def with_keys(base_url: str) -> SmsBatClient:
    return SmsBatClient(
        api_key=API_KEY, viber_token=VIBER_TOKEN, telegram_key=TELEGRAM_KEY, base_url=base_url, retry=ONCE
    )


def with_basic(base_url: str) -> SmsBatClient:
    return SmsBatClient(
        username="username", password=PASSWORD, viber_token=VIBER_TOKEN, base_url=base_url, retry=ONCE
    )


def of_zns(base_url: str) -> ZnsClient:
    return ZnsClient(api_key=ZNS_KEY, base_url=base_url, retry=ONCE)


CLIENTS: list[Make] = [with_keys, with_basic, of_zns]
SENDERS: list[Callable[[str], SmsBatClient]] = [with_keys, with_basic]


def message() -> CascadeMessage:
    return CascadeMessage(
        id="order-1", from_name="Brand", to_phone=PHONE, message_type=MessageType.TRANSACTION, text=TEXT
    )


def found_in(shown: str) -> list[str]:
    """Return what must not be in a text and is."""
    return [secret for secret in HIDDEN if secret in shown]


def everything_shown_of(error: BaseException) -> str:
    """Return what any log, console or error tracker could show of an error, local variables included."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown = [repr(error), str(error), f"{error}", repr(vars(error)), repr(error.args)]
    shown += trace.format()
    shown += traceback.format_exception(error)
    return "\n".join(shown)


def chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def parts_of(thing: object) -> list[object]:
    """Return everything of this package that can be reached from an object, and the containers within."""
    seen: dict[int, object] = {}
    waiting = [thing]
    while waiting:
        part = waiting.pop()
        ours = type(part).__module__.startswith("smsbat_async")
        if id(part) in seen or not (ours or type(part) in {dict, list, tuple, set}) or isinstance(part, type):
            continue
        if isinstance(part, dict) and "__builtins__" in part:
            continue
        seen[id(part)] = part
        waiting += gc.get_referents(part)
    return [part for part in seen.values() if type(part).__module__.startswith("smsbat_async")]


async def error_of_status(client: AnyClient) -> SmsBatError:
    try:
        await client.status("abc123")
    except SmsBatError as error:
        return error
    raise AssertionError("nothing was raised")


async def error_of_send(client: SmsBatClient) -> SmsBatError:
    try:
        await client.send(message())
    except SmsBatError as error:
        return error
    raise AssertionError("nothing was raised")


class TestClients:
    @pytest.mark.parametrize("make", CLIENTS)
    def test_show_their_host_only(self, make: Make) -> None:
        client = make("https://vendor.example")
        name = type(client).__name__
        for shown in (repr(client), str(client), f"{client}", f"{client!r}", pprint.pformat(client)):
            assert shown == f"<{name} of https://vendor.example:443, open>"

    @pytest.mark.parametrize("make", CLIENTS)
    def test_hide_their_credentials_in_all_their_parts(self, make: Make) -> None:
        parts = parts_of(make("https://vendor.example"))
        names = {type(part).__name__ for part in parts}
        assert names & {"SmsBat", "Zns"}
        assert {"HiddenHeaders", "Requester", "SessionPool", "Hooks", "DeliveryPoller"} <= names
        for part in parts:
            assert found_in(repr(part)) == [], type(part).__name__
            assert found_in(f"{part}") == [], type(part).__name__

    @pytest.mark.parametrize("make", CLIENTS)
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_cannot_be_pickled(self, make: Make, protocol: int) -> None:
        with pytest.raises(TypeError) as caught:
            pickle.dumps(make("https://vendor.example"), protocol)
        assert found_in(str(caught.value)) == []

    @pytest.mark.parametrize("make", CLIENTS)
    def test_cannot_be_copied_deeply(self, make: Make) -> None:
        with pytest.raises(TypeError) as caught:
            copy.deepcopy(make("https://vendor.example"))
        assert found_in(str(caught.value)) == []

    @pytest.mark.parametrize(
        "arguments",
        [
            {"api_key": f"{API_KEY}\n"},
            {"api_key": f"{API_KEY} {API_KEY}"},
            {"viber_token": f"{VIBER_TOKEN}\r\nX-Other: 1"},
            {"telegram_key": f"{TELEGRAM_KEY}\x00"},
            {"username": "user:name", "password": PASSWORD},
            {"username": "username", "password": f"{PASSWORD}\n"},
            {"api_key": API_KEY, "username": "username", "password": PASSWORD},
            {"api_key": API_KEY, "base_url": f"https://username:{PASSWORD}@vendor.example"},
            {"api_key": API_KEY, "base_url": f"https://vendor.example?key={API_KEY}"},
        ],
    )
    def test_do_not_repeat_what_they_refuse(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError) as caught:
            SmsBatClient(**arguments)
        error = caught.value
        shown = [repr(error), str(error), repr(vars(error)), *traceback.format_exception_only(error)]
        assert found_in("".join(shown)) == []
        assert [type(link) for link in chain(error)] == [ConfigurationError]


class TestErrorsOfCalls:
    @pytest.mark.parametrize("make", CLIENTS)
    async def test_of_a_status_hold_no_secret(self, make: Make) -> None:
        with refused_port() as port:
            async with make(f"http://127.0.0.1:{port}") as client:
                error = await error_of_status(client)
        assert isinstance(error, NotSentError)
        assert error.kind == "connect"
        assert found_in(everything_shown_of(error)) == []

    @pytest.mark.parametrize("make", SENDERS)
    async def test_of_a_send_hold_no_secret_no_text_and_no_phone_number(
        self, make: Callable[[str], SmsBatClient]
    ) -> None:
        with refused_port() as port:
            async with make(f"http://127.0.0.1:{port}") as client:
                error = await error_of_send(client)
        assert isinstance(error, NotSentError)
        shown = everything_shown_of(error)
        assert "order-1" in shown  # local variables really are shown
        assert found_in(shown) == []

    @pytest.mark.parametrize("make", CLIENTS)
    async def test_have_no_error_of_a_library_behind_them(self, make: Make) -> None:
        with refused_port() as port:
            async with make(f"http://127.0.0.1:{port}") as client:
                error = await error_of_status(client)
                [result] = await client.fetch_statuses(["abc123"])
        assert [type(link) for link in chain(error)] == [NotSentError]
        assert result.error is not None
        assert [type(link) for link in chain(result.error)] == [NotSentError]
        assert str(error).startswith("ClientConnectorError")

    async def test_survive_pickling_without_a_secret(self) -> None:
        with refused_port() as port:
            async with with_keys(f"http://127.0.0.1:{port}") as client:
                errors = [await error_of_status(client), await error_of_send(client)]
        for error in errors:
            pickled = pickle.dumps(error)
            assert [secret for secret in HIDDEN if secret.encode() in pickled] == []
            assert str(pickle.loads(pickled)) == str(error)

    async def test_of_a_run_hold_none_either(self) -> None:
        with refused_port() as port:
            async with with_keys(f"http://127.0.0.1:{port}") as client:
                [result] = await client.send_many([message()])
        assert isinstance(result.error, NotSentError)
        assert found_in(everything_shown_of(result.error)) == []
        assert found_in(repr(result)) == []


class TestLogs:
    async def test_at_debug_hold_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        heard: list[object] = []

        def broken(event: object) -> None:
            heard.append(event)
            raise ValueError(f"{event!r} {message()!r}")

        with refused_port() as port:
            base_url = f"http://127.0.0.1:{port}"
            for make in CLIENTS:
                async with make(base_url) as client:
                    await error_of_status(client)
                    if isinstance(client, SmsBatClient):
                        await client.send_many([message()])
            async with SmsBatClient(api_key=API_KEY, base_url=base_url, hooks=[broken], retry=ONCE) as client:
                await error_of_send(client)
                assert client.hook_failures == len(heard) > 0
        assert "raised ValueError on RequestFinished" in caplog.text
        assert found_in(caplog.text) == []
        assert found_in(repr([vars(record) for record in caplog.records])) == []
        assert found_in(repr(heard)) == []


class TestSharedPool:
    async def test_shows_no_credential_after_use(self) -> None:
        with refused_port() as port:
            async with SessionPool() as pool:
                client = SmsBatClient(
                    api_key=Secret(API_KEY), base_url=f"http://127.0.0.1:{port}", pool=pool, retry=ONCE
                )
                async with client:
                    await error_of_status(client)
                    for part in parts_of(pool):
                        assert found_in(repr(part)) == [], type(part).__name__
                    assert repr(pool) == "SessionPool(0 of 50 in flight)"
