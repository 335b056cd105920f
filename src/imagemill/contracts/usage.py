"""What was used in a month, as services tell each other, and which month it is."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from imagemill.contracts.model import Contract

MONTH: Final = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
"""A calendar month as it is written, such as `2026-11`."""


class KeyIntake(Contract):
    """What one key brought in."""

    key_id: str
    """Empty for people who logged in."""
    images: int = 0
    """Originals that came in during the month and were new."""
    bytes_in: int = 0
    """Bytes of these."""
    stored_images: int = 0
    """Originals that are kept now, whenever they came in."""
    stored_bytes: int = 0


class IntakeUsage(Contract):
    """What the keys of one account brought in."""

    keys: list[KeyIntake]


def month_of(seconds: float) -> str:
    """Name the calendar month, in UTC, of a time in seconds since 1970."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m}"


def left_of_month_s(seconds: float) -> int:
    """Tell how many seconds are left until the next month begins, at least one."""
    now = datetime.fromtimestamp(seconds, UTC)
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    begins = datetime(year, month, 1, tzinfo=UTC)
    return max(math.ceil((begins - now).total_seconds()), 1)
