"""When messages may go out, by the clock of a zone or of each recipient."""

import datetime as dt
import os
import subprocess
import sys
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smsbat_async import ConfigurationError
from smsbat_async.campaign.hours import DAYS, SendingHours
from smsbat_async.campaign.zones import zones_of

KYIV = "+380501234567"
NEW_YORK = "+12125550123"
MOSCOW_OR_ANYWHERE = "+79123456789"
NO_COUNTRY = "+870773111632"
TOLL_FREE = "+18005550123"

MINUTE = dt.timedelta(minutes=1)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


CHANGES = [
    utc("2026-03-29T01:00"),  # Kyiv, an hour forward; Troll, two
    utc("2026-10-25T01:00"),  # and back
    utc("2026-04-04T15:00"),  # Lord Howe, half an hour back
    utc("2026-10-03T15:30"),  # and forward
    utc("2026-04-23T22:00"),  # Cairo, forward at midnight
    utc("2026-10-29T21:00"),  # and back
    utc("2026-03-08T07:00"),  # New York
    utc("2026-07-01T12:00"),  # nobody
]
ZONES = [
    "Europe/Kyiv",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/New_York",
    "Antarctica/Troll",
    "Asia/Kolkata",
    "UTC",
]

moments = st.builds(
    lambda change, minutes, seconds: change + dt.timedelta(minutes=minutes, seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-2_000, 2_000),
    st.sampled_from([0, 0, 1, 59]),
)
clocks = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))
days = st.one_of(
    st.none(),
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True).map(tuple),
)


def minutes_of(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def oracle(hours: SendingHours, zone: ZoneInfo, at: dt.datetime) -> bool:
    """Whether a moment lies in the hours that began on its day, or on the day before."""
    shown = at.astimezone(zone).replace(tzinfo=None)
    start = minutes_of(hours.start)
    length = (minutes_of(hours.end) - start - 1) % (24 * 60) + 1
    for back in (0, 1):
        day = shown.date() - dt.timedelta(days=back)
        opens = dt.datetime.combine(day, dt.time()) + start * MINUTE
        listed = hours.days is None or DAYS[day.weekday()] in hours.days
        if listed and opens <= shown < opens + length * MINUTE:
            return True
    return False


def first_open(hours: SendingHours, zones: list[ZoneInfo], now: dt.datetime) -> dt.datetime | None:
    """The first minute from now on that is open in all zones, found by looking at each."""
    at = now.replace(second=0)
    for _ in range(15 * 24 * 60):
        if all(oracle(hours, zone, at) for zone in zones):
            return at
        at += MINUTE
    return None


class TestSettings:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"start": "9:00"}, "start must be a time of 00:00 to 23:59"),
            ({"start": "24:00"}, "start must be"),
            ({"start": "09:60"}, "start must be"),
            ({"start": 9}, "start must be"),
            ({"start": "09:00\n"}, "start must be"),
            ({"end": "24:01"}, "end must be a time of 00:00 to 24:00"),
            ({"end": "20.00"}, "end must be"),
            ({"start": "20:00"}, "end must differ from start"),
            ({"zone": "Kyiv"}, "zone must be a name of the IANA database.*tzdata"),
            ({"zone": "Europe"}, "zone must be"),
            ({"zone": "../etc/passwd"}, "zone must be"),
            ({"zone": "/etc/localtime"}, "zone must be"),
            ({"zone": "a\0b"}, "zone must be"),
            ({"zone": "x" * 5_000}, "zone must be"),
            ({"zone": ""}, "zone must be"),
            ({"zone": None}, "zone must be a text"),
            ({"days": ()}, "days must be a tuple of some of mon, tue"),
            ({"days": ["mon"]}, "days must be"),
            ({"days": "mon"}, "days must be"),
            ({"days": ("Mon",)}, "days must be"),
            ({"days": ("mon", "mon")}, "days must be"),
        ],
        ids=range(21),
    )
    def test_that_are_wrong_are_refused_by_name(self, wrong: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigurationError, match=f"(?s){said}"):
            SendingHours(**wrong)

    @pytest.mark.parametrize(
        "hours",
        [SendingHours(), SendingHours(start="22:30", end="24:00", zone="Europe/Kyiv", days=("sat", "sun"))],
        ids=["each recipient's", "a zone's"],
    )
    def test_are_the_same_after_a_way_through_json(self, hours: SendingHours) -> None:
        assert msgspec.json.decode(msgspec.json.encode(hours), type=SendingHours) == hours

    def test_that_are_wrong_are_refused_from_json_as_well(self) -> None:
        with pytest.raises(ConfigurationError, match="start must be"):
            msgspec.json.decode(b'{"start": "soon"}', type=SendingHours)

    def test_tell_whose_clock_it_is(self) -> None:
        assert SendingHours().per_recipient
        assert not SendingHours(zone="Europe/Kyiv").per_recipient

    def test_need_a_phone_where_the_clock_is_each_recipients(self) -> None:
        with pytest.raises(ConfigurationError, match="phone must be given"):
            SendingHours().opens_at(utc("2026-03-01T12:00"))

    def test_need_a_moment_with_a_time_zone(self) -> None:
        with pytest.raises(ConfigurationError, match="now must have a time zone"):
            SendingHours(zone="UTC").opens_at(dt.datetime(2026, 3, 1))


