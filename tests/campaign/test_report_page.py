"""The page of a report: one file, safe to open, that says what the figures say."""

import datetime as dt
import importlib
import itertools
import re
import sys
from collections import Counter
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from smsbat_async.campaign.records import CampaignState, State
from smsbat_async.campaign.report import charts, wording
from smsbat_async.campaign.report.figures import (
    Bin,
    Breakdown,
    Cost,
    DeliveryTimes,
    ErrorCount,
    Errors,
    Example,
    Funnel,
    Group,
    Point,
    Requests,
    Row,
    Timeline,
    Unknown,
    UnknownRow,
)
from smsbat_async.campaign.report.masking import mask_numbers, mask_one
from smsbat_async.campaign.report.page import page
from smsbat_async.campaign.report.report import Report
from smsbat_async.campaign.report.style import COLOURS, DARK, LIGHT, STYLE
from tests.campaign.ledgers import START, after

NOTHING = DeliveryTimes(messages=0, untimed=0, percentiles={}, longest=None, within=(), curve=())
NO_ERRORS = Errors(rows=(), others=0, without_code=0)
NONE_UNKNOWN = Unknown(messages=0, rows=(), settled=0)
NO_REQUESTS = Requests(claims=0, claimed_messages=0, status_requests=0, per_message=None)
MARKUP = '<img src=x onerror="alert(1)">&'


def states(**counts: int) -> dict[State, int]:
    return {state: counts.get(state.value, 0) for state in State}


def cost(charged: str = "0", currency: str | None = None, **other: Any) -> Cost:
    given: dict[str, Any] = {
        "estimated": Decimal(0),
        "committed": Decimal(0),
        "unpriced": 0,
        "uncharged": 0,
        "charged_per_delivered": None,
    }
    return Cost(**{**given, "charged": Decimal(charged), "currency": currency, **other})


def empty(**other: Any) -> Report:
    """Return the report of a campaign without recipients."""
    given: dict[str, Any] = {
        "name": "spring",
        "state": CampaignState.READY,
        "reason": None,
        "created_at": START,
        "made_at": after(60),
        "funnel": Funnel(recipients=0, accepted=0, delivered=0),
        "states": states(),
        "channels": Breakdown(rows=(), others=None),
        "countries": Breakdown(rows=(), others=None),
        "delivery": NOTHING,
        "timeline": Timeline(width=0, bins=()),
        "cost": cost(),
        "errors": NO_ERRORS,
        "unknown": NONE_UNKNOWN,
        "requests": NO_REQUESTS,
    }
    return Report(**{**given, **other})


def row(name: str | None, charged: str = "0", **counts: int) -> Row:
    found = {State(state): count for state, count in counts.items()}
    return Row(name=name, messages=sum(found.values()), states=found, charged=Decimal(charged))


def error(code: str = "BAD", text: str | None = "no such number") -> ErrorCount:
    example = Example(line=7, phone="+380***67", error=text)
    return ErrorCount(code=code, state=State.REJECTED, messages=3, example=example)


def full(**other: Any) -> Report:
    """Return a report in which everything has happened."""
    given: dict[str, Any] = {
        "state": CampaignState.RUNNING,
        "funnel": Funnel(recipients=1_000, accepted=940, delivered=900),
        "states": states(delivered=900, undeliverable=25, accepted=10, timed_out=5, rejected=3, unknown=57),
        "channels": Breakdown(
            rows=(row("viber", "9.5", delivered=900, undeliverable=25), row(None, accepted=10, timed_out=5)),
            others=None,
        ),
        "countries": Breakdown(
            rows=(row("UA", "9.5", delivered=900, undeliverable=25, accepted=10, timed_out=5, unknown=57),),
            others=row(None, rejected=3),
        ),
        "delivery": DeliveryTimes(
            messages=890,
            untimed=10,
            percentiles={50: 6.8, 75: 10.0, 90: 30.0, 95: 55.6, 99: 130.0},
            longest=1_372.0,
            within=(Point(1, 100), Point(60, 870), Point(1_800, 890)),
            curve=(Point(0.9, 50), Point(6.8, 445), Point(55.6, 846), Point(1_380.0, 890)),
        ),
        "timeline": Timeline(
            width=120,
            bins=(
                Bin(at=START, accepted=500, delivered=400),
                Bin(at=after(1_200), accepted=440, delivered=500),
            ),
        ),
        "cost": cost("9.5", "EUR", estimated=Decimal("35.0350"), charged_per_delivered=Decimal("0.010556")),
        "errors": Errors(rows=(error(),), others=4, without_code=22),
        "unknown": Unknown(
            messages=57,
            rows=(UnknownRow(line=9, tracking_id="spring-9", phone="+380***11", claimed_at=START),),
            settled=2,
        ),
        "requests": Requests(claims=2, claimed_messages=1_000, status_requests=1_780, per_message=1.782),
    }
    return empty(**{**given, **other})


