"""Native messages of every kind, each with the JSON that it goes out as."""

import datetime as dt
from typing import Any

from smsbat_async import (
    CarouselItem,
    CreateCalendarEvent,
    CustomMessage,
    Dial,
    Flashcall,
    LinkButton,
    NativeMessage,
    OpenUrl,
    RcsButton,
    RcsCard,
    RcsMedia,
    RcsMessage,
    ShareLocation,
    SmsFallback,
    SmsMessage,
    ViberCarousel,
    ViberFile,
    ViberOtp,
    ViberPromo,
    ViberSurvey,
    ViberTransaction,
    ViberVideo,
)

PHONE = "+380501234567"
COMMON: dict[str, Any] = {"id": "n-1", "from_name": "Shop", "to_phone": PHONE}
ENVELOPE: dict[str, Any] = {"from": "Shop", "to": PHONE, "customerMessageId": "n-1"}
TEMPLATE = "0aac888f-2ee2-4112-9659-1755a951966a"
BUTTON = LinkButton(text="Open", url="https://shop.test/a")


def sms(number: int, **changes: Any) -> SmsMessage:
    """Make an SMS whose id and phone number are told by a number."""
    fields: dict[str, Any] = {
        "id": f"n-{number}",
        "from_name": "Shop",
        "to_phone": f"+38050{number:07}",
        "text": "Ready",
        **changes,
    }
    return SmsMessage(**fields)


def many(count: int) -> list[SmsMessage]:
    """Make some SMS."""
    return [sms(number) for number in range(count)]


