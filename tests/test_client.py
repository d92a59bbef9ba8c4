"""The two clients: how they are made, copied and asked."""

import asyncio
from typing import Any

import pytest

from smsbat_async import (
    ClientClosedError,
    ConfigurationError,
    InvalidMessageError,
    Outcome,
    PollPolicy,
    RetryPolicy,
    SmsBatClient,
    TransportError,
    ZnsClient,
)
from tests.support import (
    ScriptedServer,
    hang,
    json_answer,
)
from tests.support.cascade import (
    client_of,
    message,
    status_answer,
    vendor_script,
    zns_of,
)

SECRET = "not-to-be-shown-4711"
FAST = PollPolicy(initial=0.001, maximum=0.01, allow_fast=True, timeout=5.0)


# How they are made


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "api_key"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": f"{SECRET} "}, "api_key"),
        ({"api_key": f"{SECRET}\r\nX: y"}, "api_key"),
        ({"api_key": f"{SECRET}ключ"}, "api_key"),
        ({"api_key": SECRET.encode()}, "api_key"),
        ({"api_key": 4711}, "api_key"),
        ({"username": "shop"}, "password"),
        ({"password": SECRET}, "username"),
        ({"username": "shop:1", "password": SECRET}, "username"),
        ({"username": "shop", "password": f"{SECRET}\n"}, "password"),
        ({"api_key": SECRET, "username": "shop", "password": SECRET}, "username"),
        ({"viber_token": f"{SECRET} "}, "viber_token"),
        ({"telegram_key": f"{SECRET} "}, "telegram_key"),
        ({"api_key": SECRET, "base_url": "restapi.smsbat.com"}, "base_url"),
        ({"api_key": SECRET, "base_url": "ftp://restapi.smsbat.com"}, "base_url"),
        ({"api_key": SECRET, "base_url": "http://restapi.smsbat.com"}, "allow_http"),
        ({"api_key": SECRET, "base_url": f"https://u:{SECRET}@restapi.smsbat.com"}, "base_url"),
        ({"api_key": SECRET, "base_url": "https://restapi.smsbat.com?x=1"}, "base_url"),
        ({"api_key": SECRET, "base_url": "https://restapi.smsbat.com:99999"}, "base_url"),
        ({"api_key": SECRET, "base_url": None}, "base_url"),
        ({"api_key": SECRET, "status_path": "bat/{message_id}"}, "status_path"),
        ({"api_key": SECRET, "status_path": "/bat/message"}, "status_path"),
        ({"api_key": SECRET, "status_path": "/{message_id}/{message_id}"}, "status_path"),
        ({"api_key": SECRET, "status_path": None}, "status_path"),
        ({"api_key": SECRET, "pool": "aiohttp"}, "pool"),
        ({"api_key": SECRET, "retry": None}, "retry"),
        ({"api_key": SECRET, "polling": RetryPolicy()}, "polling"),
        ({"api_key": SECRET, "limits": None}, "limits"),
        ({"api_key": SECRET, "timeout": 0}, "timeout"),
        ({"api_key": SECRET, "timeout": "5"}, "timeout"),
        ({"api_key": SECRET, "timeout": float("nan")}, "timeout"),
        ({"api_key": SECRET, "total_timeout": -1.0}, "total_timeout"),
        ({"api_key": SECRET, "hooks": print}, "hooks"),
        ({"api_key": SECRET, "hooks": [5]}, "hooks"),
    ],
)
def test_a_wrong_argument_is_named_and_no_secret_is_shown(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SmsBatClient(**arguments)
    assert named in str(caught.value)
    assert "4711" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"api_key": None}, "api_key"),
        ({"api_key": f"{SECRET} "}, "api_key"),
        ({"api_key": SECRET, "auth_header": "access token"}, "auth_header"),
        ({"api_key": SECRET, "auth_header": ""}, "auth_header"),
        ({"api_key": SECRET, "base_url": "http://zns.api.gobysend.com"}, "base_url"),
        ({"api_key": SECRET, "status_path": ".evil.test/api"}, "status_path"),
        ({"api_key": SECRET, "status_path": None}, "status_path"),
        ({"api_key": SECRET, "polling": None}, "polling"),
        ({"api_key": SECRET, "limits": 50}, "limits"),
        ({"api_key": SECRET, "timeout": 0.0}, "timeout"),
    ],
)
def test_a_wrong_argument_of_zns_is_named_and_no_secret_is_shown(
    arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ZnsClient(**arguments)
    assert named in str(caught.value)
    assert "4711" not in repr(caught.value)


def test_making_a_client_needs_no_loop_and_its_repr_shows_only_its_host() -> None:
    client = SmsBatClient(username="shop", password=SECRET, viber_token=SECRET)
    other = ZnsClient(api_key=SECRET)
    assert repr(client) == "<SmsBatClient of https://restapi.smsbat.com:443, open>"
    assert repr(other) == "<ZnsClient of https://zns.api.gobysend.com:443, open>"
    asyncio.run(client.aclose())
    assert repr(client) == "<SmsBatClient of https://restapi.smsbat.com:443, closed>"


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:8025",
        "http://localhost",
        "http://[::1]:80/",
        "https://eu.smsbat.com/v2/",
        "http://127.1.2.3",
    ],
)
def test_base_urls_may_be_https_or_this_machine(base_url: str) -> None:
    assert base_url.split("/")[2].split(":")[0].strip("[]") in repr(
        SmsBatClient(api_key="k", base_url=base_url)
    )


