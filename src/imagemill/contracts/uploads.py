"""What others may ask of the uploads service."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.facts import Facts
from imagemill.contracts.identity import Identity
from imagemill.contracts.model import Contract
from imagemill.contracts.usage import IntakeUsage, KeyIntake

STORED: Final = "/api/v1/uploads/stored"
"""Where signed URLs of a storage without a server of its own lead: `{STORED}/{bucket}/{key}`."""


class Image(Contract):
    """An original that Imagemill keeps."""

    image_id: str
    owner: str
    storage_key: str
    """Where its bytes lie in the bucket of originals."""
    sha256: str
    size_bytes: int
    facts: Facts
    name: str | None = None
    """What its owner called the file; never used as a path."""
    created_at: float
    """Seconds since 1970, UTC."""
    status: str = "stored"
    """Whether its bytes are there."""
    tags: tuple[str, ...] = ()
    """What its owner puts it under."""
    metadata: dict[str, str] = {}
    """What its owner notes of it, by keys of their own."""
    is_public: bool = False
    """Whether anybody may read it."""


class ImageText(Contract):
    """A text that belongs to an image, by which its owner finds it."""

    source: str
    """What told it, as `ocr`; the next text of the same source takes its place."""
    text: str


class Intake(Contract):
    """What came in with one request body."""

    image: Image
    is_new: bool
    """False when the same bytes of the same owner were kept already."""
    fields: dict[str, str] = {}
    """The other fields of a multipart form, by name."""


class IntakeError(Contract):
    """Why a picture was not taken in."""

    code: str
    """Code of the error, as problems carry it."""
    message: str
    limit: dict[str, Any] = {}
    """The limit that was broken, by name."""


class IntakeItem(Contract):
    """What became of one picture of many: an image or an error."""

    name: str | None
    """What its sender called the file."""
    image: Image | None = None
    error: IntakeError | None = None


class Intakes(Contract):
    """What came in with one form of many pictures."""

    items: list[IntakeItem]
    """One for each picture, in the form's order."""
    fields: dict[str, str] = {}
    """The other fields of the form, by name."""


class ImageIds(Contract):
    """Images to look up."""

    ids: list[str]


class Images(Contract):
    """The images found, by id; what is missing is unknown or somebody else's."""

    images: dict[str, Image]


class ImageEvent(Contract):
    """What happened to an image; every event of every image stands in one log."""

    id: int
    """Only grows; whoever remembers the last one misses nothing and hears nothing twice."""
    type: str
    """`image.stored` or `image.failed`."""
    image_id: str
    """The id that its owner was told, which may lead to an image of the same bytes."""
    owner: str
    at: float
    """Seconds since 1970."""
    code: str | None = None
    """Why there is no image, as errors are called."""


class ImageEvents(Contract):
    """A part of the log, in order."""

    events: list[ImageEvent]


class Promise(Contract):
    """An image that somebody waits for."""

    image_id: str
    """Made by who asks, so that asking twice fetches once."""
    owner: str
    url: str | None = None
    """Where it is to be fetched from; None where only its fate is asked for."""
    key_id: str | None = None
    """The key that asked for it."""
    stored_bytes: int | None = None
    """Bytes that this key's originals may take up, as `Identity` has it."""


class Promises(Contract):
    """Images that somebody waits for."""

    promises: list[Promise]


class Fate(Contract):
    """What became of a promised image."""

    image_id: str
    status: Literal["pending", "stored", "failed"]
    error: IntakeError | None = None
    """Why it failed."""


class Fates(Contract):
    """What became of each, in the order of the promises."""

    fates: list[Fate]


@dataclass(frozen=True, slots=True)
class UploadsClient:
    """The uploads service, typed."""

    service: ServiceClient

    async def take_in(
        self, body: AsyncIterable[bytes], headers: Mapping[str, str], *, caller: Identity
    ) -> Intake:
        """Hand a request body with a picture on: multipart with `file`, or the bytes themselves.

        `headers` are the request's `content-type` and, where known, `content-length`. Raises the
        typed refusals of pictures.
        """
        reply = await self.service.call(
            "POST", "/internal/intake", body, caller=caller, headers=headers
        )
        return Intake.model_validate_json(reply.body)

    async def take_in_many(
        self, body: AsyncIterable[bytes], headers: Mapping[str, str], *, caller: Identity
    ) -> Intakes:
        """Hand a form on that carries up to 10,000 pictures, each as a field `file`.

        `headers` are as for `take_in`. A picture that is refused is told by its item; raises the
        refusals of the form as a whole, after which the images that were recorded stay.
        """
        reply = await self.service.call(
            "POST", "/internal/intakes", body, caller=caller, headers=headers
        )
        return Intakes.model_validate_json(reply.body)

    async def add_text(self, image_id: str, text: ImageText, *, caller: Identity) -> None:
        """Let an image be found by a text, such as what OCR read; raises `NotFound`."""
        path = f"/internal/images/{image_id}/texts"
        await self.service.call("POST", path, text, caller=caller)

    async def find(self, ids: list[str], *, caller: Identity) -> dict[str, Image]:
        """Look the caller's images up by id; unknown ones are left out."""
        reply = await self.service.call(
            "POST", "/internal/images", ImageIds(ids=ids), caller=caller, is_repeatable=True
        )
        return Images.model_validate_json(reply.body).images

    async def usage(self, month: str, *, caller: Identity) -> list[KeyIntake]:
        """Tell what the caller's keys brought in during a month, and what is kept of it now."""
        path = f"/internal/usage?month={month}"
        reply = await self.service.call("GET", path, caller=caller)
        return IntakeUsage.model_validate_json(reply.body).keys

    async def fetch(self, promises: list[Promise]) -> list[Fate]:
        """Have images fetched that are not on their way yet, and tell what became of each."""
        reply = await self.service.call(
            "POST", "/internal/fetches", Promises(promises=promises), is_repeatable=True
        )
        return Fates.model_validate_json(reply.body).fates

    async def events(self, after: int, *, wait_s: float) -> list[ImageEvent]:
        """Read what happened to images after an event; wait so long when there is nothing yet."""
        path = f"/internal/events?after={after}&wait_s={wait_s}"
        reply = await self.service.call("GET", path)
        return ImageEvents.model_validate_json(reply.body).events

    async def newest_event(self) -> int:
        """Tell the last event of the log; 0 before the first."""
        reply = await self.service.call("GET", "/internal/events/newest")
        return max(
            (each.id for each in ImageEvents.model_validate_json(reply.body).events), default=0
        )
