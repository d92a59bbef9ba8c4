"""What a webhook meets, whatever the framework."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from smsbat_async import ConfigurationError, MessageStatus, Outcome, ZnsStatus
from smsbat_async.credentials import Secret
from smsbat_async.webhooks import WebhookEvent, WebhookReceiver, ZaloSignature
from smsbat_async.webhooks.reply import BODY_MAXIMUM
from tests.support.fake import FakeTransport, client_of
from tests.support.items import await_the_cancelled
from tests.tracking.test_poller_news import WAITING, zns_client
from tests.webhooks.posting import OTHER, SECRET, body, pieces, post

Event = WebhookEvent[MessageStatus]


def waiting() -> FakeTransport:
    return FakeTransport([WAITING])


# -- news --------------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_a_webhook_resolves_the_future_and_is_told_to_the_callback() -> None:
    told: list[Event] = []
    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], on_event=told.append) as receiver,
    ):
        future = client.track("m-1")
        assert (await post(receiver, body(cost=0.05))).status == 200
        delivery = await future
        assert (delivery.outcome, delivery.source, str(delivery.cost)) == (
            Outcome.DELIVERED,
            "webhook",
            "0.05",
        )
    assert [(event.name, event.status) for event in told] == [("delivery_status", delivery.status)]
    assert receiver.stats.accepted == 1
    assert receiver.stats.unmatched == 0


@pytest.mark.looptime
async def test_row_61_a_repeated_webhook_is_answered_and_told_once() -> None:
    told: list[Event] = []
    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], on_event=told.append) as receiver,
    ):
        for _ in range(3):
            assert (await post(receiver, body())).status == 200
    assert len(told) == 1
    assert (receiver.stats.received, receiver.stats.accepted, receiver.stats.repeated) == (3, 1, 2)


@pytest.mark.looptime
async def test_row_62_an_earlier_state_changes_nothing() -> None:
    told: list[str] = []

    def note(event: Event) -> None:
        assert event.status is not None
        told.append(event.status.delivery_status)

    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], on_event=note) as receiver,
    ):
        future = client.track("m-1")
        for word in ("processing", "scheduled", "delivered", "processing", "undeliverable"):
            assert (await post(receiver, body(word=word))).status == 200
        assert (await future).success
    assert told == ["processing", "delivered"]
    assert receiver.stats.outdated == 3


@pytest.mark.looptime
async def test_row_63_a_webhook_that_is_faster_than_the_answer_is_merged() -> None:
    async with client_of(waiting()) as client, WebhookReceiver(client, secrets=[SECRET]) as receiver:
        await post(receiver, body())
        assert receiver.stats.unmatched == 1
        assert (await client.wait_for_delivery("m-1")).success


@pytest.mark.looptime
async def test_other_events_are_told_once_and_feed_nothing() -> None:
    told: list[Event] = []
    answer = b'{"idUuid":"u","alphaName":"Shop","phoneNumber":"380501234567","text":"Yes"}'
    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], on_event=told.append) as receiver,
    ):
        for raw in (answer, answer, answer.replace(b"Yes", b"No")):
            assert (await post(receiver, raw)).status == 200
    assert [event.payload()["text"] for event in told] == ["Yes", "No"]


@pytest.mark.looptime
async def test_what_is_remembered_is_bounded() -> None:
    told: list[Event] = []
    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], on_event=told.append, remembered=2) as receiver,
    ):
        for name in ("a", "b", "c", "b", "a"):
            await post(receiver, body(name))
    assert [event.status.message_id for event in told if event.status] == ["a", "b", "c", "a"]


# -- who sends it ------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_a_secret_may_be_in_the_path_or_in_a_header() -> None:
    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET, Secret(OTHER)], secret_header="X-Ours") as receiver,
    ):
        for given in (SECRET, OTHER):
            assert (await post(receiver, body(), secret=given)).status == 200
            assert (await post(receiver, body(), secret=None, headers={"x-OURS": given})).status == 200
            assert (await post(receiver, body(), secret="x", headers={"X-Ours": given})).status == 200
    assert receiver.stats.unauthorized == 0


@pytest.mark.looptime
@pytest.mark.parametrize(
    "secret",
    [None, "", "wrong", SECRET[:-1], SECRET + "x", SECRET.upper(), "ключ", "\udcff", "\0", "é" * 500],
)
async def test_row_65_without_the_secret_nothing_is_read(secret: str | None) -> None:
    read: list[bytes] = []

    async def watched() -> AsyncIterator[bytes]:
        read.append(b"")
        yield body()

    async with client_of(waiting()) as client, WebhookReceiver(client, secrets=[SECRET]) as receiver:
        future = client.track("m-1")
        headers = {} if secret is None else {"X-Webhook-Secret": secret}
        assert (await receiver.receive(headers, watched())).status == 401
        assert (await receiver.receive({}, watched(), secret=secret)).status == 401
        assert not future.done()
        future.cancel()
    assert not read
    assert receiver.stats.unauthorized == 2


ZNS = (
    b'{"event_name":"user_received_message","app_id":"431","timestamp":"1000000",'
    b'"message":{"msg_id":"m-1","tracking_id":"order-1","delivery_time":"1000000"}}'
)


def signed(raw: bytes, secret: str = "oa-secret") -> dict[str, str]:
    digest = hashlib.sha256(b"431" + raw + b"1000000" + secret.encode()).hexdigest()
    return {"X-ZEvent-Signature": f"mac={digest}"}


def signature() -> ZaloSignature:
    return ZaloSignature(secrets=["oa-secret"], clock=lambda: 1_000.0)


@pytest.mark.looptime
async def test_a_signed_notification_resolves_the_future() -> None:
    async with zns_client(waiting()) as client, WebhookReceiver(client, verify=signature()) as receiver:
        future = client.track("m-1")
        assert (await post(receiver, ZNS, headers=signed(ZNS), secret=None)).status == 200
        assert (await future).outcome is Outcome.DELIVERED
        assert isinstance((await client.wait_for_delivery("m-1")).status, ZnsStatus)


@pytest.mark.looptime
async def test_row_65_a_wrong_signature_is_refused() -> None:
    async with zns_client(waiting()) as client, WebhookReceiver(client, verify=signature()) as receiver:
        for headers in ({}, signed(ZNS, "wrong"), {"X-ZEvent-Signature": "mac=é"}):
            assert (await post(receiver, ZNS, headers=headers, secret=None)).status == 401
    assert (receiver.stats.unauthorized, receiver.stats.accepted) == (3, 0)


@pytest.mark.looptime
async def test_with_both_the_secret_and_the_signature_have_to_be_right() -> None:
    async with (
        zns_client(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], verify=signature()) as receiver,
    ):
        assert (await post(receiver, ZNS, headers=signed(ZNS), secret="wrong")).status == 401
        assert (await post(receiver, ZNS)).status == 401
        assert (await post(receiver, ZNS, headers=signed(ZNS))).status == 200


@pytest.mark.looptime
@pytest.mark.parametrize("raw", [b"", b"{}", b'{"test":true}'])
async def test_the_probe_of_a_registration_is_answered_and_changes_nothing(raw: bytes) -> None:
    told: list[Any] = []
    async with (
        zns_client(waiting()) as client,
        WebhookReceiver(client, verify=signature(), on_event=told.append) as receiver,
    ):
        assert (await post(receiver, raw, secret=None)).status == 200
    assert receiver.stats.probes == 1
    assert not told


@pytest.mark.looptime
async def test_a_probe_without_our_secret_is_refused_and_smsbat_has_none() -> None:
    async with zns_client(waiting()) as client, WebhookReceiver(client, secrets=[SECRET]) as receiver:
        assert (await post(receiver, b"{}", secret=None)).status == 401
        assert (await post(receiver, b"{}")).status == 200
    async with client_of(waiting()) as sms, WebhookReceiver(sms, secrets=[SECRET]) as other:
        assert (await post(other, b"{}")).status == 400


@pytest.mark.looptime
async def test_row_65_a_check_that_raises_is_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    def verify(headers: Any, raw: bytes) -> bool:
        raise KeyError("+380501234567")

    async with client_of(waiting()) as client, WebhookReceiver(client, verify=verify) as receiver:
        assert (await post(receiver, body())).status == 401
    assert "KeyError in " in caplog.text
    assert "380501234567" not in caplog.text


@pytest.mark.looptime
async def test_refusals_are_told_with_their_reason_and_never_without_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with client_of(waiting()) as client, WebhookReceiver(client, secrets=[SECRET]) as receiver:
        for _ in range(50):
            await post(receiver, body(), secret="wrong-secret-of-theirs")
        assert caplog.messages == ["a webhook was refused: its secret is missing or wrong (1 so far)"]
        await asyncio.sleep(60)
        await post(receiver, body(), secret=None)
    assert caplog.messages[1:] == ["a webhook was refused: its secret is missing or wrong (51 so far)"]
    assert "wrong-secret-of-theirs" not in caplog.text


@pytest.mark.looptime
async def test_why_a_signature_is_refused_is_told_to_who_asks(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "smsbat_async.webhooks")
    late = ZaloSignature(secrets=["oa-secret"], clock=lambda: 9_000.0)
    for verify, headers, why in (
        (signature(), {}, "there is no x-zevent-signature"),
        (signature(), {"x-zevent-signature": "sha256=1"}, "does not begin with mac="),
        (signature(), {"x-zevent-signature": "mac=1"}, "holds no SHA-256 in hex"),
        (signature(), signed(ZNS, "wrong"), "the digest is another one: is it made of app_id, body"),
        (late, signed(ZNS), "it was signed 8000 seconds ago"),
    ):
        caplog.clear()
        async with zns_client(waiting()) as client, WebhookReceiver(client, verify=verify) as receiver:
            assert (await post(receiver, ZNS, headers=headers, secret=None)).status == 401
        assert why in caplog.text
        assert "a webhook was refused: it is not genuine" in caplog.text


# -- bodies ------------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_row_67_a_body_that_is_too_large_compressed_or_slow_is_refused() -> None:
    async with client_of(waiting()) as client, WebhookReceiver(client, secrets=[SECRET]) as receiver:

        async def answer(headers: dict[str, str], raw: AsyncIterator[bytes]) -> int:
            return (await receiver.receive(headers, raw, secret=SECRET)).status

        assert await answer({"Content-Length": str(BODY_MAXIMUM + 1)}, pieces(b"")) == 413
        assert await answer({"Content-Length": "9" * 5_000}, pieces(b"")) == 413
        assert await answer({}, pieces(b" " * BODY_MAXIMUM, b" ")) == 413
        assert await answer({"Content-Length": "2"}, pieces(*[b" " * 65_536] * 5)) == 413
        assert await answer({"Content-Encoding": "gzip"}, pieces(body())) == 415
        assert await answer({}, pieces(*[b" "] * 20, every=1.0)) == 408
        assert receiver.stats.refused == 6
        assert await answer({"Content-Encoding": "identity"}, pieces(body())) == 200
        assert await answer({"Content-Length": "nonsense"}, pieces(body("m-2"))) == 200
        largest = body("m-3", text="x" * (BODY_MAXIMUM - 60))
        assert len(largest) <= BODY_MAXIMUM
        assert await answer({}, pieces(largest)) == 200


@pytest.mark.looptime
async def test_a_body_may_come_whole() -> None:
    async with client_of(waiting()) as client, WebhookReceiver(client, secrets=[SECRET]) as receiver:
        assert (await receiver.receive({}, body(), secret=SECRET)).status == 200
        assert (await receiver.receive({}, b" " * (BODY_MAXIMUM + 1), secret=SECRET)).status == 413
        assert receiver.stats.accepted == 1


@pytest.mark.looptime
async def test_a_sender_that_goes_away_is_no_error_of_ours() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"{"
        raise ConnectionResetError

    async with client_of(waiting()) as client, WebhookReceiver(client, secrets=[SECRET]) as receiver:
        assert (await receiver.receive({}, broken(), secret=SECRET)).status == 400


@pytest.mark.looptime
@pytest.mark.parametrize(
    "raw", [b"", b"x", b"[]", b"{}", b"[" * 100_000, b'{"messageId":7}', b"\xff"], ids=range(7)
)
async def test_row_68_what_is_no_event_is_refused_and_counted(raw: bytes) -> None:
    async with client_of(waiting()) as client, WebhookReceiver(client, secrets=[SECRET]) as receiver:
        assert (await post(receiver, raw)).status == 400
    assert receiver.stats.malformed == 1


# -- what is kept before the answer ------------------------------------------------------------------


class Shelf:
    """A store that can fail, and take its time."""

    def __init__(self, *, failing: int = 0, seconds: float = 0.0) -> None:
        self.failing = failing
        self.seconds = seconds
        self.writes: list[list[str]] = []

    async def __call__(self, events: Sequence[Event]) -> None:
        await asyncio.sleep(self.seconds)
        if self.failing:
            self.failing -= 1
            raise OSError("disk of +380501234567 is full")
        self.writes.append([event.status.message_id for event in events if event.status])


@pytest.mark.looptime
async def test_row_69_an_event_that_cannot_be_stored_is_asked_for_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shelf, told = Shelf(failing=1), list[Event]()
    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], store=shelf, on_event=told.append) as receiver,
    ):
        future = client.track("m-1")
        assert (await post(receiver, body())).status == 503
        assert not future.done()
        assert not told
        assert (await post(receiver, body())).status == 200
        assert (await future).success
        assert (await post(receiver, body())).status == 200
    assert shelf.writes == [["m-1"]]
    assert len(told) == 1
    assert "OSError in " in caplog.text
    assert "380501234567" not in caplog.text


@pytest.mark.looptime
async def test_row_69_a_store_that_hangs_is_one_that_fails() -> None:
    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], store=Shelf(seconds=3_600)) as receiver,
    ):
        assert (await post(receiver, body())).status == 503
        assert asyncio.get_running_loop().time() == pytest.approx(5.0, abs=0.1)


@pytest.mark.looptime
async def test_row_69_a_store_that_awaits_what_is_cancelled_fails_and_the_next_events_are_stored() -> None:
    stored: list[str] = []

    async def store(events: Sequence[Event]) -> None:
        await asyncio.sleep(1.0)
        if not stored:
            stored.append("in vain")
            await await_the_cancelled()
        stored.extend(event.status.message_id for event in events if event.status)

    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], store=store) as receiver,
    ):
        first = asyncio.create_task(post(receiver, body("m-1")))
        await asyncio.sleep(0.5)
        second = asyncio.create_task(post(receiver, body("m-2")))  # waits for the write of the first
        assert ((await first).status, (await second).status) == (503, 200)
    assert stored == ["in vain", "m-2"]


@pytest.mark.looptime
async def test_events_that_come_together_are_stored_together_and_each_is_told_once() -> None:
    shelf, told = Shelf(seconds=1.0), list[Event]()
    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], store=shelf, on_event=told.append) as receiver,
    ):
        names = [f"m-{number % 50}" for number in range(100)]
        replies = await asyncio.gather(*(post(receiver, body(name)) for name in names))
    assert {reply.status for reply in replies} == {200}
    assert sum(map(len, shelf.writes)) == 100, "two at the same moment are both stored, which changes nothing"
    assert len(shelf.writes) == 1
    assert len(told) == 50


# -- being closed ------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_what_comes_too_late_is_asked_for_again() -> None:
    async with client_of(waiting()) as client:
        receiver = WebhookReceiver(client, secrets=[SECRET])
        open_still = WebhookReceiver(client, secrets=[SECRET])
        await receiver.aclose()
        assert (await post(receiver, body())).status == 503
        assert (await post(receiver, body(), secret="wrong")).status == 401
    assert (await post(open_still, body())).status == 503
    assert receiver.stats.not_now == open_still.stats.not_now == 1


@pytest.mark.looptime
async def test_what_is_being_stored_when_it_is_closed_is_stored() -> None:
    shelf = Shelf(seconds=1.0)
    async with client_of(waiting()) as client:
        async with WebhookReceiver(client, secrets=[SECRET], store=shelf) as receiver:
            sending = asyncio.create_task(post(receiver, body()))
            await asyncio.sleep(0.5)
        assert (await sending).status == 200
    assert shelf.writes == [["m-1"]]


@pytest.mark.looptime
async def test_more_than_the_callbacks_can_bear_is_asked_for_again() -> None:
    begun = asyncio.Event()
    go_on = asyncio.Event()
    told: list[str] = []

    async def slow(event: Event) -> None:
        begun.set()
        await go_on.wait()
        assert event.status is not None
        told.append(event.status.message_id)

    async with (
        client_of(waiting()) as client,
        WebhookReceiver(client, secrets=[SECRET], on_event=slow, concurrency=1, backlog=2) as receiver,
    ):
        await post(receiver, body("a"))
        await begun.wait()
        statuses = [(await post(receiver, body(name))).status for name in ("b", "c", "d")]
        assert statuses == [200, 200, 503]
        assert receiver.callbacks_pending == 3
        go_on.set()
    assert told == ["a", "b", "c"]


# -- what it is given --------------------------------------------------------------------------------


async def verify_later(headers: Any, raw: bytes) -> bool:
    return True


class VerifiesLater:
    async def __call__(self, headers: Any, raw: bytes) -> bool:
        return True


@pytest.mark.looptime
@pytest.mark.parametrize("said", [None, 1, "yes", verify_later], ids=range(4))
async def test_row_65_only_true_is_genuine(said: Any) -> None:
    async with client_of(waiting()) as client, WebhookReceiver(client, verify=lambda *_: said) as receiver:
        assert (await post(receiver, body())).status == 401


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "secrets or verify"),
        ({"secrets": ["short"]}, "secrets "),
        ({"secrets": ["sixteen/letters!"]}, "secrets "),
        ({"secrets": [b"bytes-are-no-text-here"]}, "secrets "),
        ({"secrets": 7}, "secrets "),
        ({"secrets": [SECRET], "secret_header": "a b"}, "secret_header "),
        ({"secrets": [SECRET], "on_event": 7}, "on_event "),
        ({"secrets": [SECRET], "store": 7}, "store "),
        ({"verify": "yes"}, "verify "),
        ({"verify": verify_later}, "verify "),
        ({"verify": VerifiesLater()}, "verify "),
        ({"secrets": [SECRET], "concurrency": 0}, "concurrency "),
        ({"secrets": [SECRET], "backlog": 0}, "backlog "),
        ({"secrets": [SECRET], "remembered": 0}, "remembered "),
        ({"secrets": [SECRET], "read_timeout": 0}, "read_timeout "),
        ({"secrets": [SECRET], "read_timeout": None}, "read_timeout "),
    ],
    ids=range(16),
)
async def test_a_wrong_argument_is_named(options: dict[str, Any], problem: str) -> None:
    async with client_of(waiting()) as client:
        with pytest.raises(ConfigurationError, match=f"^{problem}") as met:
            WebhookReceiver(client, **options)
        assert "sixteen/letters!" not in str(met.value)
    with pytest.raises(ConfigurationError, match=r"^client "):
        WebhookReceiver(object(), secrets=[SECRET])  # type: ignore[arg-type]


async def test_one_secret_is_not_read_as_many_letters(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with client_of(waiting()) as client, WebhookReceiver(client, secrets=SECRET) as receiver:
        assert (await post(receiver, body())).status == 200
        assert (await post(receiver, body(), secret=SECRET[0])).status == 401
    assert SECRET not in caplog.text
