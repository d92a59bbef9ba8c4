"""The public API as users write it: checked by mypy and pyright, both strict, and never run."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Any, assert_type

import aiohttp

from smsbat_async import (
    AdaptivePollPolicy,
    ApiError,
    Attempt,
    AuthenticationError,
    BadRequestError,
    Call,
    CallFinished,
    CallStarted,
    CarouselItem,
    CascadeMessage,
    ChunkSent,
    ClientClosedError,
    ConfigurationError,
    CreateCalendarEvent,
    CustomMessage,
    Delivery,
    DeliveryFailedError,
    DeliveryPoller,
    DeliveryResolved,
    DeliveryStatus,
    Dial,
    Event,
    Fallback,
    Flashcall,
    InvalidMessageError,
    Limits,
    LinkButton,
    MessageStatus,
    MessageType,
    NativeChunkSent,
    NativeMessage,
    NativeReceipt,
    NativeResult,
    NotFoundError,
    NotSentError,
    OpenUrl,
    Outcome,
    OutcomeUnknownError,
    Paused,
    PermissionDeniedError,
    PollDone,
    PollPolicy,
    QuotaError,
    Rate,
    RateLimitError,
    RcsButton,
    RcsCard,
    RcsMedia,
    RcsMessage,
    Receipt,
    RecipientError,
    Request,
    RequestFinished,
    Response,
    ResponseError,
    ResultStream,
    RetryPolicy,
    RetryScheduled,
    Route,
    SendOutcome,
    SendResult,
    ServerError,
    SessionPool,
    ShareLocation,
    SmsBatClient,
    SmsBatError,
    SmsFallback,
    SmsMessage,
    StatusResult,
    TrackingEnded,
    TrackingStarted,
    Transport,
    TransportError,
    Variable,
    VariableType,
    ViberCarousel,
    ViberFile,
    ViberOtp,
    ViberPromo,
    ViberSurvey,
    ViberTransaction,
    ViberVideo,
    ZnsClient,
    ZnsFallbackSms,
    ZnsMessage,
    ZnsQuota,
    ZnsReceipt,
    ZnsResult,
    ZnsSent,
    ZnsStatus,
    ZnsTemplate,
    ZnsTemplateParameter,
    ZnsTemplateStatus,
)


async def an_otp(client: SmsBatClient, phone: str, code: str) -> bool:
    message = CascadeMessage(
        id="otp-1",
        from_name="YourBrand",
        to_phone=phone,
        message_type=MessageType.TRANSACTION,
        text=f"Your code is {code}",
        ttl=300,
    )
    receipt = await client.send(message, route=Route.TG_VIBER)
    assert_type(receipt, Receipt)
    assert_type(receipt.message_id, str)
    assert_type(receipt.tracking_id, str)
    delivery = await client.wait_for_delivery(receipt.message_id, timeout=60)
    assert_type(delivery, Delivery[MessageStatus])
    assert_type(delivery.outcome, Outcome)
    assert_type(delivery.status, MessageStatus | None)
    assert_type(delivery.cost, Decimal | None)
    assert_type(delivery.raise_for_outcome(), Delivery[MessageStatus])
    assert_type(delivery.last_error, SmsBatError | None)
    assert_type(delivery.polls, int)
    assert_type(delivery.elapsed, float)
    return delivery.success and not delivery.timed_out


async def a_status(client: SmsBatClient) -> None:
    status = await client.status("abc123", max_age=30.0)
    assert_type(status, MessageStatus)
    assert_type(status.delivery_status, str)
    assert_type(status.cost, Decimal | None)
    assert_type(status.fallbacks, tuple[Fallback, ...] | None)
    assert_type(status.extended_statuses, dict[str, str] | None)
    assert_type(status.outcome, Outcome | None)
    assert_type(status.is_terminal, bool)
    if status.delivery_status == DeliveryStatus.DELIVERED:
        assert_type(status.message_id, str)


async def a_notification(client: ZnsClient) -> None:
    status = await client.status("m-1")
    assert_type(status, ZnsStatus)
    assert_type(status.status, int)
    assert_type(status.delivery_time, dt.datetime | None)
    assert_type(await client.wait_for_delivery("m-1"), Delivery[ZnsStatus])
    assert_type(await client.fetch_statuses(["m-1"]), list[StatusResult[ZnsStatus]])
    assert_type(client.track("m-1"), asyncio.Future[Delivery[ZnsStatus]])
    assert_type(client.poller, DeliveryPoller[ZnsStatus])
    async for delivery in client.deliveries(["m-1"]):
        assert_type(delivery, Delivery[ZnsStatus])


async def many_statuses(client: SmsBatClient, ids: list[str]) -> None:
    stream = client.statuses(ids, concurrency=20)
    assert_type(stream, ResultStream[StatusResult[MessageStatus]])
    async for result in stream:
        assert_type(result, StatusResult[MessageStatus])
        assert_type(result.status, MessageStatus | None)
        assert_type(result.error, SmsBatError | None)
    async with client.statuses(id_source()) as items:
        async for result in items:
            if result.status is not None:
                break
    await stream.aclose()
    assert_type(await client.fetch_statuses(id_iterator()), list[StatusResult[MessageStatus]])
    assert_type(await client.fetch_statuses(id_source(), concurrency=5), list[StatusResult[MessageStatus]])


async def many_messages(client: SmsBatClient, messages: list[CascadeMessage]) -> None:
    results = await client.send_many(messages, chunk_size=1_000, concurrency=2, split_refused=False)
    assert_type(results, list[SendResult])
    for result in results:
        assert_type(result.message, CascadeMessage)
        assert_type(result.outcome, SendOutcome)
        assert_type(result.message_id, str | None)
        assert_type(result.error, SmsBatError | None)
    async with client.send_stream(message_source(), route=Route.STANDARD) as items:
        assert_type(items, ResultStream[SendResult])
        async for result in items:
            assert_type(result, SendResult)


async def native_messages(client: SmsBatClient, messages: list[SmsMessage]) -> None:
    receipt = await client.send_native(messages[0])
    assert_type(receipt, NativeReceipt)
    assert_type(receipt.message_id, str)
    assert_type(receipt.pattern, str | None)
    assert_type(await client.wait_for_delivery(receipt.message_id), Delivery[MessageStatus])
    results = await client.send_native_many(messages, chunk_size=5_000, concurrency=2, split_refused=False)
    assert_type(results, list[NativeResult])
    for result in results:
        assert_type(result.message, NativeMessage)
        assert_type(result.outcome, SendOutcome)
        assert_type(result.message_id, str | None)
        assert_type(result.receipt, NativeReceipt | None)
        assert_type(result.error, SmsBatError | None)
    async with client.send_native_stream(native_kinds()) as items:
        assert_type(items, ResultStream[NativeResult])


def native_kinds() -> Iterator[NativeMessage]:
    phone, fallback = "+380501234567", SmsFallback(text="Code 4711")
    link = LinkButton(text="Open", url="https://shop.test")
    yield SmsMessage(id="1", from_name="Shop", to_phone=phone, text="Ready", ttl=300)
    yield ViberPromo(id="2", from_name="Shop", to_phone=phone, text="Sale", button=link, fallback=fallback)
    yield ViberPromo(id="3", from_name="Shop", to_phone=phone, video=ViberVideo(url="https://shop.test/v"))
    file = ViberFile(url="https://shop.test/i.pdf")
    yield ViberTransaction(id="4", from_name="Shop", to_phone=phone, file=file)
    item = CarouselItem(title="A", image_url="https://shop.test/i", primary_button=link)
    yield ViberCarousel(id="5", from_name="Shop", to_phone=phone, items=[item])
    yield ViberSurvey(id="6", from_name="Shop", to_phone=phone, text="?", options=["Yes"])
    yield ViberOtp(
        id="7", from_name="Shop", to_phone=phone, template_id="...", language="uk", params={"pin": "4711"}
    )
    event = CreateCalendarEvent(title="Visit", start_time=dt.datetime.now(dt.UTC))
    buttons = [
        RcsButton(text="a", action=OpenUrl("https://shop.test")),
        RcsButton(text="b", action=Dial(phone)),
        RcsButton(text="c", action=ShareLocation()),
        RcsButton(text="d", action=event),
    ]
    media = RcsMedia(url="https://shop.test/i", type="image/png")
    card = RcsCard(title="A", media=media, buttons=buttons)
    yield RcsMessage(id="8", from_name="Shop", to_phone=phone, text="a", buttons=buttons, cards=[card])
    yield Flashcall(id="9", from_name="Shop", to_phone=phone, caller_id=phone, fallback=fallback)
    yield CustomMessage(id="10", from_name="Shop", to_phone=phone, type="x", message_data={"a": [1]})


async def variables(client: SmsBatClient) -> None:
    name = Variable(id=1, type=VariableType.NAME, value="Sarah")
    assert_type(name.placeholder, str)
    await client.save_variables([name])


async def more_of_zns(zns: ZnsClient) -> None:
    message = ZnsMessage(
        tracking_id="z-1",
        phone="+84987654321",
        template_id="200001",
        template_data={"code": "4711"},
        fallback_sms=ZnsFallbackSms(from_name="Shop", text="4711", delay=60),
    )
    try:
        receipt = await zns.send(message)
    except (RecipientError, QuotaError) as error:
        assert_type(error.code, str | None)
        return
    assert_type(receipt, ZnsReceipt)
    assert_type(receipt.sent_time, dt.datetime | None)
    assert_type(await zns.wait_for_delivery(receipt.message_id), Delivery[ZnsStatus])
    assert_type(await zns.quota(), ZnsQuota)
    for template in await zns.templates(status=ZnsTemplateStatus.ENABLE):
        assert_type(template, ZnsTemplate)
        assert_type(template.price, Decimal | None)
        assert_type(template.parameters, tuple[ZnsTemplateParameter, ...])


async def tracking(client: SmsBatClient) -> None:
    future = client.track("abc123", timeout=90.0)
    assert_type(future, asyncio.Future[Delivery[MessageStatus]])
    assert_type(await future, Delivery[MessageStatus])
    poller = client.poller
    assert_type(poller, DeliveryPoller[MessageStatus])
    assert_type(poller.track("abc123"), asyncio.Future[Delivery[MessageStatus]])
    assert_type(poller.pending, int)
    assert_type(poller.feed(MessageStatus(message_id="abc123", delivery_status="delivered")), bool)
    assert_type(await poller.drain(5.0), bool)
    assert_type(await poller.drain(), bool)
    async with client.deliveries(id_source(), timeout=60.0, window=1_000) as items:
        assert_type(items, ResultStream[Delivery[MessageStatus]])
        async for delivery in items:
            assert_type(delivery, Delivery[MessageStatus])
            if delivery.outcome is Outcome.TIMED_OUT:
                return


async def clients() -> None:
    pool = SessionPool(100)
    async with (
        SmsBatClient(
            api_key="k",
            viber_token="v",
            telegram_key="t",
            base_url="https://eu.smsbat.example",
            pool=pool,
            retry=RetryPolicy(attempts=1, initial=0.5, maximum=8.0, resend_unknown=False),
            polling=PollPolicy(initial=5, factor=2, maximum=30, timeout=60, jitter=0, last_poll_grace=1),
            limits=Limits(status=Rate(50, 75), send=None).share(4),
            timeout=None,
            total_timeout=60,
            hooks=[hook],
            random=Random(1),
        ) as smsbat,
        ZnsClient(api_key="k", auth_header="api-key", pool=pool, allow_http=True) as zns,
        SmsBatClient(username="@", password="k") as basic,
        SmsBatClient.from_env(timeout=5.0) as from_env,
        ZnsClient.from_env() as zns_from_env,
    ):
        assert_type(smsbat, SmsBatClient)
        assert_type(zns, ZnsClient)
        assert_type(basic, SmsBatClient)
        assert_type(from_env, SmsBatClient)
        assert_type(zns_from_env, ZnsClient)
        assert_type(smsbat.with_options(timeout=5.0, retry=RetryPolicy(attempts=1)), SmsBatClient)
        assert_type(zns.with_options(polling=PollPolicy(timeout=30)), ZnsClient)
        assert_type(PollPolicy.adaptive(price=1, group="viber", timeout=60), AdaptivePollPolicy)
        assert_type(zns.with_options(polling=PollPolicy.adaptive()), ZnsClient)
        await smsbat.aclose(grace=0.0)
        await zns.aclose()
    await pool.aclose()


async def pools(session: aiohttp.ClientSession) -> None:
    async with SessionPool(20, session=session) as pool:
        assert_type(pool, SessionPool)
        assert_type(pool.in_flight, int)
    SessionPool(transport=TransportOfMyOwn())
    SessionPool(transport="aiohttp")


class TransportOfMyOwn:
    async def send(self, request: Request, timeout: float | None, attempt: Attempt) -> Response:
        attempt.started = True
        assert_type(request.method, str)
        assert_type(request.body, bytes | None)
        return Response(200, HeadersOfMyOwn(), b"{}")

    async def aclose(self) -> None:
        pass


class HeadersOfMyOwn:
    def get(self, name: str, /) -> str | None:
        return None


mine: Transport = TransportOfMyOwn()


async def errors(client: SmsBatClient, message: CascadeMessage) -> None:
    try:
        await client.send(message)
    except OutcomeUnknownError as error:
        assert_type(error.tracking_ids, tuple[str, ...])
        assert_type(error.error, SmsBatError)
    except InvalidMessageError as error:
        assert_type((error.field, error.code, error.message), tuple[str, str, str])
    except RateLimitError as error:
        assert_type(error.retry_after, float | None)
    except ServerError as error:
        assert_type(error.retry_after, float | None)
    except (BadRequestError, AuthenticationError, PermissionDeniedError, NotFoundError) as error:
        assert_type(error.status_code, int)
        assert_type(error.code, str | None)
        assert_type(error.field, str | None)
    except ApiError as error:
        assert_type(error.body, bytes)
        assert_type(error.request_id, str | None)
    except NotSentError as error:
        assert_type(error.kind, str)
    except (TransportError, ResponseError) as error:
        assert_type(str(error), str)
    except (ConfigurationError, ClientClosedError):
        raise
    except DeliveryFailedError as error:
        assert_type(error.delivery.outcome, Outcome)
    except SmsBatError:
        pass


def hook(event: Event) -> None:
    match event:
        case RequestFinished(error=error, elapsed=elapsed):
            assert_type(error, SmsBatError | None)
            assert_type(elapsed, float)
        case RetryScheduled(delay=delay):
            assert_type(delay, float)
        case Paused(per_second=per_second):
            assert_type(per_second, float | None)
        case PollDone(status=status):
            assert_type(status, Any | None)
        case DeliveryResolved(delivery=delivery):
            assert_type(delivery, Delivery[Any])
        case ChunkSent(results=results, route=route, foreign_ids=foreign_ids):
            assert_type(results, tuple[SendResult, ...])
            assert_type(route, Route)
            assert_type(foreign_ids, tuple[str, ...])
        case NativeChunkSent(results=native_results):
            assert_type(native_results, tuple[NativeResult, ...])
        case ZnsSent(result=zns_result):
            assert_type(zns_result, ZnsResult)
        case CallStarted(call=call):
            assert_type(call, Call)
            assert_type(call.message_id, str | None)
        case CallFinished(call=call, error_type=error_type):
            assert_type(call.operation, str)
            assert_type(error_type, str | None)
        case TrackingStarted(message_id=message_id) | TrackingEnded(message_id=message_id):
            assert_type(message_id, str)


any_hook: Callable[[Event], None] = hook


def messages() -> Iterator[CascadeMessage]:
    yield CascadeMessage(
        id="survey-1",
        from_name="YourBrand",
        to_phone="+380501234567",
        message_type=MessageType.VIBER_SURVEY,
        text="How was it?",
        scheduled_sent=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
        survey_options=["Good", "Bad"],
    )


async def message_source() -> AsyncIterator[CascadeMessage]:
    for message in messages():
        yield message


def id_iterator() -> Iterator[str]:
    yield "abc123"


async def id_source() -> AsyncIterator[str]:
    yield "abc123"
