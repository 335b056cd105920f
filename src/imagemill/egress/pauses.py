"""How long a host asks to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def asked_pause_s(header: str | None, now: datetime) -> int | None:
    """Read `Retry-After` (RFC 9110, 10.2.3) in its two forms; None where it says nothing."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # Of a year or an offset that no clock can have.
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, round((aware - now).total_seconds()))
