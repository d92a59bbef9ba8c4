"""The benchmark of webhooks: it runs, counts every one, and fails where one is lost."""

import asyncio

import pytest

from benchmarks import machine, webhooks
from benchmarks.webhook_server import id_of, is_tracked, message_of

pytestmark = pytest.mark.unmeasured


def test_measures_both_frameworks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "loops", lambda: {"asyncio": asyncio.new_event_loop})
    size = webhooks.Size(rate=200.0, seconds=0.3, burst=40, rounds=1, connections=3, remembered=50)
    report = webhooks.run(size)
    assert [row[:4] for row in report.table.rows] == [
        ("fastapi", "asyncio", "60", "0"),
        ("aiohttp", "asyncio", "60", "0"),
    ]
    for row in report.data["rows"]:
        assert (row["paced"]["accepted"], row["paced"]["repeated"], row["paced"]["resolved"]) == (57, 3, 30)
        assert row["bursts"][0]["received"] == 40


def test_one_webhook_in_twenty_repeats_another() -> None:
    messages = [message_of(number) for number in range(1_000)]
    assert len(set(messages)) == 950
    assert messages[19] == messages[9]
    assert sum(is_tracked(message) for message in set(messages)) == 500
    assert len({len(id_of(message)) for message in messages}) == 1