def test_http_elsewhere_must_be_allowed() -> None:
    client = SmsBatClient(api_key="k", base_url="http://gateway.internal", allow_http=True)
    assert "http://gateway.internal:80" in repr(client)


async def test_a_path_in_the_base_url_comes_before_every_path() -> None:
    async with ScriptedServer(vendor_script) as server:
        async with client_of(
            server, base_url=f"{server.url}/proxy/", status_path="/s/{message_id}/now"
        ) as client:
            await client.send(message(1))
            await client.status("v-1")
        async with zns_of(server, base_url=f"{server.url}/proxy", status_path="/s") as zns:
            await zns.status("z-1")
    assert [request.target for request in server.requests] == [
        "/proxy/api/CascadeMessage/send_message/async",
        "/proxy/s/v-1/now",
        "/proxy/s?message_id=z-1",
    ]


# The environment


def test_smsbat_is_made_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMSBAT_API_KEY", "env-key")
    monkeypatch.setenv("SMSBAT_VIBER_TOKEN", "env-viber")
    monkeypatch.setenv("SMSBAT_TELEGRAM_KEY", "env-telegram")
    monkeypatch.setenv("SMSBAT_USERNAME", "")
    monkeypatch.setenv("SMSBAT_BASE_URL", "https://eu.smsbat.com")
    assert "https://eu.smsbat.com:443" in repr(SmsBatClient.from_env())
    assert "http://127.0.0.1:1" in repr(SmsBatClient.from_env(base_url="http://127.0.0.1:1"))


async def test_what_the_environment_says_is_sent_unless_it_is_overridden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with ScriptedServer(vendor_script) as server:
        monkeypatch.setenv("SMSBAT_BASE_URL", server.url)
        monkeypatch.setenv("SMSBAT_API_KEY", "env-key")
        monkeypatch.setenv("SMSBAT_VIBER_TOKEN", "env-viber")
        monkeypatch.setenv("SMSBAT_TELEGRAM_KEY", "env-telegram")
        async with SmsBatClient.from_env(telegram_key="own-telegram") as client:
            await client.send(message(1))
        monkeypatch.delenv("SMSBAT_API_KEY")
        monkeypatch.setenv("SMSBAT_USERNAME", "@")
        monkeypatch.setenv("SMSBAT_PASSWORD", "env-key")
        async with SmsBatClient.from_env() as client:
            await client.status("v-1")
        monkeypatch.setenv("ZNS_BASE_URL", server.url)
        monkeypatch.setenv("ZNS_API_KEY", "zns-key")
        monkeypatch.setenv("ZNS_AUTH_HEADER", "X-Goby-Key")
        async with ZnsClient.from_env(retry=RetryPolicy(attempts=1)) as zns:
            await zns.fetch_statuses(["z-1"])
    sent, basic, zns_request = server.requests
    assert sent.header("X-Authorization-Key") == "env-key"
    assert sent.header("X-Viber-Auth-Token") == "env-viber"
    assert sent.header("X-Tg-Bot-Key") == "own-telegram"
    assert basic.header("Authorization") == "Basic QDplbnYta2V5"
    assert basic.header("X-Authorization-Key") is None
    assert zns_request.header("X-Goby-Key") == "zns-key"
    assert zns_request.header("access_token") is None


@pytest.mark.parametrize(
    ("given", "key", "basic"),
    [
        ({}, "env-key", None),  # a key makes the rest superfluous
        ({"api_key": "own-key"}, "own-key", None),
        ({"username": "@", "password": "env-key"}, None, "Basic QDplbnYta2V5"),
    ],
)
async def test_what_is_given_beats_what_is_found_where_the_two_exclude_each_other(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], key: str | None, basic: str | None
) -> None:
    monkeypatch.setenv("SMSBAT_API_KEY", "env-key")
    monkeypatch.setenv("SMSBAT_USERNAME", "env-user")
    monkeypatch.setenv("SMSBAT_PASSWORD", "env-password")
    async with (
        ScriptedServer(vendor_script) as server,
        SmsBatClient.from_env(base_url=server.url, **given) as client,
    ):
        await client.status("v-1")
    (request,) = server.requests
    assert request.header("X-Authorization-Key") == key
    assert request.header("Authorization") == basic


