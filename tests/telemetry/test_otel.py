"""The OpenTelemetry hook as a whole: what it needs, and the names that it uses."""

import ast
import importlib
import sys
from pathlib import Path

import pytest
from opentelemetry.semconv._incubating.attributes import messaging_attributes, url_attributes
from opentelemetry.semconv._incubating.metrics import messaging_metrics
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes
from opentelemetry.semconv.metrics import http_metrics

from smsbat_async import ConfigurationError, RequestFinished
from smsbat_async.telemetry import attributes as names
from smsbat_async.telemetry import otel
from smsbat_async.telemetry.otel import OpenTelemetryHook
from tests.support.cascade import message
from tests.support.fake import FakeTransport, client_of
from tests.telemetry.exported import EXACT, Exported, vendor

PACKAGE = Path(otel.__file__).parent.parent

CONVENTIONS = (
    error_attributes,
    http_attributes,
    http_metrics,
    messaging_attributes,
    messaging_metrics,
    server_attributes,
    url_attributes,
)


def test_names_are_those_of_the_conventions_or_our_own() -> None:
    known = {value for module in CONVENTIONS for value in vars(module).values() if isinstance(value, str)}
    used = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    assert len(used) > 20
    assert sorted(name for name in used - known if not name.startswith("smsbat.")) == []


@pytest.mark.looptime
async def test_nothing_is_made_and_nothing_breaks_where_the_program_has_no_opentelemetry_sdk() -> None:
    hook = OpenTelemetryHook()
    async with client_of(FakeTransport(vendor), polling=EXACT, hooks=[hook]) as client:
        receipt = await client.send(message(1))
        assert (await client.wait_for_delivery(receipt.message_id)).success
        assert client.hook_failures == 0


@pytest.mark.parametrize("remembered", [0, -1, 1.5, "many"])
def test_how_many_sends_are_remembered_is_checked(remembered: int) -> None:
    with pytest.raises(ConfigurationError, match="remembered"):
        OpenTelemetryHook(remembered=remembered)


def test_events_of_other_kinds_are_left_out() -> None:
    exported = Exported()
    exported.hook("an event of a later release")
    assert exported.spans == ()
    assert list(exported.points()) == []


def test_a_request_of_no_call_is_measured_and_has_no_span() -> None:
    exported = Exported()
    exported.hook(
        RequestFinished(
            kind="status",
            host="http://127.0.0.1",
            method="GET",
            template="/x",
            attempt=1,
            status_code=200,
            elapsed=0.5,
            error=None,
        )
    )
    assert exported.spans == ()
    [(attributes, measured)] = exported.sums("http.client.request.duration").items()
    assert measured == (1, 0.5)
    assert dict(attributes)["server.port"] == 80


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    monkeypatch.delitem(sys.modules, otel.__name__)
    with pytest.raises(ImportError, match=r"pip install 'smsbat-async\[otel\]'"):
        importlib.import_module(otel.__name__)


def test_opentelemetry_is_met_in_telemetry_alone_and_only_its_api() -> None:
    imported: set[tuple[str, str]] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("opentelemetry"):
                imported.add((path.parent.name, node.module or ""))
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("opentelemetry") for alias in node.names)
    assert {folder for folder, _ in imported} == {"telemetry"}
    assert {name for _, name in imported} == {
        "opentelemetry.context",
        "opentelemetry.metrics",
        "opentelemetry.trace",
    }