class Elements(HTMLParser):
    """What a page is made of: elements with their attributes, text outside of the style, open elements."""

    VOID = frozenset({"meta", "br", "img", "link", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace(wording.SPACE, " ").split())


REPORTS = {
    "everything": full(),
    "no recipients": empty(),
    "nothing sent": empty(
        funnel=Funnel(recipients=3, accepted=0, delivered=0),
        states=states(pending=3),
        countries=Breakdown(rows=(row("UA", pending=3),), others=None),
    ),
    "one message": empty(
        funnel=Funnel(recipients=1, accepted=1, delivered=1),
        states=states(delivered=1),
        channels=Breakdown(rows=(row("sms", delivered=1),), others=None),
        countries=Breakdown(rows=(row(None, delivered=1),), others=None),
        delivery=DeliveryTimes(
            messages=1,
            untimed=0,
            percentiles={50: 3.0, 75: 3.0, 90: 3.0, 95: 3.0, 99: 3.0},
            longest=2.95,
            within=(Point(5, 1),),
            curve=(Point(3.0, 1),),
        ),
        timeline=Timeline(width=1, bins=(Bin(at=START, accepted=1, delivered=1),)),
    ),
    "unknown alone": empty(
        funnel=Funnel(recipients=2, accepted=0, delivered=0),
        states=states(unknown=2),
        countries=Breakdown(rows=(row("UA", unknown=2),), others=None),
        unknown=Unknown(messages=2, rows=(), settled=0),
    ),
    "not followed": empty(
        funnel=Funnel(recipients=2, accepted=2, delivered=0),
        states=states(accepted=2),
        channels=Breakdown(rows=(row(None, accepted=2),), others=None),
        countries=Breakdown(rows=(row("UA", accepted=2),), others=None),
        timeline=Timeline(width=1, bins=(Bin(at=START, accepted=2, delivered=0),)),
    ),
}


@pytest.fixture(params=REPORTS, scope="module")
def text(request: pytest.FixtureRequest) -> str:
    return page(REPORTS[request.param])


class TestAnyPage:
    def test_is_well_formed_and_nothing_in_it_is_named_twice(self, text: str) -> None:
        elements = Elements(text)
        assert elements.open == []
        ids = Counter(attributes["id"] for _, attributes in elements.found if "id" in attributes)
        assert [name for name, count in ids.items() if count > 1] == []

    def test_runs_no_script_and_asks_for_nothing(self, text: str) -> None:
        elements = Elements(text)
        tags = {tag for tag, _ in elements.found}
        assert not tags & {
            "script",
            "link",
            "img",
            "image",
            "iframe",
            "object",
            "embed",
            "base",
            "form",
            "a",
            "use",
        }
        names = {name for _, attributes in elements.found for name in attributes}
        assert not {name for name in names if name.startswith("on")} | (names & {"href", "src", "xlink:href"})
        addresses = set(re.findall(r"https?://[^\s\"'<>]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
        assert not re.search(r"url\(|@import|javascript:", text)

    def test_forbids_the_browser_whatever_it_does_not_need(self, text: str) -> None:
        policies = [
            meta["content"]
            for meta in Elements(text).named("meta")
            if meta.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]

    def test_every_chart_has_a_name_a_description_and_a_table(self, text: str) -> None:
        drawn = re.findall(r"<svg[^>]*>.{0,40}", text, re.DOTALL)
        assert all('role="img"' in one and "<title>" in one for one in drawn)
        assert text.count("<desc>") == len(drawn)
        for figure in text.split("<figure>")[1:]:
            assert "<details>" in figure.split("</section>")[0]
        figures = text.count("<figure>")
        assert len(drawn) == 2 * figures

    def test_every_table_has_a_caption_and_headers(self, text: str) -> None:
        tables = text.split("<table>")[1:]
        for table in tables:
            inside = table.split("</table>")[0]
            assert inside.startswith("<caption>")
            assert inside.count('scope="row"') == inside.count("<tr>") - 1
            assert 'scope="col"' in inside

    def test_has_no_colour_that_the_theme_does_not_decide(self, text: str) -> None:
        body = text.split("</style>")[1]
        assert re.findall(r"(?:fill|stroke)=\"(?!var\(--|none\"|transparent\")[^\"]*\"", body) == []
        assert set(re.findall(r"var\(--([a-z-]+)\)", body)) <= LIGHT.keys()


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.delitem(sys.modules, charts.__name__)
    with pytest.raises(ImportError, match=r"pip install 'smsbat-async\[report\]'"):
        importlib.import_module(charts.__name__)


def test_the_same_figures_make_the_same_page() -> None:
    assert page(full()) == page(full())


class TestWords:
    def test_tell_the_figures(self) -> None:
        text = Elements(page(full())).text
        for said in (
            "1,000 · 100 %",
            "940 · 94.0 %",
            "900 · 90.0 %",
            "10 messages still open, and in none of these figures",
            "known only as closely as the vendor was asked",
            "half within 6.8 s",
            "95 % within 55.6 s",
            "charged, EUR",
            "35.0350 EUR",
            "57 messages may or may not have gone out",
            "Show the first 1",
            "22 messages rejected or not delivered without a code",
            "all other codes",
            "2 messages settled by hand",
            "1.782",
            "line 7, +380***67",
        ):
            assert said in text, said

    def test_say_in_a_sentence_that_there_is_nothing(self) -> None:
        text = Elements(page(empty())).text
        for said in (
            "This campaign has no recipients.",
            "Nothing has been accepted or delivered yet.",
            "Nothing has been delivered yet.",
            "No prices were given, and the vendor has named no cost yet.",
            "There are no errors.",
            "The fate of every message is known.",
            "Nothing has been sent yet.",
        ):
            assert said in text, said
        assert "<svg" not in page(empty())

    def test_one_message_needs_no_curve(self) -> None:
        text = page(REPORTS["one message"])
        assert "All of them took 3 s or less." in Elements(text).text
        assert "Everything happened within 1 s" in Elements(text).text
        assert "Time to delivery</title>" not in text

    def test_do_not_call_a_failure_what_the_vendor_did_not_call_so(self) -> None:
        given_up = full(
            channels=Breakdown(rows=(row("sms", timed_out=5, not_found=1),), others=None),
            countries=Breakdown(rows=(), others=None),
        )
        legend = re.findall(r'<ul class="legend">(.*?)</ul>', page(given_up))
        assert any("end not known" in one and "not delivered" not in one for one in legend)

    def test_an_amount_without_a_currency_names_none(self) -> None:
        text = Elements(page(full(cost=cost("9.5")))).text
        assert "EUR" not in text
        assert "No currency was named." in text

    def test_what_an_amount_leaves_out_is_said(self) -> None:
        text = Elements(page(full(cost=cost("9.5", "EUR", unpriced=1, uncharged=2)))).text
        assert "1 message without an expected price." in text
        assert "2 messages that went out, or may have, with no cost from the vendor yet." in text

    def test_deliveries_that_nobody_timed_are_not_called_none(self) -> None:
        nobody_timed = msgspec.structs.replace(NOTHING, untimed=3)
        text = Elements(page(full(delivery=nobody_timed))).text
        assert "No delivery has been timed." in text
        assert "Of 3 messages more it is not known how long they took." in text

    def test_errors_without_codes_are_told_of(self) -> None:
        text = Elements(page(full(errors=Errors(rows=(), others=0, without_code=1)))).text
        assert "No error has a code. 1 message rejected or not delivered without a code." in text

    def test_many_countries_are_told_in_a_table_and_a_few_of_them_drawn(self) -> None:
        rows = tuple(
            row(f"{first}{second}", delivered=1) for first, second in itertools.product("ABCDE", "VWXYZ")
        )
        text = page(full(countries=Breakdown(rows=rows, others=row(None, delivered=75))))
        assert text.count(">EZ<") == 1
        assert text.count(">AV<") == 3
        assert "all others: 90 · 100 % delivered" in Elements(text).text
        assert Elements(text).text.count("all others") == 2 * 2


class TestMarkup:
    @pytest.mark.parametrize(
        "report",
        [
            full(name=MARKUP),
            full(reason=MARKUP),
            full(cost=cost("9.5", MARKUP)),
            full(errors=Errors(rows=(error(MARKUP, MARKUP),), others=0, without_code=0)),
            full(channels=Breakdown(rows=(row(MARKUP, delivered=1),), others=None)),
            full(countries=Breakdown(rows=(row(MARKUP, delivered=1),), others=None)),
            full(
                unknown=Unknown(
                    messages=1,
                    rows=(UnknownRow(line=1, tracking_id=MARKUP, phone=MARKUP, claimed_at=START),),
                    settled=0,
                )
            ),
        ],
        ids=["name", "reason", "currency", "error", "channel", "country", "unknown"],
    )
    def test_is_text(self, report: Report) -> None:
        text = page(report)
        assert "<img" not in text
        assert "&lt;img" in text
        assert Elements(text).open == []

    def test_a_name_that_would_end_the_title_does_not(self) -> None:
        assert page(full(name="</title><script>")).count("</title><script>") == 0

    def test_a_channel_may_be_called_anything(self) -> None:
        odd = "datum['x'] \\ \" ' {} \u2028 \N{PILE OF POO}"
        assert (
            "{}" in Elements(page(full(channels=Breakdown(rows=(row(odd, delivered=1),), others=None)))).text
        )


# -- colours ---------------------------------------------------------------------------------------------


def linear(code: str) -> tuple[float, ...]:
    """Return the linear RGB of a colour, as IEC 61966-2-1 has it."""
    parts = [int(code[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, as WCAG 2.2 has it."""
    weights = (0.2126, 0.7152, 0.0722)
    dark, light = sorted(sum(map(float.__mul__, weights, linear(code))) for code in (one, other))
    return (light + 0.05) / (dark + 0.05)


def times(matrix: tuple[tuple[float, ...], ...], vector: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sum(map(float.__mul__, line, vector)) for line in matrix)


SEEN = {
    "all colours": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.01182, 0.04294, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.3039),
    ),
}
"""How colours are seen, in linear RGB: Machado, Oliveira, Fernandes, "A Physiologically-based Model for
Simulation of Color Vision Deficiency", severity 1."""

XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.072175), (0.0193339, 0.119192, 0.9503041))


def lab(colour: tuple[float, ...]) -> tuple[float, float, float]:
    """Return a colour in CIELAB, for the white D65."""
    bounded = tuple(min(1.0, max(0.0, part)) for part in colour)
    white = (0.95047, 1.0, 1.08883)
    parts = [part / whole for part, whole in zip(times(XYZ, bounded), white, strict=True)]
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in parts)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
class TestColours:
    def test_text_can_be_read(self, theme: dict[str, str]) -> None:
        pairs = itertools.product(("ink", "muted"), ("page", "card"))
        assert min(contrast(theme[text], theme[ground]) for text, ground in pairs) >= 4.5

    def test_bars_and_lines_can_be_seen(self, theme: dict[str, str]) -> None:
        drawn = [*COLOURS.values(), "accepted", "ink"]
        assert min(contrast(theme[name], theme["card"]) for name in drawn) >= 3

    @pytest.mark.parametrize("seen", SEEN)
    def test_groups_can_be_told_apart_whoever_looks(self, theme: dict[str, str], seen: str) -> None:
        looks = [lab(times(SEEN[seen], linear(theme[COLOURS[group]]))) for group in Group]
        apart = [
            sum((one - other) ** 2 for one, other in zip(*pair, strict=True)) ** 0.5
            for pair in itertools.combinations(looks, 2)
        ]
        assert min(apart) >= 25


def test_both_themes_know_the_same_colours_and_print_is_light() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert (
        STYLE.count("prefers-color-scheme")
        == STYLE.count("@media screen and (prefers-color-scheme:dark)")
        == 1
    )


# -- wording, masking, axes ------------------------------------------------------------------------------


class TestWording:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0.4, "0.4 s"),
            (42.0, "42 s"),
            (60, "1 min"),
            (200, "3 min 20 s"),
            (3_599.9, "1 h"),
            (7_500, "2 h 5 min"),
            (90_000, "1 d 1 h"),
        ],
    )
    def test_lengths_of_time_have_two_units(self, seconds: float, text: str) -> None:
        assert wording.duration(seconds).replace(wording.SPACE, " ") == text

    @pytest.mark.parametrize(
        ("part", "whole", "text"),
        [
            (0, 0, "–"),
            (0, 9, "0 %"),
            (9, 9, "100 %"),
            (1, 3, "33.3 %"),
            (1, 1_000_000, "< 0.1 %"),
            (999_999, 1_000_000, "99.9 %"),
            (1, 1_000, "0.1 %"),
        ],
    )
    def test_a_share_is_everything_or_nothing_only_if_it_is(self, part: int, whole: int, text: str) -> None:
        assert wording.share(part, whole).replace(wording.SPACE, " ") == text

    @pytest.mark.parametrize(
        ("value", "text"), [("1234567.80", "1,234,567.80"), ("1E-7", "0.0000001"), ("0", "0")]
    )
    def test_amounts_keep_every_digit(self, value: str, text: str) -> None:
        assert wording.amount(Decimal(value), None) == text

    def test_moments_are_utc(self) -> None:
        kyiv = START.astimezone(dt.timezone(dt.timedelta(hours=2)))
        assert wording.moment(kyiv) == "2026-03-01 12:00:00 UTC"


