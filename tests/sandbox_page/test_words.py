"""How figures, times and texts are written."""

import json
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.sandbox_page.inbox import opened, steady

pytestmark = pytest.mark.asyncio(loop_scope="session")

CASES: list[tuple[str, list[Any], Any]] = [
    ("duration", [0.04], "0.0 s"),
    ("duration", [9.94], "9.9 s"),
    ("duration", [59.6], "1 min"),
    ("duration", [185], "3 min 5 s"),
    ("duration", [7_800], "2 h 10 min"),
    ("duration", [3_600_000], "1,000 h"),
    ("counted", [1, "message"], "1 message"),
    ("counted", [20_000, "message"], "20,000 messages"),
    ("statusWord", ["permanenterror"], "Permanent error"),
    ("statusWord", ["read"], "read"),
    ("channelWord", ["fax"], "fax"),
    ("channelFate", ["not_used"], ["Not used", "unused"]),
    ("channelFate", ["expired"], ["expired", "unused"]),
    ("unseen", ["plain 👩‍💻"], {"number": 0, "codes": []}),
    ("unseen", ["a\u200bb\u200b\u00ad"], {"number": 3, "codes": ["U+200B", "U+00AD"]}),
    ("oneLine", [{"vendor": "zns", "text": '{"a": "x", "b": 2}'}], "x, 2"),
    ("oneLine", [{"vendor": "zns", "text": '{"a": "cut of'}], '{"a": "cut of'),
    ("oneLine", [{"vendor": "zns", "text": "[1]"}], "[1]"),
    ("oneLine", [{"vendor": "smsbat", "text": "", "message_type": "flashcall"}], "Flash call"),
]


async def test_words_are_as_a_reader_expects_them(browser: Browser) -> None:
    async with steady() as sandbox, opened(browser, sandbox) as inbox:
        cases = json.dumps([[name, given] for name, given, _ in CASES])
        said = await inbox.page.evaluate(
            """async cases => {
                const words = await import("/_sandbox/words.js");
                return JSON.parse(cases).map(([name, given]) => words[name](...given));
            }""",
            cases,
        )
        assert said == [expected for _, _, expected in CASES]
