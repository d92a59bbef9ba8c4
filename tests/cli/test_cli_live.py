"""What a campaign looks like on a terminal, in lines, and as figures: nothing jumps, nothing wraps."""

import io
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from smsbat_async.campaign.events import Imported, Progress, Started, StateChanged
from smsbat_async.campaign.records import CampaignState, Counts, State
from smsbat_async.cli.figures import Figures, cost
from smsbat_async.cli.live import Live, board
from smsbat_async.cli.plain import Plain
from smsbat_async.cli.screen import Screen, duration, plural, printable


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def counts(**states: int) -> Counts:
    return Counts({state: states.get(state.value, 0) for state in State})


def progress(counted: Counts, **other: Any) -> Progress:
    fields: dict[str, Any] = {
        "sent": 5,
        "per_second": 480.4,
        "average": 455.5,
        "seconds_left": 61.0,
        "committed": Decimal("432.10"),
        "charged": Decimal("300.2"),
        "currency": "EUR",
        "tracked": 3,
        "pauses": 0,
        "waiting": None,
        "waiting_seconds": None,
    }
    return Progress(counts=counted, **{**fields, **other})


NOTHING = progress(counts(), per_second=0.0, average=0.0, seconds_left=None, committed=None, currency=None)
MILLIONS = progress(
    counts(pending=3_210_987, accepted=1_234_567, delivered=5_432_100, undeliverable=98_765, unknown=23_581),
    pauses=1_234,
    waiting="rate limited by the vendor, which is a reason that is longer than a line of a terminal is wide",
    waiting_seconds=12.0,
    seconds_left=200_000.0,
    committed=Decimal("1234567.89"),
)


def drawn(event: Progress, *, width: int = 80, name: str = "spring", reason: str | None = None) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system=None, legacy_windows=False
    )
    with console.capture() as captured:
        console.print(board(name, CampaignState.RUNNING, reason, event, 83.0, "Ctrl-C pauses"))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_board_has_the_same_height_and_fits_whatever_it_shows(width: int) -> None:
    for name in ("spring", "a name that is longer than a line of a terminal is wide " * 3):
        for event in (NOTHING, MILLIONS):
            lines = drawn(event, width=width, name=name)
            assert len(lines) == 8
            assert max(map(len, lines)) <= min(width, 100)
            assert lines[0].startswith("running  1:23  ")
            assert lines[0].endswith("Ctrl-C pauses")


def test_the_board_shows_all_figures_of_a_large_campaign_in_eighty_columns() -> None:
    text = "\n".join(drawn(MILLIONS))
    for words in (
        *("6,789,013 of 10,000,000", "67.8 %", "5,530,865 of 10,000,000", "55.3 %"),
        *("sent       6,789,013", "delivered   5,432,100", "rate      480/s"),
        *("accepted   6,765,432", "failed         98,765", "average   456/s"),
        *("unknown       23,581", "no news             0", "time left 2 d 07:33"),
        *("429 waits      1,234", "open        1,234,567", "cost      1,234,567.89 EUR"),
    ):
        assert words in text
    assert drawn(MILLIONS)[7].startswith("rate limited by the vendor")


def test_a_long_amount_moves_no_other_figure() -> None:
    other = progress(MILLIONS.counts, committed=Decimal(10) ** 20, pauses=1_234, seconds_left=200_000.0)
    for one, long in zip(drawn(MILLIONS)[3:7], drawn(other)[3:7], strict=True):
        assert one[:57] == long[:57]


def test_only_all_is_a_hundred_percent() -> None:
    nearly = drawn(progress(counts(pending=1, delivered=99_999)))
    assert nearly[1].endswith("99.9 %")
    assert drawn(progress(counts(delivered=5)))[2].endswith("100.0 %")
    assert drawn(NOTHING)[1].endswith("0 of 0")


def test_the_reason_stands_where_the_waiting_stood() -> None:
    assert drawn(progress(counts(delivered=1)), reason="by Ctrl-C")[7] == "by Ctrl-C"


