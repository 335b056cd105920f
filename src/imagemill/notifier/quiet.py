"""Quiet hours: a part of each day in which nobody wants to hear of anything."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from imagemill.contracts.users import QuietHours

_DAY: Final = timedelta(days=1)


def tell_at(at: float, quiet: QuietHours | None) -> float:
    """Give the time, in seconds since 1970, at which something of the time `at` may be told.

    That is `at` itself outside of the quiet hours, and their next end within them. Hours that
    start and end alike are none, and so are some that cannot be read, for telling somebody at
    night is better than never. When the clocks go forward past the end, what waited is told as
    soon as they have; when they go back over it, at the first end that lies after `at`.
    """
    hours = _read(quiet)
    if hours is None:
        return at
    start, end, zone = hours
    here = datetime.fromtimestamp(at, zone)
    if not _is_within(here.time(), start, end):
        return at
    day = here.date() if here.time() < end else here.date() + _DAY
    return _seconds(day, end, zone, after=at)


def _read(quiet: QuietHours | None) -> tuple[time, time, ZoneInfo] | None:
    if quiet is None:
        return None
    try:
        hours = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
        zone = ZoneInfo(quiet.time_zone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None
    return *hours, zone


def _is_within(now: time, start: time, end: time) -> bool:
    if start <= end:
        return start <= now < end
    return now >= start or now < end


def _seconds(day: date, end: time, zone: ZoneInfo, *, after: float) -> float:
    """Find the end in seconds; a time of day that comes twice is taken where it is still ahead."""
    end_at = datetime.combine(day, end, zone)
    first = end_at.astimezone(UTC).timestamp()
    return first if first > after else end_at.replace(fold=1).astimezone(UTC).timestamp()
