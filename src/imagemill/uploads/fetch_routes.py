"""Images by URL over HTTP: one, or many in one request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from imagemill.contracts.identity import Identity
from imagemill.contracts.problem import Problem, problem_of
from imagemill.database import Connection
from imagemill.egress.urls import LONGEST
from imagemill.errors import FieldError, InvalidRequest, UrlNotAllowed
from imagemill.idempotency import Remembered, check, fingerprint
from imagemill.idempotency import records as answers
from imagemill.uploads.fetch import Fetch, FetchStatus
from imagemill.uploads.service import Uploads
from imagemill.uploads.views import FetchView, fetch_view
from imagemill.web.openapi import schemas_of
from imagemill.web.reading import json_object, model_of

MOST_URLS: Final = 1000
"""URLs of one request."""
_MOST_BYTES: Final = 3_000_000
"""Bytes of such a request: a thousand URLs of the greatest length, and names."""


class UrlItem(BaseModel):
    """One image among many, by URL."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="Where the image is; `http` or `https`, of a public host.")
    name: str | None = Field(None, max_length=255, description="What to call the file.")


class UrlRequest(BaseModel):
    """An image by URL, or many: either `url` or `urls`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = Field(
        None,
        description=f"Where the image is: `http` or `https`, of a public host, at most {LONGEST} "
        "characters.",
        examples=["https://images.example.com/photo.jpg"],
    )
    name: str | None = Field(None, max_length=255, description="What to call the file.")
    urls: list[str | UrlItem] | None = Field(
        None,
        min_length=1,
        max_length=MOST_URLS,
        description=f"1 to {MOST_URLS} images, each with its own end: URLs, or objects of `url` and"
        " `name`.",
    )


class FetchItem(BaseModel):
    """What becomes of one URL of many."""

    model_config = ConfigDict(frozen=True)

    url: str
    image_id: str | None = Field(None, description="The image's id; none where it is refused.")
    status: FetchStatus
    error: Problem | None = Field(None, description="Why it is refused.")


class FetchList(BaseModel):
    """What becomes of many URLs, in the order of the request."""

    model_config = ConfigDict(frozen=True)

    items: list[FetchItem]


SCHEMAS: Final = (UrlRequest, FetchList, FetchView)


def body_schema() -> dict[str, Any]:
    """Describe the JSON body of the route that takes images in."""
    return {"schema": schemas_of(UrlRequest)["UrlRequest"]}


@dataclass(frozen=True, slots=True)
class Fetches:
    """Promise what a JSON body asks for."""

    uploads: Uploads

    async def take(self, request: Request, caller: Identity, key: str | None) -> Response:
        """Answer 202 with what was promised, or as the request was answered before."""
        value = await json_object(request, most_bytes=_MOST_BYTES)
        wanted = _read(value)
        meaning = fingerprint("POST /api/v1/images", value)
        remembered = await self.uploads.remembered(caller, key) if key else None
        if remembered:
            check(remembered, meaning)
            return remembered.answer()
        made, body, location = self._asked(wanted, caller)
        answer = Remembered(
            fingerprint=meaning,
            status=HTTPStatus.ACCEPTED,
            location=location,
            body=body.model_dump_json(),
            made=made[0].image_id if made else "",
            created_at=self.uploads.clock(),
        )

        def keep(connection: Connection, _: Sequence[Fetch]) -> None:
            if key is not None:
                answers.keep(connection, caller.account, key, answer)

        await self.uploads.promises.make(caller, made, keep)
        headers = {"location": location} if location else {}
        return Response(answer.body, answer.status, headers, media_type="application/json")

    def _asked(
        self, wanted: UrlRequest, caller: Identity
    ) -> tuple[Sequence[Fetch], BaseModel, str | None]:
        """Give what is to be fetched, what is answered, and where to look."""
        if wanted.url is not None:
            fetch = self.uploads.promises.fetch_of(caller, wanted.url, wanted.name)
            return [fetch], fetch_view(fetch), f"/api/v1/images/{fetch.image_id}"
        items = [self._item(caller, each) for each in wanted.urls or ()]
        made = [each for each in items if isinstance(each, Fetch)]
        return made, FetchList(items=[_view(each) for each in items]), None

    def _item(self, caller: Identity, wanted: str | UrlItem) -> Fetch | FetchItem:
        item = UrlItem(url=wanted) if isinstance(wanted, str) else wanted
        try:
            return self.uploads.promises.fetch_of(caller, item.url, item.name)
        except UrlNotAllowed as error:
            return FetchItem(url=item.url, status=FetchStatus.FAILED, error=problem_of(error))


def _read(value: dict[str, Any]) -> UrlRequest:
    wanted = model_of(UrlRequest, value, "The images cannot be fetched.")
    if (wanted.url is None) == (wanted.urls is None):
        wrong = FieldError("url", "is missing; give either `url` or `urls`.")
        raise InvalidRequest("Say where the image is, or send it as a form.", errors=[wrong])
    if wanted.urls is not None and wanted.name is not None:
        wrong = FieldError("name", "belongs to one URL; give it within `urls`.")
        raise InvalidRequest("One name cannot be for many images.", errors=[wrong])
    return wanted


def _view(item: Fetch | FetchItem) -> FetchItem:
    if isinstance(item, FetchItem):
        return item
    return FetchItem(url=item.url, image_id=item.image_id, status=item.status)
