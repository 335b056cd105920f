"""Which images are looked for, and where a list of them goes on."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import astuple, dataclass, replace
from enum import StrEnum
from typing import Final

from imagemill.errors import FieldError, InvalidRequest
from imagemill.web.reading import value_of

MOST: Final = 100
"""Images on one page of a list."""
_LARGEST: Final = 10**18
"""More than any size, width or number is."""


class Sort(StrEnum):
    """What a list of images is ordered by."""

    CREATED_AT = "created_at"
    SIZE_BYTES = "size_bytes"
    WIDTH = "width"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list an image stands: by what it is ordered by, then by the image's number."""

    key: str | int
    number: int


@dataclass(frozen=True, slots=True)
class Filters:
    """Which of an owner's images are looked for; all that is given must be true of one."""

    status: str = ""
    format: str = ""
    min_width: int | None = None
    max_width: int | None = None
    min_height: int | None = None
    max_height: int | None = None
    min_bytes: int | None = None
    max_bytes: int | None = None
    since: float | None = None
    """Seconds since 1970; that moment is in it."""
    until: float | None = None
    """Seconds since 1970; that moment is not in it."""
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()

    @property
    def has_terms(self) -> bool:
        """Whether the index of words is needed."""
        return bool(self.tags or self.metadata or self.words)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One page of a list."""

    filters: Filters = Filters()
    sort: Sort = Sort.CREATED_AT
    descending: bool = True
    limit: int = 20
    after: Place | None = None
    """The last image of the page before; None for the first page."""

    def going_on_at(self, cursor: str) -> Wanted:
        """Go on where the page before ended; raises `InvalidRequest` for another list's cursor."""
        return replace(self, after=self._place(cursor)) if cursor else self

    def cursor(self, last: Place) -> str:
        """Write where the list goes on after an image."""
        told = json.dumps([self._digest, last.key, last.number], ensure_ascii=False)
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")

    @property
    def _digest(self) -> str:
        """Tell this list from others, so that no cursor leads into the middle of another one."""
        told = json.dumps([astuple(self.filters), self.sort, self.descending])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def _place(self, cursor: str) -> Place:
        try:
            padded = cursor.encode() + b"=" * (-len(cursor) % 4)
            digest, key, number = value_of(base64.urlsafe_b64decode(padded))
        except (ValueError, TypeError) as error:
            raise _no_cursor("is not one that an answer gave.") from error
        if digest != self._digest:
            raise _no_cursor("is of a list with other filters or another order.")
        is_text = self.sort is Sort.NAME
        if not _is_number(number) or not (isinstance(key, str) if is_text else _is_number(key)):
            raise _no_cursor("is not one that an answer gave.")
        return Place(key, number)


def _is_number(value: object) -> bool:
    """Tell whether a value is one that a database has room for."""
    return isinstance(value, int) and 0 <= value <= _LARGEST


def _no_cursor(what: str) -> InvalidRequest:
    return InvalidRequest("The list cannot go on from there.", errors=[FieldError("cursor", what)])
