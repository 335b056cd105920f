"""Whether a request's conditions hold, in the order of RFC 9110, section 13.2.2."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum, auto

_LONGEST = 4_000
"""Characters of a condition that are read: a client that has more copies asks for the whole."""


class Verdict(Enum):
    """What a reading request is answered with."""

    GIVE = auto()
    """The representation, as the conditions hold."""
    HAS_IT = auto()
    """304: the caller's copy is the current one."""
    CHANGED = auto()
    """412: it is not the one that the caller means."""


def judged(headers: Mapping[str, str], tag: str, written_at: float) -> Verdict:
    """Judge a GET or HEAD by its headers.

    `tag` is the strong entity tag without quotes, `written_at` the time of `Last-Modified` in
    seconds since 1970. A date that cannot be read is passed over.
    """
    if_match, if_none_match = headers.get("if-match"), headers.get("if-none-match")
    if if_match is not None:
        if not _names(if_match, tag, is_weak=False):
            return Verdict.CHANGED
    elif _is_before(headers.get("if-unmodified-since"), written_at):
        return Verdict.CHANGED
    if if_none_match is not None:
        return Verdict.HAS_IT if _names(if_none_match, tag, is_weak=True) else Verdict.GIVE
    since = _seconds(headers.get("if-modified-since"))
    has_it = since is not None and int(written_at) <= since
    return Verdict.HAS_IT if has_it else Verdict.GIVE


def range_counts(headers: Mapping[str, str], tag: str, written_at: float) -> bool:
    """Tell whether a `Range` counts: it does unless `If-Range` names another representation."""
    wanted = headers.get("if-range")
    if wanted is None or wanted == f'"{tag}"':
        return True
    return not wanted.startswith(('"', "W/")) and _seconds(wanted) == int(written_at)


def _names(given: str, tag: str, *, is_weak: bool) -> bool:
    """Tell whether a list of entity tags names this one; by the weak comparison if `is_weak`."""
    tags = [each.strip() for each in given[:_LONGEST].split(",")]
    wanted = {"*", f'"{tag}"'} | ({f'W/"{tag}"'} if is_weak else set())
    return not wanted.isdisjoint(tags)


def _is_before(date: str | None, written_at: float) -> bool:
    seconds = _seconds(date)
    return seconds is not None and seconds < int(written_at)


def _seconds(date: str | None) -> int | None:
    """Read an HTTP date; None where there is none, or it is none."""
    try:
        return int(parsedate_to_datetime(date or "").timestamp())
    except (ValueError, OverflowError):
        return None
