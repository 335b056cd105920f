"""The list of images that are not there: on their way from URLs, or that did not come."""

from __future__ import annotations

from typing import Final

from fastapi import Request

from imagemill.contracts.identity import Identity
from imagemill.errors import FieldError, InvalidRequest
from imagemill.uploads.fetch import FetchStatus
from imagemill.uploads.finding import Filters, Wanted
from imagemill.uploads.service import Uploads
from imagemill.uploads.views import ImageList, fetch_view
from imagemill.web.paging import cursor_of, place_of

_ORDER: Final = frozenset({"sort", "order"})


async def unstored_page(
    request: Request, uploads: Uploads, caller: Identity, wanted: Wanted
) -> ImageList:
    """Read a page, the newest first; raises `InvalidRequest` for filters of what is there.

    So it does for an order, which would be that of what is there, too.
    """
    status, cursor = wanted.filters.status, request.query_params.get("cursor", "")
    if wanted.filters != Filters(status=status) or _ORDER & request.query_params.keys():
        problem = FieldError(
            "status", f"is {status}; such images have nothing else to be found or ordered by."
        )
        raise InvalidRequest("The list cannot be made.", errors=[problem])
    found = await uploads.fetches(caller, FetchStatus(status), place_of(cursor), wanted.limit + 1)
    shown = found[: wanted.limit]
    last = shown[-1] if len(found) > len(shown) else None
    following = cursor_of(last.created_at, last.image_id) if last else None
    return ImageList(images=[fetch_view(each) for each in shown], next=following)
