"""The public surface: names, signatures and defaults that users rely on, and what importing it costs."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

import smsbat_async
from smsbat_async import (
    CascadeMessage,
    Delivery,
    DeliveryPoller,
    DeliveryStatus,
    Fallback,
    Limits,
    MessageStatus,
    MessageType,
    Outcome,
    PollPolicy,
    Rate,
    Receipt,
    ResultStream,
    RetryPolicy,
    Route,
    SendOutcome,
    SendResult,
    SessionPool,
    SmsBatClient,
    StatusResult,
    ZnsClient,
    ZnsStatus,
)

INIT = Path(smsbat_async.__file__)

CONTRACT = [
    "SmsBatClient",
    "ZnsClient",
    "SessionPool",
    "RetryPolicy",
    "PollPolicy",
    "Rate",
    "Limits",
    "CascadeMessage",
    "MessageType",
    "Route",
    "Receipt",
    "SendResult",
    "SendOutcome",
    "MessageStatus",
    "ZnsStatus",
    "StatusResult",
    "DeliveryStatus",
    "Fallback",
    "Delivery",
    "Outcome",
    "DeliveryPoller",
    "ResultStream",
    "SmsBatError",
    "ConfigurationError",
    "InvalidMessageError",
    "ClientClosedError",
    "OutcomeUnknownError",
    "ApiError",
    "BadRequestError",
    "AuthenticationError",
    "PermissionDeniedError",
    "NotFoundError",
    "RateLimitError",
    "ServerError",
    "TransportError",
    "NotSentError",
    "ResponseError",
    "DeliveryFailedError",
]

NEEDED: Any = inspect.Parameter.empty


def parameters(function: Any) -> dict[str, Any]:
    """Return the parameters of a function with their defaults, without self."""
    found = inspect.signature(function).parameters.values()
    return {parameter.name: parameter.default for parameter in found if parameter.name != "self"}


def by_keyword_only(function: Any) -> set[str]:
    found = inspect.signature(function).parameters.values()
    return {parameter.name for parameter in found if parameter.kind is parameter.KEYWORD_ONLY}


def imported_names() -> list[str]:
    tree = ast.parse(INIT.read_text())
    return [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]


class TestNames:
    def test_all_is_sorted_and_is_what_is_imported(self) -> None:
        assert smsbat_async.__all__ == sorted(imported_names())
        assert len(set(smsbat_async.__all__)) == len(smsbat_async.__all__)

    def test_there_is_nothing_but_imports_and_all(self) -> None:
        kinds = [type(node) for node in ast.parse(INIT.read_text()).body]
        assert kinds[0] is ast.Expr
        assert set(kinds[1:-1]) == {ast.ImportFrom}
        assert kinds[-1] is ast.Assign

    @pytest.mark.parametrize("name", CONTRACT)
    def test_the_contract_is_there(self, name: str) -> None:
        assert name in smsbat_async.__all__
        assert inspect.isclass(getattr(smsbat_async, name))

    @pytest.mark.parametrize("name", smsbat_async.__all__)
    def test_everything_is_documented(self, name: str) -> None:
        value = getattr(smsbat_async, name)
        if inspect.isclass(value):
            assert value.__doc__
            for member, method in vars(value).items():
                if inspect.isfunction(method) and not member.startswith("_"):
                    assert method.__doc__, member

    def test_is_typed(self) -> None:
        assert INIT.with_name("py.typed").exists()


SHARED_BY_CLIENTS: dict[str, Any] = {
    "allow_http": False,
    "pool": None,
    "retry": RetryPolicy(attempts=3, initial=0.5, maximum=8.0, resend_unknown=False),
    "polling": PollPolicy(
        initial=5.0,
        factor=1.6,
        maximum=30.0,
        timeout=120.0,
        jitter=0.1,
        last_poll_grace=5.0,
        allow_fast=False,
    ),
    "limits": Limits(status=Rate(50, 75), send=Rate(100, 150)),
    "timeout": 30.0,
    "total_timeout": 120.0,
    "hooks": (),
}
SMSBAT: dict[str, Any] = {
    "api_key": None,
    "username": None,
    "password": None,
    "viber_token": None,
    "telegram_key": None,
    "base_url": "https://restapi.smsbat.com",
    **SHARED_BY_CLIENTS,
}
ZNS: dict[str, Any] = {
    "api_key": NEEDED,
    "auth_header": "access_token",
    "base_url": "https://zns.api.gobysend.com",
    **SHARED_BY_CLIENTS,
}
OF_BOTH: dict[str, dict[str, Any]] = {
    "status": {"message_id": NEEDED, "max_age": 0.0},
    "statuses": {"message_ids": NEEDED, "concurrency": None},
    "fetch_statuses": {"message_ids": NEEDED, "concurrency": None},
    "track": {"message_id": NEEDED, "timeout": None},
    "wait_for_delivery": {"message_id": NEEDED, "timeout": None},
    "deliveries": {"message_ids": NEEDED, "timeout": None, "window": 100_000},
    "aclose": {"grace": 10.0},
}
MANY: dict[str, Any] = {
    "messages": NEEDED,
    "route": Route.STANDARD,
    "chunk_size": 500,
    "concurrency": 4,
    "split_refused": True,
}
OF_SMSBAT: dict[str, dict[str, Any]] = {
    "send": {"message": NEEDED, "route": Route.STANDARD},
    "send_many": MANY,
    "send_stream": MANY,
}
MANY_NATIVE: dict[str, Any] = {name: default for name, default in MANY.items() if name != "route"}
BEYOND: list[tuple[Any, str, dict[str, Any]]] = [
    (SmsBatClient, "send_native", {"message": NEEDED}),
    (SmsBatClient, "send_native_many", MANY_NATIVE),
    (SmsBatClient, "send_native_stream", MANY_NATIVE),
    (SmsBatClient, "save_variables", {"items": NEEDED}),
    (ZnsClient, "send", {"message": NEEDED}),
    (ZnsClient, "quota", {}),
    (ZnsClient, "templates", {"status": None, "page_size": 100}),
]
COROUTINES = {
    *("status", "fetch_statuses", "wait_for_delivery", "send", "send_many", "aclose"),
    *("send_native", "send_native_many", "save_variables", "quota", "templates"),
}


class TestClients:
    @pytest.mark.parametrize(("client", "expected"), [(SmsBatClient, SMSBAT), (ZnsClient, ZNS)])
    def test_take_the_documented_keywords_with_their_defaults(
        self, client: Any, expected: dict[str, Any]
    ) -> None:
        found = parameters(client)
        assert {name: found[name] for name in expected} == expected
        assert by_keyword_only(client) == found.keys()
        assert all(found[name] is not NEEDED for name in found.keys() - expected.keys())

    @pytest.mark.parametrize("client", [SmsBatClient, ZnsClient])
    @pytest.mark.parametrize("name", OF_BOTH)
    def test_share_their_methods(self, client: Any, name: str) -> None:
        check_method(getattr(client, name), name, OF_BOTH[name])

    @pytest.mark.parametrize("name", OF_SMSBAT)
    def test_of_smsbat_send(self, name: str) -> None:
        check_method(getattr(SmsBatClient, name), name, OF_SMSBAT[name])
        assert name == "send" or not hasattr(ZnsClient, name)

    @pytest.mark.parametrize(("client", "name", "expected"), BEYOND)
    def test_do_more_than_the_vendors_first_pages_tell(
        self, client: Any, name: str, expected: dict[str, Any]
    ) -> None:
        check_method(getattr(client, name), name, expected, by_keyword=NEEDED not in expected.values())

    @pytest.mark.parametrize("client", [SmsBatClient, ZnsClient])
    def test_are_made_from_the_environment_with_overrides(self, client: Any) -> None:
        [overrides] = inspect.signature(client.from_env).parameters.values()
        assert overrides.kind is overrides.VAR_KEYWORD

    @pytest.mark.parametrize("client", [SmsBatClient(api_key="k"), ZnsClient(api_key="k")])
    def test_need_no_event_loop_to_be_made(self, client: SmsBatClient | ZnsClient) -> None:
        assert isinstance(client.poller, DeliveryPoller)
        assert client.poller.pending == 0
        copy = client.with_options(timeout=1.0, total_timeout=None, retry=RetryPolicy(), polling=PollPolicy())
        assert type(copy) is type(client)
        assert copy.poller is client.poller


def check_method(method: Any, name: str, expected: dict[str, Any], *, by_keyword: bool = False) -> None:
    assert parameters(method) == expected
    first = None if by_keyword else next(iter(expected))
    assert by_keyword_only(method) == (set(expected) - {first})
    assert inspect.iscoroutinefunction(method) is (name in COROUTINES)


class TestOtherClasses:
    def test_a_pool_takes_a_bound_a_transport_or_a_session(self) -> None:
        assert parameters(SessionPool) == {"max_concurrency": 50, "transport": "aiohttp", "session": None}
        assert by_keyword_only(SessionPool) >= {"transport", "session"}

    def test_a_poller_tracks_is_fed_and_drains(self) -> None:
        assert parameters(DeliveryPoller.track)["timeout"] is None
        assert next(iter(parameters(DeliveryPoller.feed).items())) == ("status", NEEDED)
        assert parameters(DeliveryPoller.drain) == {"timeout": None}
        assert inspect.iscoroutinefunction(DeliveryPoller.drain)
        assert isinstance(DeliveryPoller.pending, property)

    def test_a_stream_is_iterated_over_and_left(self) -> None:
        for name in ("__aiter__", "__anext__", "__aenter__", "__aexit__"):
            assert callable(getattr(ResultStream, name))
        assert not inspect.isasyncgenfunction(ResultStream.__aiter__)

    @pytest.mark.parametrize(
        ("cls", "expected"),
        [
            (RetryPolicy, {"attempts": 3, "initial": 0.5, "maximum": 8.0, "resend_unknown": False}),
            (
                PollPolicy,
                {
                    "initial": 5.0,
                    "factor": 1.6,
                    "maximum": 30.0,
                    "timeout": 120.0,
                    "jitter": 0.1,
                    "last_poll_grace": 5.0,
                    "allow_fast": False,
                },
            ),
            (Limits, {"status": Rate(50, 75), "send": Rate(100, 150)}),
        ],
    )
    def test_policies_take_keywords_only(self, cls: Any, expected: dict[str, Any]) -> None:
        assert parameters(cls) == expected
        assert by_keyword_only(cls) == expected.keys()

    def test_a_rate_takes_two_numbers_in_order(self) -> None:
        assert parameters(Rate) == {"per_second": NEEDED, "burst": NEEDED}
        assert parameters(Rate.share) == parameters(Limits.share) == {"processes": NEEDED}

    @pytest.mark.parametrize(
        ("cls", "fields"),
        [
            (
                CascadeMessage,
                "id from_name to_phone message_type text ttl scheduled_sent survey_options",
            ),
            (Receipt, "message_id tracking_id"),
            (SendResult, "message outcome message_id error"),
            (StatusResult, "message_id status error"),
            (Delivery, "message_id outcome status polls elapsed source last_error"),
            (
                MessageStatus,
                "message_id messagelist_id delivery_status parts_count cost fallbacks extended_statuses"
                " rate rate_amount rate_currency bill_amount bill_currency",
            ),
            (ZnsStatus, "message_id status delivery_time message"),
            (Fallback, "type status"),
        ],
    )
    def test_values_have_the_documented_fields_and_are_frozen(
        self, cls: type[msgspec.Struct], fields: str
    ) -> None:
        assert cls.__struct_fields__ == tuple(fields.split())
        assert cls.__struct_config__.frozen

    def test_a_message_needs_four_fields_by_keyword(self) -> None:
        found = parameters(CascadeMessage)
        assert [name for name, default in found.items() if default is NEEDED] == [
            "id",
            "from_name",
            "to_phone",
            "message_type",
        ]
        assert all(default is None for default in found.values() if default is not NEEDED)
        assert by_keyword_only(CascadeMessage) == found.keys()

    @pytest.mark.parametrize(
        ("cls", "members"),
        [
            (MessageType, "TRANSACTION PROMO VIBER_SURVEY FLASHCALL"),
            (Route, "STANDARD TG_VIBER"),
            (SendOutcome, "ACCEPTED REJECTED NOT_SENT UNKNOWN"),
            (DeliveryStatus, "SCHEDULED PROCESSING DELIVERED UNDELIVERABLE PERMANENT_ERROR"),
        ],
    )
    def test_words_have_the_documented_members(self, cls: Any, members: str) -> None:
        assert list(cls.__members__) == members.split()
        assert issubclass(cls, str)

    def test_outcomes_have_the_documented_members(self) -> None:
        wanted = {"DELIVERED", "UNDELIVERABLE", "PERMANENT_ERROR", "NOT_FOUND", "TIMED_OUT"}
        assert wanted <= set(Outcome.__members__)


QUIET_IMPORT = """
import sys
import threading

events = []
sys.addaudithook(lambda event, arguments: events.append(event))
import smsbat_async

heavy = {"aiohttp", "yarl", "uvloop", "fastapi"}
print(sorted(name for name in sys.modules if name.partition(".")[0] in heavy))
smsbat_async.SmsBatClient(api_key="k")
smsbat_async.ZnsClient(api_key="k")
noisy = [event for event in events if event.startswith(("socket.", "subprocess.", "os.fork", "urllib."))]
print(noisy)
print(threading.active_count())
"""


class TestImport:
    def test_touches_no_network_and_no_loop_and_does_not_import_aiohttp(self) -> None:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", QUIET_IMPORT],
            capture_output=True,
            text=True,
            check=False,
            cwd=INIT.parent.parent,
        )
        assert done.stderr == ""
        assert done.stdout.splitlines() == ["[]", "[]", "1"]