SAMPLES: dict[str, tuple[NativeMessage, dict[str, Any]]] = {
    "an SMS": (SmsMessage(**COMMON, text="Готово", ttl=300), {"type": "sms", "text": "Готово", "ttl": 300}),
    "a promotion of text": (ViberPromo(**COMMON, text="Sale"), {"type": "viber_promo", "text": "Sale"}),
    "a promotion of an image": (
        ViberPromo(**COMMON, image_url="https://shop.test/i.png"),
        {"type": "viber_promo", "messageData": {"img": "https://shop.test/i.png"}},
    ),
    "a promotion with all of an image": (
        ViberPromo(
            **COMMON,
            text="Sale",
            image_url="https://shop.test/i.png",
            button=BUTTON,
            fallback=SmsFallback(text="Sale!"),
        ),
        {
            "type": "viber_promo",
            "text": "Sale",
            "messageData": {
                "img": "https://shop.test/i.png",
                "buttonText": "Open",
                "buttonAction": "https://shop.test/a",
            },
            "fallback": {"type": "sms", "text": "Sale!"},
        },
    ),
    "a promotion with all of a video": (
        ViberPromo(
            **COMMON,
            text="Sale",
            button=BUTTON,
            video=ViberVideo(
                url="https://shop.test/v.mp4",
                thumbnail_url="https://shop.test/t.jpg",
                size=5_242_880,
                duration=30,
            ),
        ),
        {
            "type": "viber_promo",
            "text": "Sale",
            "messageData": {
                "video": "https://shop.test/v.mp4",
                "thumbnail": "https://shop.test/t.jpg",
                "fileSize": 5_242_880,
                "duration": 30,
                "buttonText": "Open",
                "buttonAction": "https://shop.test/a",
            },
        },
    ),
    "a transaction of text": (
        ViberTransaction(**COMMON, text="Confirmed"),
        {"type": "viber_trans", "text": "Confirmed"},
    ),
    "a transaction with a file": (
        ViberTransaction(**COMMON, file=ViberFile(url="https://shop.test/i.pdf", name="Invoice.pdf")),
        {
            "type": "viber_trans",
            "messageData": {
                "fileUrl": "https://shop.test/i.pdf",
                "fileName": "Invoice.pdf",
                "fileType": "pdf",
            },
        },
    ),
    "a carousel": (
        ViberCarousel(
            **COMMON,
            text="Look",
            items=[
                CarouselItem(
                    title="A",
                    image_url="https://shop.test/a.jpg",
                    primary_button=BUTTON,
                    secondary_button=BUTTON,
                ),
                CarouselItem(title="B", image_url="https://shop.test/b.jpg", primary_button=BUTTON),
            ],
        ),
        {
            "type": "viber_carousel",
            "text": "Look",
            "messageData": {
                "carousel": {
                    "items": [
                        {
                            "title": "A",
                            "imageUrl": "https://shop.test/a.jpg",
                            "primaryButton": {"text": "Open", "url": "https://shop.test/a"},
                            "secondaryButton": {"text": "Open", "url": "https://shop.test/a"},
                        },
                        {
                            "title": "B",
                            "imageUrl": "https://shop.test/b.jpg",
                            "primaryButton": {"text": "Open", "url": "https://shop.test/a"},
                        },
                    ]
                }
            },
        },
    ),
    "a survey": (
        ViberSurvey(**COMMON, text="Satisfied?", options=["Yes"]),
        {"type": "viber_survey", "text": "Satisfied?", "messageData": {"survey": {"options": ["Yes"]}}},
    ),
    "a one-time password": (
        ViberOtp(**COMMON, template_id=TEMPLATE, language="uk", params={"pin": "0471", "minutes": 5}),
        {
            "type": "viber_otp",
            "messageData": {
                "templateId": TEMPLATE,
                "templateLang": "uk",
                "templateParams": {"pin": "0471", "minutes": 5},
            },
        },
    ),
    "an RCS message of text": (RcsMessage(**COMMON, text="Hello"), {"type": "rcs", "text": "Hello"}),
    "an RCS message with media and buttons": (
        RcsMessage(
            **COMMON,
            text="Hello",
            media=RcsMedia(
                url="https://shop.test/v.mp4",
                type="video/mp4",
                height=600,
                width=800,
                thumbnail_url="https://shop.test/t.jpg",
            ),
            buttons=[
                RcsButton(text="Open", action=OpenUrl("https://shop.test/a")),
                RcsButton(text="Call", action=Dial(PHONE)),
                RcsButton(text="Where", action=ShareLocation()),
                RcsButton(
                    text="When",
                    action=CreateCalendarEvent(
                        title="Visit",
                        start_time=dt.datetime(2025, 1, 25, 16, tzinfo=dt.timezone(dt.timedelta(hours=2))),
                        end_time=dt.datetime(2025, 1, 25, 15, tzinfo=dt.UTC),
                    ),
                ),
            ],
            fallback=SmsFallback(text="Hello!"),
        ),
        {
            "type": "rcs",
            "text": "Hello",
            "messageData": {
                "media": {
                    "url": "https://shop.test/v.mp4",
                    "type": "video/mp4",
                    "height": 600,
                    "width": 800,
                    "thumbnail": "https://shop.test/t.jpg",
                },
                "buttons": [
                    {"text": "Open", "action": {"type": "openUrl", "url": "https://shop.test/a"}},
                    {"text": "Call", "action": {"type": "dial", "phoneNumber": PHONE}},
                    {"text": "Where", "action": {"type": "shareLocation"}},
                    {
                        "text": "When",
                        "action": {
                            "type": "createCalendarEvent",
                            "title": "Visit",
                            "startTime": "2025-01-25T14:00:00Z",
                            "endTime": "2025-01-25T15:00:00Z",
                        },
                    },
                ],
            },
            "fallback": {"type": "sms", "text": "Hello!"},
        },
    ),
    "an RCS carousel": (
        RcsMessage(
            **COMMON,
            text="Look",
            cards=[
                RcsCard(
                    title="A",
                    description="Best",
                    media=RcsMedia(url="https://shop.test/a.jpg", type="image/jpeg"),
                    buttons=[RcsButton(text="Open", action=OpenUrl("https://shop.test/a"))],
                ),
                RcsCard(title="B"),
            ],
        ),
        {
            "type": "rcs",
            "text": "Look",
            "messageData": {
                "carousel": {
                    "cards": [
                        {
                            "title": "A",
                            "description": "Best",
                            "media": {"url": "https://shop.test/a.jpg", "type": "image/jpeg"},
                            "buttons": [
                                {"text": "Open", "action": {"type": "openUrl", "url": "https://shop.test/a"}}
                            ],
                        },
                        {"title": "B"},
                    ]
                }
            },
        },
    ),
    "a flash call": (
        Flashcall(**COMMON, caller_id="+380440000001", ttl=60, fallback=SmsFallback(text="Code 4711")),
        {
            "type": "flashcall",
            "ttl": 60,
            "messageData": {"callerId": "+380440000001"},
            "fallback": {"type": "sms", "text": "Code 4711"},
        },
    ),
    "a message of one's own making": (
        CustomMessage(
            **COMMON, type="viber_otp", text="", message_data={"code": "4711", "validity": 300}, ttl=90
        ),
        {
            "type": "viber_otp",
            "text": "",
            "ttl": 90,
            "messageData": {"code": "4711", "validity": 300},
        },
    ),
}
"""Messages of every kind, and what goes out of them beside `ENVELOPE`."""