def test_an_environment_without_credentials_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "USERNAME", "PASSWORD", "VIBER_TOKEN", "TELEGRAM_KEY"):
        monkeypatch.delenv(f"SMSBAT_{name}", raising=False)
    monkeypatch.delenv("ZNS_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="credentials are missing"):
        SmsBatClient.from_env()
    with pytest.raises(ConfigurationError, match="api_key is missing: set ZNS_API_KEY"):
        ZnsClient.from_env()
    assert "gobysend" in repr(ZnsClient.from_env(api_key="given"))


# Copies


def test_the_environment_may_allow_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix, client in (("SMSBAT", SmsBatClient), ("ZNS", ZnsClient)):
        monkeypatch.setenv(f"{prefix}_API_KEY", "k")
        monkeypatch.setenv(f"{prefix}_BASE_URL", "http://sandbox:8025")
        for refused in ("0", ""):
            monkeypatch.setenv(f"{prefix}_ALLOW_HTTP", refused)
            with pytest.raises(ConfigurationError, match="base_url"):
                client.from_env()
        monkeypatch.setenv(f"{prefix}_ALLOW_HTTP", "1")
        assert "http://sandbox:8025" in repr(client.from_env())
        with pytest.raises(ConfigurationError, match="base_url"):
            client.from_env(allow_http=False)
        monkeypatch.setenv(f"{prefix}_ALLOW_HTTP", "perhaps")
        with pytest.raises(ConfigurationError, match=f"{prefix}_ALLOW_HTTP must be 1 or 0"):
            client.from_env()


def test_missing_credentials_are_named_by_their_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "USERNAME", "PASSWORD", "VIBER_TOKEN", "TELEGRAM_KEY"):
        monkeypatch.delenv(f"SMSBAT_{name}", raising=False)
    monkeypatch.setenv("SMSBAT_BASE_URL", "https://eu.smsbat.com")
    for overrides in ({}, {"timeout": 5.0}, {"base_url": "https://eu.smsbat.com"}):
        with pytest.raises(ConfigurationError, match="set SMSBAT_API_KEY"):
            SmsBatClient.from_env(**overrides)


async def test_a_copy_shares_pool_cache_and_poller_and_closing_it_closes_nothing() -> None:
    async with ScriptedServer(vendor_script) as server, client_of(server) as client:
        async with client.with_options(timeout=1.0, polling=FAST) as copy:
            assert copy.poller is client.poller
            await copy.status("v-1")
        assert (await client.status("v-1", max_age=30.0)).delivery_status == "delivered"
        assert len(server.requests) == 1
        await client.status("v-2")
        assert len(server.requests) == 2
        assert server.connections == 1
        assert type(copy) is SmsBatClient
    with pytest.raises(ClientClosedError):
        await copy.status("v-3")


@pytest.mark.looptime
async def test_a_copy_has_its_own_times_and_the_original_keeps_its_own() -> None:
    loop = asyncio.get_running_loop()
    retry = RetryPolicy(attempts=1)
    async with ScriptedServer(hang()) as server, client_of(server, timeout=5.0, retry=retry) as client:
        for asked, seconds in (
            (client.with_options(timeout=2.0), 2.0),
            (client, 5.0),
            (client.with_options(timeout=None, total_timeout=3.0), 3.0),
            (client.with_options(timeout=2.0).with_options(retry=RetryPolicy(attempts=2, initial=0.0)), 4.0),
        ):
            began = loop.time()
            with pytest.raises(TransportError):
                await asked.status("v-1")
            assert loop.time() - began == pytest.approx(seconds, abs=0.01)


async def test_options_that_a_copy_cannot_have_are_named() -> None:
    client = SmsBatClient(api_key=SECRET)
    with pytest.raises(ConfigurationError, match="with_options does not know api_key, pool"):
        client.with_options(pool=None, api_key="k", timeout=1.0)
    with pytest.raises(ConfigurationError, match="retry must be a RetryPolicy"):
        client.with_options(retry=None)
    with pytest.raises(ConfigurationError, match="timeout must be more than 0"):
        client.with_options(timeout=0)


@pytest.mark.looptime
async def test_a_copy_tracks_by_its_own_policy() -> None:
    polling = PollPolicy(initial=2.0, factor=1.0, maximum=2.0, jitter=0.0, timeout=7.0, last_poll_grace=0.0)
    async with ScriptedServer(status_answer("processing")) as server, client_of(server) as client:
        copy = client.with_options(polling=polling)
        delivery = await copy.wait_for_delivery("v-1")
    assert delivery.outcome is Outcome.TIMED_OUT
    assert delivery.elapsed == pytest.approx(7.0, abs=0.01)
    assert delivery.polls == 3


