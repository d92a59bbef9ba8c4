"""Nothing that is exported or logged names a person; ids are in one attribute of spans and nowhere else."""

import json
import logging
from typing import Any

import pytest

from smsbat_async import (
    CascadeMessage,
    MessageType,
    RetryPolicy,
    SessionPool,
    SmsBatError,
    ZnsClient,
    ZnsMessage,
)
from smsbat_async.telemetry import LogHook
from tests.support.fake import FREE, Call, FakeTransport, client_of, http, status
from tests.telemetry.exported import EXACT, Exported

KEY = "key-of-a-secret-kind"
TEXT = "your code is zebra"
DIGITS = "380501234567"
MINE = f"order-{DIGITS}-77"
"""An id of a user who thought that the phone number makes a good one."""
THEIRS = "v-id-of-the-vendor"
BAD_WORDS = {"error": f"{TEXT} to +{DIGITS}", "code": TEXT, "message": f"cannot send {TEXT!r} to {DIGITS}"}

SECRETS = (KEY, TEXT, "zebra", DIGITS, DIGITS[3:])


def cascade(number: str = MINE) -> CascadeMessage:
    return CascadeMessage(
        id=number,
        from_name="Shop",
        to_phone=f"+{DIGITS}",
        message_type=MessageType.TRANSACTION,
        text=TEXT,
    )


async def use_everything(hooks: list[Any]) -> None:
    """Send, fail, be refused, track and ask, with secrets in every place that has room for one."""

    def vendor(call: Call) -> Any:
        body = call.request.body
        if body is None:
            return {"refused": http(404, BAD_WORDS), "broken": http(500, BAD_WORDS)}.get(
                call.message_id, status()
            )
        if b"refuse" in body:
            return http(422, BAD_WORDS)
        if b"break" in body:
            return http(500, BAD_WORDS)
        return http(200, [{"messageId": THEIRS, "trackinId": one["id"]} for one in json.loads(body)])

    once = RetryPolicy(attempts=2, initial=0.1)
    options: dict[str, Any] = {"retry": once, "polling": EXACT, "hooks": hooks, "api_key": KEY}
    async with client_of(FakeTransport(vendor), **options) as client:
        receipt = await client.send(cascade())
        await client.wait_for_delivery(receipt.message_id)
        await client.wait_for_delivery("refused", timeout=10.0)
        for number in ("refuse", "break", MINE):
            with_phone = cascade(f"{number}-+{DIGITS}")
            results = await client.send_many([with_phone, cascade(f"{number}-{DIGITS}")], chunk_size=2)
            assert len(results) == 2
        await client.fetch_statuses([THEIRS, "refused", "broken", f"+{DIGITS}"])
        with pytest.raises(SmsBatError):
            await client.send(cascade("break"))
        with pytest.raises(SmsBatError):
            await client.status("broken")
        assert client.hook_failures == 0
    notified = FakeTransport(
        lambda call: (
            http(200, {"error": -108, "message": f"{TEXT} {DIGITS}"})
            if call.request.body
            else http(200, {"error": 0, "data": {"status": 1}})
        )
    )
    pool = SessionPool(transport=notified)
    async with ZnsClient(api_key=KEY, pool=pool, limits=FREE, polling=EXACT, hooks=hooks) as zns:
        with pytest.raises(SmsBatError):
            await zns.send(
                ZnsMessage(tracking_id=MINE, phone=DIGITS, template_id="7", template_data={"code": TEXT})
            )
        await zns.wait_for_delivery(THEIRS)


@pytest.mark.looptime
async def test_no_phone_text_key_or_id_is_in_any_metric() -> None:
    exported = Exported()
    await use_everything([exported.hook])
    shown = json.dumps([[name, dict(point.attributes or {})] for name, point in exported.points()])
    assert "smsbat.sends" in shown
    assert "rejected" in shown
    for secret in (*SECRETS, MINE, THEIRS, "refused-", "broken"):
        assert secret not in shown


@pytest.mark.looptime
async def test_no_phone_text_or_key_is_in_any_span_and_no_id_outside_of_its_attribute() -> None:
    exported = Exported()
    await use_everything([exported.hook])
    ids = set()
    for span in exported.spans:
        told = dict(span.attributes or {})
        ids.add(told.pop("messaging.message.id", None))
        assert all(secret not in span.to_json() for secret in SECRETS)
        assert all(one not in f"{span.name} {told}" for one in (MINE, THEIRS))
    assert THEIRS in ids
    assert {span.name for span in exported.spans} >= {"send smsbat", "track smsbat", "send zns"}


@pytest.mark.looptime
async def test_no_phone_text_or_key_is_in_any_log_record(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await use_everything([LogHook()])
    assert len(caplog.records) > 50
    for record in caplog.records:
        shown = f"{record.getMessage()} {vars(record)}"
        assert all(secret not in shown for secret in SECRETS), record.getMessage()