def test_a_terminal_is_told_of_everything_and_left_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    file = Terminal()
    shown = Live(Screen(err=file), now=lambda: 5.0)
    shown.start("sp\x1b[2Jring")
    shown.tell(Imported(rows=2_000, good=1_990, bad=10))
    shown.stop()
    shown.start("sp\x1b[2Jring")
    shown.tell(Started(state_before=CampaignState.RUNNING, recovered=500, counts=counts(unknown=500)))
    shown.tell(StateChanged(state=CampaignState.STOPPED, reason="the vendor said no"))
    shown.tell(progress(counts(unknown=500, pending=5)))
    shown.pausing("wait.")
    shown.stop()
    shown.stop()
    text = file.getvalue()
    assert "Reading: 2,000 rows, 1,990 good, 10 bad, 0:00" in text
    assert "500 messages in flight when a process died: now UNKNOWN." in text
    assert "Pausing: wait." in text
    assert "the vendor said no" in text
    assert "\x1b[2J" not in text, "a name moves no cursor"
    assert text.count("\x1b[?25h") == text.count("\x1b[?25l") > 0


def test_lines_are_written_at_each_change_and_now_and_then() -> None:
    file, now = io.StringIO(), [100.0]
    shown = Plain(Screen(err=file), now=lambda: now[0])
    shown.start("spring")
    for rows in (2_000, 4_000):
        shown.tell(Imported(rows=rows, good=rows, bad=0))
    shown.start("spring")
    shown.tell(Started(state_before=CampaignState.RUNNING, recovered=1, counts=counts(pending=9, unknown=1)))
    for second in range(12):
        now[0] = 200.0 + second
        waiting = "rate limited" if second in {3, 4} else None
        shown.tell(
            progress(counts(pending=9 - second // 2, delivered=second // 2, unknown=1), waiting=waiting)
        )
    shown.tell(StateChanged(state=CampaignState.STOPPED, reason="no\nmore"))
    shown.pausing("wait")
    shown.stop()
    lines = [line.partition(" ")[2] for line in file.getvalue().splitlines()]
    assert lines[:3] == [
        "spring: read 2,000 rows: 2,000 good, 0 bad",
        "spring: 9 of 10 messages to be sent",
        "spring: 1 message in flight when a process died: now UNKNOWN",
    ]
    assert [line for line in lines if "waiting" in line or "again" in line] == [
        "spring: waiting: rate limited",
        "spring: sending again",
    ]
    told = [line for line in lines if "sent " in line]
    assert len(told) == 3, "at once, after 5 seconds, after 10"
    assert told[0] == (
        "spring: sent 1 of 10, accepted 0, delivered 0, failed 0, unknown 1, 480/s (average 456/s), "
        "time left 1:01, cost 432.10 EUR expected, 300.20 charged, 429 pauses 0"
    )
    assert lines[-2:] == ["spring: stopped: no?more", "spring: pausing: wait"]


def test_figures_add_up() -> None:
    every = counts(**{state.value: 2**place for place, state in enumerate(State)})
    found = Figures.of(every)
    assert found.total == 2 ** len(State) - 1
    assert found.sent + found.left == found.total
    assert found.ended + found.open + found.unknown + found.in_flight == found.sent
    not_taken = (State.REJECTED, State.UNKNOWN, State.SUBMITTING)
    assert found.accepted == found.sent - sum(every[state] for state in not_taken)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.2, "0:00"),
        (59.6, "1:00"),
        (3_599, "59:59"),
        (3_600, "1:00:00"),
        (90_061, "1 d 01:01"),
        (-5, "0:00"),
    ],
)
def test_times_are_written_as_a_clock_shows_them(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def test_small_words() -> None:
    assert plural(1, "row is", "rows are") == "1 row is"
    assert plural(2_000, "message") == "2,000 messages"
    assert printable("a\x07b\u202ec") == "a?b?c"
    assert cost(None, Decimal(0), None) == "not known"
    assert cost(None, Decimal(5), None) == "5.00 charged"