class TestMasking:
    @pytest.mark.parametrize(
        ("text", "masked"),
        [
            ("to +380501234567.", "to +380***67."),
            ("to 050 123-45-67", "to 0501***67"),
            ("to (050) 123 45 67", "to (0501***67"),
            ("1234567", "***"),
            ("HTTP 400 after 123456", "HTTP 400 after 123456"),
            ("since 2026-03-01 nothing", "since 2026-03-01 nothing"),
            ("2026-03-01 +380501234567", "2026-03-01 +380***67"),
            ("7512-34-5678", "7512***78"),
        ],
    )
    def test_whatever_may_be_a_number_is_masked(self, text: str, masked: str) -> None:
        assert mask_numbers(text) == masked

    def test_a_number_that_is_known_is_found_however_it_is_written(self) -> None:
        assert mask_one("a/050/12/34/567", "+380501234567") == "a/***/**/**/***"
        assert mask_one("spring-0501234", "+380501234567") == "spring-0501234"


class TestAxes:
    def test_a_curve_over_months_and_one_of_a_second_are_drawn(self) -> None:
        for first, last in ((0.1, 0.2), (0.1, 2_593_200.0)):
            times = full().delivery
            curve = (Point(first, 1), Point(last, 890))
            drawn = charts.curve(msgspec.structs.replace(times, curve=curve))
            assert drawn.count("<svg") == 2
            assert "undefined" not in drawn
            assert "NaN" not in drawn

    def test_the_axis_of_times_names_round_ones(self) -> None:
        drawn = charts.curve(full().delivery)
        assert ">1 s<" in drawn.replace(wording.SPACE, " ")
        assert ">10 min<" in drawn.replace(wording.SPACE, " ")

    @pytest.mark.parametrize("width", [1, 3_600, 86_400 * 28])
    def test_a_timeline_of_any_length_is_drawn(self, width: int) -> None:
        bins = tuple(Bin(at=after(place * width), accepted=5, delivered=3) for place in (0, 1, 59))
        drawn = charts.timeline(Timeline(width=width, bins=bins))
        assert drawn.count("<svg") == 2
        assert "NaN" not in drawn