def told_by_a_program_without(*modules: str, zone: str) -> str:
    """What comes of hours in a process that lacks some modules, and whose system has no time zones."""
    hide = "".join(f"sys.modules[{name!r}] = None\n" for name in modules)
    program = (
        f"import sys\n{hide}"
        "from smsbat_async import ConfigurationError\n"
        "from smsbat_async.campaign.hours import SendingHours\n"
        "try:\n"
        f"    print(SendingHours(zone={zone!r}).zone)\n"
        "except ConfigurationError as met:\n"
        "    print(met)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONTZPATH": ""},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout.strip()


class TestSlimMachine:
    def test_a_system_without_time_zones_has_those_of_the_extra(self) -> None:
        assert told_by_a_program_without(zone="Europe/Kyiv") == "Europe/Kyiv"

    def test_without_them_as_well_it_is_told_what_to_install(self) -> None:
        assert "pip install --upgrade tzdata" in told_by_a_program_without("tzdata", zone="Europe/Kyiv")

    def test_the_clock_of_each_recipient_needs_the_library_that_knows_them(self) -> None:
        said = told_by_a_program_without("phonenumbers", zone="recipient")
        assert said == (
            "SendingHours.zone='recipient' needs the library phonenumbers: "
            "pip install 'smsbat-async[campaign]'"
        )
        assert told_by_a_program_without("phonenumbers", zone="Europe/Kyiv") == "Europe/Kyiv"


class TestOneZone:
    @pytest.mark.parametrize(
        ("now", "opens"),
        [
            ("2026-01-15T06:59", "2026-01-15T07:00"),
            ("2026-01-15T07:00", None),
            ("2026-01-15T17:59:59.999999", None),
            ("2026-01-15T18:00", "2026-01-16T07:00"),
            ("2026-07-15T05:59", "2026-07-15T06:00"),
            ("2026-07-15T17:00", "2026-07-16T06:00"),
        ],
    )
    def test_opens_and_closes_by_its_clock(self, now: str, opens: str | None) -> None:
        hours = SendingHours(start="09:00", end="20:00", zone="Europe/Kyiv")
        found = hours.opens_at(utc(now))
        assert found == (None if opens is None else utc(opens))

    def test_tells_in_utc_whatever_the_zone_of_now(self) -> None:
        hours = SendingHours(start="09:00", end="20:00", zone="Europe/Kyiv")
        found = hours.opens_at(dt.datetime(2026, 1, 15, 3, tzinfo=ZoneInfo("Asia/Tokyo")))
        assert found == utc("2026-01-15T07:00")
        assert found is not None
        assert found.tzinfo is dt.UTC

    def test_over_midnight_belongs_to_the_day_on_which_it_begins(self) -> None:
        hours = SendingHours(start="20:00", end="08:00", zone="UTC", days=("fri",))
        friday = utc("2026-01-16T00:00")
        assert hours.opens_at(friday) == friday + 20 * 60 * MINUTE
        assert hours.opens_at(utc("2026-01-16T23:59")) is None
        assert hours.opens_at(utc("2026-01-17T07:59")) is None
        assert hours.opens_at(utc("2026-01-17T08:00")) == utc("2026-01-23T20:00")
        assert hours.opens_at(utc("2026-01-17T20:00")) == utc("2026-01-23T20:00")

    def test_a_whole_day_lasts_from_midnight_to_midnight(self) -> None:
        hours = SendingHours(start="00:00", end="24:00", zone="UTC", days=("mon",))
        assert hours.opens_at(utc("2026-01-18T23:59")) == utc("2026-01-19T00:00")
        assert hours.opens_at(utc("2026-01-19T23:59")) is None
        assert hours.opens_at(utc("2026-01-20T00:00")) == utc("2026-01-26T00:00")

    def test_what_begins_in_the_hour_that_march_skips_begins_when_it_is_over(self) -> None:
        hours = SendingHours(start="03:30", end="10:00", zone="Europe/Kyiv")
        assert hours.opens_at(utc("2026-03-29T00:30")) == utc("2026-03-29T01:00")  # 02:30, then 04:00

    def test_what_lies_within_the_hour_that_march_skips_is_lost(self) -> None:
        hours = SendingHours(start="03:10", end="03:50", zone="Europe/Kyiv")
        assert hours.opens_at(utc("2026-03-29T00:30")) == utc("2026-03-30T00:10")

    def test_the_only_day_of_the_week_may_fall_out_in_march(self) -> None:
        hours = SendingHours(start="03:10", end="03:50", zone="Europe/Kyiv", days=("sun",))
        assert hours.opens_at(utc("2026-03-22T02:00")) == utc("2026-04-05T00:10")

    def test_the_hour_that_october_repeats_is_open_twice(self) -> None:
        hours = SendingHours(start="03:10", end="03:50", zone="Europe/Kyiv")
        assert hours.opens_at(utc("2026-10-25T00:00")) == utc("2026-10-25T00:10")
        assert hours.opens_at(utc("2026-10-25T00:50")) == utc("2026-10-25T01:10")
        assert hours.opens_at(utc("2026-10-25T01:10")) is None
        assert hours.opens_at(utc("2026-10-25T01:50")) == utc("2026-10-26T01:10")

    def test_half_an_hour_of_summer_time_is_half_an_hour(self) -> None:
        hours = SendingHours(start="01:45", end="02:15", zone="Australia/Lord_Howe")
        # In April 02:00 becomes 01:30: a quarter of an hour, and after a break of one the whole.
        assert hours.opens_at(utc("2026-04-04T14:00")) == utc("2026-04-04T14:45")
        assert hours.opens_at(utc("2026-04-04T15:00")) == utc("2026-04-04T15:15")
        assert hours.opens_at(utc("2026-04-04T15:44")) is None
        # In October 02:00 becomes 02:30.
        assert hours.opens_at(utc("2026-10-03T15:29")) is None
        assert hours.opens_at(utc("2026-10-03T15:30")) == utc("2026-10-04T14:45")

    @settings(max_examples=150)
    @given(moments, st.sampled_from(ZONES), clocks, st.one_of(clocks, st.just("24:00")), days)
    @example(utc("2026-04-23T21:00"), "Africa/Cairo", "00:30", "00:20", ("fri",))
    def test_opens_at_the_first_open_minute(
        self, now: dt.datetime, zone: str, start: str, end: str, days: tuple[str, ...] | None
    ) -> None:
        if start == end:
            return
        hours = SendingHours(start=start, end=end, zone=zone, days=days)
        first = first_open(hours, [ZoneInfo(zone)], now)
        assert hours.opens_at(now) == (None if first == now.replace(second=0) else first)


