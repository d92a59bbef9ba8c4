"""Every Python block of the page on telemetry is run, as it stands, against the sandbox."""

import contextlib
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import prometheus_client
import pytest

import smsbat_async
from smsbat_async import SmsBatClient
from smsbat_async.hooks import Event
from smsbat_async.sandbox import Sandbox, SandboxConfig
from smsbat_async.telemetry import attributes as names
from smsbat_async.webhooks import WebhookReceiver
from smsbat_async.webhooks.receiver import WebhookStats
from tests.support.cascade import message
from tests.support.fake import FakeTransport, client_of
from tests.telemetry.exported import Exported, vendor
from tests.test_readme import CONFIG, block_with, blocks, names_of
from tests.webhooks.posting import SECRET, body, post

PAGE = "docs/telemetry.md"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sandbox], None]:
    """Give the snippets the environment that a user would set."""

    def point(sandbox: Sandbox) -> None:
        monkeypatch.setenv("SMSBAT_BASE_URL", sandbox.url)
        monkeypatch.setenv("SMSBAT_API_KEY", sandbox.config.api_key)

    return point


@contextlib.contextmanager
def bare_logging() -> Iterator[None]:
    """Let the program set up logging, as if nobody had."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def shown(text: str) -> str:
    """Return a text with every id and every time in seconds replaced."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    return re.sub(r"[0-9]+\.[0-9] s", "TIME", text)


def test_the_page_has_the_blocks_that_are_run_here() -> None:
    assert len(blocks(PAGE)) == 5


@pytest.mark.looptime
async def test_log_records(point_at: Callable[[Sandbox], None], capsys: pytest.CaptureFixture[str]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        with bare_logging():
            await names_of(block_with(PAGE, "LogHook()"))["main"]()
    printed = [line for line in capsys.readouterr().err.splitlines() if "message" in line]
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    documented = re.findall(r"^INFO message .*$", page, re.MULTILINE)
    assert [shown(line) for line in printed] == [shown(line) for line in documented]
    assert len(printed) == 2


@pytest.mark.looptime
async def test_opentelemetry_to_the_console(
    point_at: Callable[[Sandbox], None], capsys: pytest.CaptureFixture[str]
) -> None:
    block = block_with(PAGE, "ConsoleSpanExporter")
    for exporter in ("ConsoleSpanExporter", "ConsoleMetricExporter"):
        # They keep the standard output of the moment when they were imported.
        block = block.replace(f"{exporter}()", f"{exporter}(out=__import__('sys').stdout)")
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        await names_of(block)["main"]()
    told = list(documents(capsys.readouterr().out))
    spans = {each["name"]: each for each in told if "name" in each}
    assert spans.keys() == {
        "order 12345",
        "send smsbat",
        "track smsbat",
        "POST /api/CascadeMessage/send_message/async",
        "GET /bat/message/{message_id}",
    }
    assert spans["send smsbat"]["parent_id"] == spans["order 12345"]["context"]["span_id"]
    [link] = spans["track smsbat"]["links"]
    assert link["context"]["span_id"] == spans["send smsbat"]["context"]["span_id"]
    [metrics] = [each for each in told if "resource_metrics" in each]
    assert "smsbat.delivery.lag" in json.dumps(metrics)


def documents(text: str) -> Iterator[Any]:
    """Give the JSON documents that are printed one after another."""
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:]


def answers(url: str) -> bool:
    with urlopen(url, timeout=5) as page:
        return bool(page.status == 200)


@pytest.mark.looptime
async def test_prometheus(
    point_at: Callable[[Sandbox], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serving: list[Any] = []
    start = prometheus_client.start_http_server

    def start_anywhere(port: int, **options: Any) -> None:
        assert port == 9464
        serving.extend(start(0, **options))

    monkeypatch.setattr(prometheus_client, "start_http_server", start_anywhere)
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        await names_of(block_with(PAGE, "PrometheusMetricReader"))["main"]()
    server, thread = serving
    assert answers(f"http://127.0.0.1:{server.server_port}/metrics")
    server.shutdown()
    server.server_close()
    thread.join()
    printed = capsys.readouterr().out.strip()
    assert printed in (ROOT / PAGE).read_text(encoding="utf-8")
    assert 'smsbat_outcome="accepted"' in printed
    assert printed.endswith(" 100.0")


@pytest.mark.looptime
async def test_a_hook_of_your_own(
    point_at: Callable[[Sandbox], None], capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sandbox(SandboxConfig()) as sandbox:
        point_at(sandbox)
        await names_of(block_with(PAGE, "ContextVar"))["main"]()
    assert capsys.readouterr().out == "order 12345: /bat/message/{message_id} answered 404\n"


async def test_what_a_receiver_counts_is_a_metric() -> None:
    exported = Exported()
    count_webhooks = names_of(block_with(PAGE, "create_observable_counter"))["count_webhooks"]
    async with SmsBatClient(api_key="k") as client, WebhookReceiver(client, secrets=[SECRET]) as receiver:
        count_webhooks(exported.meter_provider.get_meter("shop"), receiver)
        await post(receiver, body("m-1"))
        await post(receiver, body("m-1"))
        await post(receiver, body("m-1"), secret="a-wrong-secret-of-somebody")
        counts = exported.counts("smsbat.webhooks")
    by_fate = {dict(key)["smsbat.webhook.fate"]: count for key, count in counts.items()}
    assert by_fate.keys() == set(WebhookStats.__struct_fields__)
    some = {name: count for name, count in by_fate.items() if count}
    assert some == {"received": 3, "accepted": 1, "repeated": 1, "unauthorized": 1, "unmatched": 1}


@pytest.mark.looptime
async def test_a_delivery_that_is_not_tracked_is_not_measured() -> None:
    exported = Exported()
    async with (
        client_of(FakeTransport(vendor), hooks=[exported.hook]) as client,
        WebhookReceiver(client, secrets=[SECRET]) as receiver,
    ):
        for number, tracked in enumerate((False, True)):
            receipt = await client.send(message(number))
            if tracked:
                client.track(receipt.message_id)
            await post(receiver, body(receipt.message_id))
    assert sum(exported.counts("smsbat.deliveries").values()) == 1
    assert len(exported.named("track smsbat")) == 1


def test_the_page_names_every_attribute_and_every_metric() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    ours = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    source = (ROOT / "smsbat_async/telemetry/metrics.py").read_text(encoding="utf-8")
    metrics = set(re.findall(r'"(smsbat\.[a-z.]+)"', source))
    assert len(metrics) == 8
    missing = sorted(name for name in ours | metrics if f"`{name}" not in page)
    assert missing == ["url.scheme"]


def test_the_events_on_the_page_are_all_there_are() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    events = {getattr(event, "__origin__", event).__name__ for event in Event.__args__}
    assert all(f"`{name}`" in page for name in events)
    assert events <= set(smsbat_async.__all__)
