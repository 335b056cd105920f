"""What a query asks for of the list of images."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Request

from imagemill.contracts.facts import Format
from imagemill.contracts.uploads import Image
from imagemill.errors import FieldError, InvalidRequest
from imagemill.uploads.fetch import FetchStatus
from imagemill.uploads.finding import MOST, Filters, Place, Sort, Wanted
from imagemill.uploads.views import ImageList, image_view
from imagemill.uploads.words import words_of
from imagemill.web.links import FileLinks

_METADATA: Final = "metadata."
UNSTORED: Final = frozenset({FetchStatus.PENDING.value, FetchStatus.FAILED.value})
"""Statuses of images that are not there, which have lists of their own."""
_MOST_TERMS: Final = 20
"""Tags, pairs of metadata and words of one search, all together."""
_REPEATED: Final = "tag"
_Count = Annotated[int | None, Query(ge=0, le=10**12)]
METADATA: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "metadata.KEY",
            "in": "query",
            "schema": {"type": "string", "maxLength": 500},
            "description": "Only images that have this value under your key KEY; may be given for "
            "several keys.",
        }
    ]
}
"""OpenAPI has no word for names that begin alike, so one of them stands for all."""


def filters(  # noqa: PLR0913 - each is a parameter of the query
    request: Request,
    *,
    status: Annotated[
        Literal["stored", "pending", "failed"] | None, Query(description="Only of this status.")
    ] = None,
    format: Annotated[  # noqa: A002 - the parameter's name in the query
        Format | None, Query(description="Only of this format.")
    ] = None,
    min_width: Annotated[_Count, Query(description="Only if at least so wide, in pixels.")] = None,
    max_width: Annotated[_Count, Query(description="Only if at most so wide, in pixels.")] = None,
    min_height: Annotated[_Count, Query(description="Only if at least so high, in pixels.")] = None,
    max_height: Annotated[_Count, Query(description="Only if at most so high, in pixels.")] = None,
    min_bytes: Annotated[
        _Count, Query(description="Only if the file has at least so many bytes.")
    ] = None,
    max_bytes: Annotated[
        _Count, Query(description="Only if the file has at most so many bytes.")
    ] = None,
    since: Annotated[datetime | None, Query(description="Only from this moment on.")] = None,
    until: Annotated[datetime | None, Query(description="Only before this moment.")] = None,
    tag: Annotated[
        tuple[str, ...], Query(description="Only with this tag; given again, with all of them.")
    ] = (),
    q: Annotated[
        str,
        Query(
            max_length=400,
            description="Only with all these words in their name, tags, metadata, or the text of "
            "their file. Case and accents do not count; words are compared whole.",
        ),
    ] = "",
) -> Filters:
    """Read which images are looked for; raises `InvalidRequest` for what cannot be meant."""
    found = Filters(
        status=status or "",
        format=format or "",
        min_width=min_width,
        max_width=max_width,
        min_height=min_height,
        max_height=max_height,
        min_bytes=min_bytes,
        max_bytes=max_bytes,
        since=_seconds("since", since),
        until=_seconds("until", until),
        tags=tuple(sorted({each.strip().lower() for each in tag})),
        metadata=tuple(sorted(_metadata(request))),
        words=tuple(words_of(q)),
    )
    _check(found, q)
    return found


def wanted(
    request: Request,
    which: Annotated[Filters, Depends(filters)],
    *,
    sort: Annotated[Sort, Query(description="What to order by.")] = Sort.CREATED_AT,
    order: Annotated[
        Literal["asc", "desc"] | None,
        Query(description="Names begin with the first, all others with the newest or largest."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Images in one answer.")] = 20,
    cursor: Annotated[
        str, Query(max_length=800, description="`next` of the answer before; the start if empty.")
    ] = "",
) -> Wanted:
    """Read which page of which list is asked for; raises `InvalidRequest`."""
    _refuse_unknown(request)
    descending = order == "desc" if order else sort is not Sort.NAME
    page = Wanted(which, sort, descending, limit)
    return page if which.status in UNSTORED else page.going_on_at(cursor)


Page = Annotated[Wanted, Depends(wanted)]


def page(images: Iterable[Image], last: Place | None, asked: Wanted, links: FileLinks) -> ImageList:
    """Show a page of a list."""
    following = asked.cursor(last) if last else None
    return ImageList(images=[image_view(each, links) for each in images], next=following)


_NAMES: Final = frozenset(Filters.__dataclass_fields__) - {"tags", "metadata", "words"} | {
    *("tag", "q", "sort", "order", "limit", "cursor")
}


def _refuse_unknown(request: Request) -> None:
    given = [name for name, _ in request.query_params.multi_items()]
    errors = [
        FieldError(name[:80], "is not known here.")
        for name in dict.fromkeys(given)
        if name not in _NAMES and not _key(name)
    ]
    errors += [
        FieldError(name[:80], "is given more than once; give it once.")
        for name in dict.fromkeys(given)
        if name != _REPEATED and given.count(name) > 1
    ]
    if errors:
        raise InvalidRequest("The query has parameters that are wrong.", errors=errors)


def _key(name: str) -> str:
    """Give the key of a metadata parameter; empty for any other."""
    return name.removeprefix(_METADATA) if name.startswith(_METADATA) else ""


def _metadata(request: Request) -> list[tuple[str, str]]:
    return [(_key(name), value) for name, value in request.query_params.items() if _key(name)]


def _check(found: Filters, q: str) -> None:
    if q.strip() and not found.words:
        problem = FieldError("q", "holds no word to look for.")
        raise InvalidRequest("The search has no word.", errors=[problem])
    terms = len(found.tags) + len(found.metadata) + len(found.words)
    if terms > _MOST_TERMS:
        raise InvalidRequest(
            f"The search has {terms} words, tags and keys together; {_MOST_TERMS} are the most.",
            limit={"limit_terms": _MOST_TERMS},
        )


def _seconds(name: str, moment: datetime | None) -> float | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        problem = FieldError(name, "has no time zone; write it like 2026-11-25T12:00:00Z.")
        raise InvalidRequest("A moment is not clear.", errors=[problem])
    return moment.timestamp()