class TestEachRecipient:
    def test_has_a_clock_of_its_own(self) -> None:
        hours, now = SendingHours(start="09:00", end="20:00"), utc("2026-01-15T12:00")
        assert hours.opens_at(now, KYIV) is None
        assert hours.opens_at(now, NEW_YORK) == utc("2026-01-15T14:00")

    def test_that_may_be_in_several_zones_is_called_when_it_is_open_in_all(self) -> None:
        hours = SendingHours(start="09:00", end="20:00")
        assert "Europe/Bucharest" in zones_of(MOSCOW_OR_ANYWHERE)
        # 9 in the west is 19 in Kamchatka.
        assert hours.opens_at(utc("2026-01-15T06:59"), MOSCOW_OR_ANYWHERE) == utc("2026-01-15T07:00")
        assert hours.opens_at(utc("2026-01-15T07:59"), MOSCOW_OR_ANYWHERE) is None
        assert hours.opens_at(utc("2026-01-15T08:00"), MOSCOW_OR_ANYWHERE) == utc("2026-01-16T07:00")

    def test_that_is_never_open_in_all_of_its_zones_goes_by_the_first(self) -> None:
        hours = SendingHours(start="09:00", end="12:00")
        first = SendingHours(start="09:00", end="12:00", zone=zones_of(TOLL_FREE)[0])
        for hour in range(24):
            now = utc("2026-07-15T00:00") + hour * 60 * MINUTE
            assert hours.opens_at(now, TOLL_FREE) == first.opens_at(now)

    def test_of_no_country_is_in_utc(self) -> None:
        assert zones_of(NO_COUNTRY) == ()
        hours = SendingHours(start="09:00", end="20:00")
        assert hours.opens_at(utc("2026-01-15T08:00"), NO_COUNTRY) == utc("2026-01-15T09:00")

    @settings(max_examples=25)
    @given(
        moments,
        st.sampled_from([MOSCOW_OR_ANYWHERE, "+61412345678", "+593991234567", "+351912345678"]),
        clocks,
        st.integers(11 * 60, 18 * 60),
        st.sampled_from([None, ("sun",), ("mon", "thu")]),
    )
    def test_opens_at_the_first_minute_that_is_open_in_all_zones(
        self, now: dt.datetime, phone: str, start: str, length: int, days: tuple[str, ...] | None
    ) -> None:
        minutes = (minutes_of(start) + length) % (24 * 60)
        hours = SendingHours(start=start, end=f"{minutes // 60:02}:{minutes % 60:02}", days=days)
        first = first_open(hours, [ZoneInfo(name) for name in zones_of(phone)], now)
        assert first is not None
        assert hours.opens_at(now, phone) == (None if first == now.replace(second=0) else first)

    async def test_may_be_asked_about_on_the_loop(self) -> None:
        hours, now = SendingHours(), utc("2026-01-15T04:00")
        assert hours.opens_at(now, "+622112345678") is None
        assert hours.opens_at(now, KYIV) == utc("2026-01-15T07:00")
        assert SendingHours(zone="Pacific/Chatham").opens_at(now) is None