# The status of one message


@pytest.mark.looptime
async def test_a_remembered_answer_will_do_while_it_is_young() -> None:
    async with ScriptedServer(status_answer("processing")) as server, client_of(server) as client:
        first = await client.status("v-1")
        await asyncio.sleep(29.0)
        assert await client.status("v-1", max_age=30.0) is first
        assert len(server.requests) == 1
        await asyncio.sleep(1.0)
        assert await client.status("v-1", max_age=30.0) is not first
        assert len(server.requests) == 2
        await client.status("v-1")
        assert len(server.requests) == 3


@pytest.mark.looptime
async def test_the_end_of_a_message_never_grows_old_but_is_asked_again_by_default() -> None:
    async with ScriptedServer(status_answer("delivered")) as server, client_of(server) as client:
        first = await client.status("v-1")
        await asyncio.sleep(7_200.0)
        assert await client.status("v-1", max_age=0.001) is first
        assert len(server.requests) == 1
        await client.status("v-1")
        assert len(server.requests) == 2
        delivery = await client.wait_for_delivery("v-1")
        assert (delivery.source, delivery.polls, delivery.elapsed) == ("cache", 0, 0.0)
        assert len(server.requests) == 2


@pytest.mark.looptime
async def test_an_id_that_is_not_known_is_asked_again() -> None:
    unknown = json_answer({"error": 0, "message": "Success", "data": {"status": -1, "message": "?"}})
    async with ScriptedServer(unknown) as server, zns_of(server) as client:
        for _ in range(2):
            status = await client.status("z-1", max_age=30.0)
            assert (status.status, status.outcome) == (-1, Outcome.NOT_FOUND)
        assert [request.target for request in server.requests] == ["/api/message/status?message_id=z-1"] * 2


@pytest.mark.parametrize("message_id", ["", "../x", "a/b", "a b", "a\r\nb", "x" * 129, None, 5, ["v-1"]])
@pytest.mark.parametrize("max_age", [0.0, 30.0])
async def test_an_id_that_does_not_fit_a_url_is_refused_before_the_network(
    message_id: Any, max_age: float
) -> None:
    async with ScriptedServer(vendor_script) as server, client_of(server) as client:
        with pytest.raises(InvalidMessageError, match="message_id"):
            await client.status(message_id, max_age=max_age)
        with pytest.raises(InvalidMessageError, match="message_id"):
            client.track(message_id)
    assert server.connections == 0


async def test_an_answer_to_a_single_question_also_ends_the_tracking() -> None:
    async with ScriptedServer(vendor_script) as server, client_of(server) as client:
        tracked = client.track("v-1")
        status = await client.status("v-1")
        delivery = await tracked
    assert delivery.status is status
    assert (delivery.outcome, delivery.polls, delivery.source) == (Outcome.DELIVERED, 0, "poll")
    assert len(server.requests) == 1


async def test_many_statuses_come_with_their_ids_and_also_end_trackings() -> None:
    async with ScriptedServer(vendor_script) as server, client_of(server) as client:
        tracked = client.track("v-3")
        ids = [f"v-{number}" for number in range(30)]
        results = await client.fetch_statuses([*ids, "no/id"])
        streamed = {result.message_id async for result in client.statuses(iter(ids), concurrency=2)}
        assert (await tracked).success
    assert [result.message_id for result in results] == [*ids, "no/id"]
    assert [result.status.delivery_status for result in results if result.status] == ["delivered"] * 30
    assert isinstance(results[-1].error, InvalidMessageError)
    assert streamed == set(ids)


# Small mistakes


@pytest.mark.parametrize("max_age", [-1.0, float("nan"), "3"])
async def test_an_age_that_is_none_is_refused(max_age: Any) -> None:
    async with SmsBatClient(api_key="k") as client:
        with pytest.raises(ConfigurationError, match=r"^max_age must be at least 0 seconds$"):
            await client.status("v-1", max_age=max_age)


def test_a_source_of_jitter_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^random must be a random\.Random$"):
        SmsBatClient(api_key="k", random=3)  # type: ignore[arg-type]


def test_an_empty_environment_is_told_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "USERNAME", "PASSWORD", "VIBER_TOKEN", "TELEGRAM_KEY", "BASE_URL"):
        monkeypatch.delenv(f"SMSBAT_{name}", raising=False)
    with pytest.raises(ConfigurationError, match="set SMSBAT_API_KEY"):
        SmsBatClient.from_env()
