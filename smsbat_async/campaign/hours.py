"""SendingHours: when messages may go out, by the clock on somebody's wall."""

import datetime as dt
import functools
import re
from typing import Final

import msgspec

from smsbat_async.campaign.countries import phone_library
from smsbat_async.campaign.phones import EXTRA
from smsbat_async.campaign.zones import zone, zones_of
from smsbat_async.errors import ConfigurationError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

RECIPIENT: Final = "recipient"

CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)

MIDNIGHT: Final = "24:00"

MINUTES: Final = 24 * 60
"""How many minutes a day has on the clock."""

MINUTE: Final = dt.timedelta(minutes=1)

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

HORIZON: Final = dt.timedelta(days=15)
"""How far ahead a moment is looked for at which it is open in several zones: two weeks, since the only day of
the week may fall out once, when the clock is put forward."""

NO_COUNTRY: Final = ("UTC",)
"""Where numbers of no country are taken to be."""

REMEMBERED: Final = 4_096


class SendingHours(msgspec.Struct, frozen=True, kw_only=True):
    """The hours in which messages may go out, by the clock of a time zone or of each recipient.

    A day on which the clock is put forward or back is no exception: it is open whenever the clock shows a
    time within the hours, so what is skipped is lost, and what comes twice is open twice.

    With `zone="recipient"` a number is in every zone that it may be in: a mobile number of a country with
    several of them may be anywhere there. It is open for such a number while it is open in all of its zones;
    where that is never so, the first of them by name counts alone. Numbers of no country, as those of
    satellites, are taken to be in UTC.

    Args:
        start: When it opens: hours and minutes, `00:00` to `23:59`.
        end: When it closes, which is the first minute that is closed; up to `24:00`. Before `start`, it is on
            the next day.
        zone: The name of a zone in the IANA database, as `Europe/Kyiv`, or `recipient`.
        days: On which days it opens, of mon, tue, wed, thu, fri, sat and sun; None for all. Hours over
            midnight belong to the day on which they begin.

    Raises:
        ConfigurationError: If a parameter is wrong, or `recipient` is asked for without the library
            `phonenumbers`.
    """

    start: str = "09:00"
    end: str = "20:00"
    zone: str = RECIPIENT
    days: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not _is_clock(self.start):
            raise ConfigurationError("SendingHours.start must be a time of 00:00 to 23:59, as '09:00'")
        if not _is_clock(self.end) and self.end != MIDNIGHT:
            raise ConfigurationError("SendingHours.end must be a time of 00:00 to 24:00, as '20:00'")
        if self.start == self.end:
            raise ConfigurationError(
                "SendingHours.end must differ from start; a whole day is start='00:00', end='24:00'"
            )
        _check_days(self.days)
        if not isinstance(self.zone, str):
            raise ConfigurationError(
                "SendingHours.zone must be a text: a name as 'Europe/Kyiv', or 'recipient'"
            )
        if not self.per_recipient:
            zone(self.zone)
        elif phone_library() is None:
            raise ConfigurationError(f"SendingHours.zone='recipient' needs the library phonenumbers: {EXTRA}")

    @property
    def per_recipient(self) -> bool:
        """Whether the clock is that of each recipient."""
        return self.zone == RECIPIENT

    def opens_at(self, now: dt.datetime, phone: str | None = None) -> dt.datetime | None:
        """Return when it opens next; None if it is open.

        Args:
            now: The moment that is asked about, with its time zone.
            phone: The number in E.164 form with its plus; needed if the clock is that of each recipient.

        Returns:
            The moment, a whole minute, in UTC.

        Raises:
            ConfigurationError: If `now` has no time zone, `phone` is missing, or a zone is not known to this
                machine.
        """
        if now.tzinfo is None:
            raise ConfigurationError("now must have a time zone: datetime.now(UTC)")
        zones: tuple[str, ...] = (self.zone,)
        if self.per_recipient:
            if phone is None:
                raise ConfigurationError("phone must be given: the hours are those of each recipient")
            zones = zones_of(phone) or NO_COUNTRY
        # Clocks all over the world show the same second, so nothing changes within a minute.
        return _opening(self, zones, (now - EPOCH) // MINUTE)

    def is_open(self, local: dt.datetime) -> bool:
        """Return whether it is open while the clock shows this.

        Args:
            local: Day and time as the clock on the wall shows them.
        """
        start, end, shown = _minutes(self.start), _minutes(self.end), local.hour * 60 + local.minute
        today = local.weekday()
        if start < end:
            return start <= shown < end and self._begins(today)
        return (shown >= start and self._begins(today)) or (shown < end and self._begins(today - 1))

    def _begins(self, day: int) -> bool:
        return self.days is None or DAYS[day] in self.days


@functools.lru_cache(maxsize=REMEMBERED)
def _opening(hours: SendingHours, zones: tuple[str, ...], minute: int) -> dt.datetime | None:
    """Return when it is open in all zones, from a minute since 1970 on; None if it is in that minute."""
    now = EPOCH + minute * MINUTE
    at = now
    while at <= now + HORIZON:
        # There is no such moment before the last zone has opened.
        latest = max(_next(hours, name, at) for name in zones)
        if latest == at:
            return None if at == now else at
        at = latest
    at = _next(hours, zones[0], now)
    return None if at == now else at


def _next(hours: SendingHours, name: str, at: dt.datetime) -> dt.datetime:
    """Return the first minute from one on in which it is open in a zone."""
    there = zone(name)
    while not hours.is_open(local := at.astimezone(there)):
        # It stays closed until the clock shows when it opens, unless the clock is changed before that.
        ahead = (_minutes(hours.start) - local.hour * 60 - local.minute) % MINUTES or MINUTES
        at += _until_change(there, at, ahead) * MINUTE
    return at


def _until_change(there: dt.tzinfo, at: dt.datetime, ahead: int) -> int:
    """Return in how many minutes the clock is changed; `ahead` if it is not within as many."""
    offset = at.astimezone(there).utcoffset()
    same, other = 0, ahead
    if (at + other * MINUTE).astimezone(there).utcoffset() == offset:
        return ahead
    while other - same > 1:
        middle = (same + other) // 2
        if (at + middle * MINUTE).astimezone(there).utcoffset() == offset:
            same = middle
        else:
            other = middle
    return other


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _is_clock(text: object) -> bool:
    return isinstance(text, str) and CLOCK.fullmatch(text) is not None


def _check_days(days: object) -> None:
    if days is None:
        return
    right = f"SendingHours.days must be a tuple of some of {', '.join(DAYS)}, each once; None for all"
    if not isinstance(days, tuple) or not days or not all(day in DAYS for day in days):
        raise ConfigurationError(right)
    if len(set(days)) < len(days):
        raise ConfigurationError(right)
