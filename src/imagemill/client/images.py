"""Images at the server: found again, described, linked to, deleted."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from imagemill.client.answers import Image, ImagePage, Link
from imagemill.client.connection import Connection, Request

_PATH: Final = "/api/v1/images"
_LONGEST_PAGE: Final = 100
_NAMES: Final[Mapping[str, str]] = {"words": "q", "tags": "tag"}


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images are meant; all that is given must be true of one."""

    words: str = ""
    """All of these, in the name, tags, metadata, or the text of the file."""
    tags: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Your own notes, by key."""
    status: str = ""
    format: str = ""
    """Such as `jpeg`."""
    min_width: int | None = None
    max_width: int | None = None
    min_height: int | None = None
    max_height: int | None = None
    min_bytes: int | None = None
    max_bytes: int | None = None
    since: datetime | None = None
    """With a time zone, as `until`."""
    until: datetime | None = None

    def query(self) -> dict[str, str | Sequence[str]]:
        """Write it as the server reads it."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        notes = {f"metadata.{key}": value for key, value in given.pop("metadata").items()}
        plain = {
            _NAMES.get(name, name): _written(value)
            for name, value in given.items()
            if value is not None and value not in ("", ())
        }
        return plain | notes


EVERY: Final = ImageFilter()


class Images:
    """What can be asked of the images that you keep at the server."""

    def __init__(self, connection: Connection) -> None:
        """Remember whom to ask."""
        self._connection = connection

    async def find(
        self,
        which: ImageFilter = EVERY,
        *,
        sort: str = "created_at",
        order: str = "",
        limit: int | None = None,
    ) -> AsyncGenerator[Image, None]:
        """Give your images, the newest first, asking for more as you go on; at most `limit`.

        `sort` is `created_at`, `size_bytes`, `width` or `name`; `order` is `asc` or `desc`.
        """
        left = math.inf if limit is None else limit
        query = {**which.query(), "sort": sort, **({"order": order} if order else {})}
        while left > 0:
            query["limit"] = str(min(left, _LONGEST_PAGE))
            page = await self._connection.ask(ImagePage, Request("GET", _PATH, query=query))
            for image in page.images:
                yield image
            if page.next is None:
                return
            left -= len(page.images)
            query["cursor"] = page.next

    async def show(self, image_id: str) -> Image:
        """Look at an image."""
        return await self._connection.ask(Image, Request("GET", _path(image_id)))

    async def describe(
        self,
        image_id: str,
        *,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, str | None] | None = None,
        name: str | None = None,
        public: bool | None = None,
    ) -> Image:
        """Change how an image is described; what is not given stays.

        `tags` take the place of those it has. Keys of `metadata` that are None are removed.
        """
        given = {"tags": tags, "metadata": metadata, "name": name, "public": public}
        changes: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
        return await self._connection.ask(Image, Request("PATCH", _path(image_id), json=changes))

    async def link(self, image_id: str, *, expires_in_s: int = 3600) -> Link:
        """Make a link to the original that needs no key, and holds for so many seconds."""
        return await link(self._connection, _path(image_id), expires_in_s)

    async def delete(self, image_id: str, *, force: bool = False) -> None:
        """Delete an image; results that were made of it stay.

        Raises `ProblemError` (`image_in_use`) while jobs that have not ended use it; `force`
        cancels them.
        """
        query = {"force": "1"} if force else None
        await self._connection.send(Request("DELETE", _path(image_id), query=query))


async def link(connection: Connection, path: str, expires_in_s: int) -> Link:
    """Make a link to what a path gives."""
    order = {"expires_in_s": expires_in_s}
    return await connection.ask(Link, Request("POST", f"{path}/links", json=order))


def _path(image_id: str) -> str:
    return f"{_PATH}/{image_id}"


def _written(value: object) -> str | Sequence[str]:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, list | tuple) else str(value)
