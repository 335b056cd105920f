"""The logs that the notifier reads: each gives its events in order, and what is to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from imagemill.contracts.jobs import JobEvent, JobsClient
from imagemill.notifier.events import TYPES, Event, event_id

_WAIT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a log."""

    events: Sequence[Event]
    """Those that somebody may want to be told of."""
    last: int
    """Number of the last event that was read, told or not."""
    heard: int
    """How many were read."""


class Log(Protocol):
    """A service's log of events, whose numbers only grow."""

    @property
    def name(self) -> str:
        """Name the log; part of its events' ids, so it never changes."""
        ...

    async def after(self, number: int) -> Page:
        """Read on after an event; wait a while where there is nothing yet."""
        ...

    async def facts(self, events: Sequence[Event]) -> Mapping[str, Mapping[str, Any]]:
        """Tell by event id what its owner would see who asked now."""
        ...


@dataclass(frozen=True, slots=True)
class JobsLog:
    """What happened to jobs and batches."""

    jobs: JobsClient
    links: str
    """What links begin with, such as `https://images.example.com`."""
    name: str = "jobs"

    async def after(self, number: int) -> Page:
        """Read on in the log of the jobs service."""
        found = await self.jobs.events(number, wait_s=_WAIT_S)
        events = [self._event(each) for each in found if each.type in TYPES]
        return Page(events, found[-1].id if found else number, len(found))

    async def facts(self, events: Sequence[Event]) -> Mapping[str, Mapping[str, Any]]:
        """Ask once for the jobs and batches of all these events, as polling would show them.

        Of what is there no longer only the log's own words are told.
        """
        views = await self.jobs.views(
            jobs=[each.data["job_id"] for each in events if "job_id" in each.data],
            batches=[each.data["batch_id"] for each in events if "job_id" not in each.data],
        )
        return {
            each.id: linked(views.jobs.get(each.data["job_id"], each.data), self.links)
            if "job_id" in each.data
            else linked(views.batches.get(each.data["batch_id"], each.data), self.links)
            for each in events
        }

    def _event(self, told: JobEvent) -> Event:
        about = {"job_id": told.job_id, "batch_id": told.batch_id}
        return Event(
            id=event_id(self.name, told.id, told.at),
            type=told.type,
            at=told.at,
            owner=told.owner,
            data={name: value for name, value in about.items() if value},
            traceparent=told.traceparent,
            request_id=told.request_id,
            webhook_url=told.webhook_url,
        )


class ImageTold(Protocol):
    """What happened to an image, as the log of uploads has it."""

    @property
    def id(self) -> int:
        """Only grows."""
        ...

    @property
    def type(self) -> str:
        """`image.stored` or `image.failed`."""
        ...

    @property
    def image_id(self) -> str:
        """The id that its owner was told."""
        ...

    @property
    def owner(self) -> str:
        """Whose image it is."""
        ...

    @property
    def at(self) -> float:
        """Seconds since 1970."""
        ...

    @property
    def code(self) -> str | None:
        """Why there is no image; None where there is one."""
        ...


class ImagesTold(Protocol):
    """Who has the log of uploads."""

    async def events(self, after: int, *, wait_s: float) -> Sequence[ImageTold]:
        """Read what happened after an event; wait so long when there is nothing yet."""
        ...


@dataclass(frozen=True, slots=True)
class ImagesLog:
    """What happened to images: those that are stored, and URLs that led to none."""

    images: ImagesTold
    links: str
    """What links begin with, such as `https://images.example.com`."""
    name: str = "images"

    async def after(self, number: int) -> Page:
        """Read on in the log of uploads."""
        found = await self.images.events(number, wait_s=_WAIT_S)
        events = [self._event(each) for each in found if each.type in TYPES]
        return Page(events, found[-1].id if found else number, len(found))

    async def facts(self, events: Sequence[Event]) -> Mapping[str, Mapping[str, Any]]:
        """Tell what the log says, and where the image is."""
        return {each.id: linked(each.data, self.links) for each in events}

    def _event(self, told: ImageTold) -> Event:
        is_stored = told.type == "image.stored"
        about = {"image_id": told.image_id, "status": "stored" if is_stored else "failed"}
        if is_stored:
            about["url"] = f"/api/v1/images/{told.image_id}"
        if told.code:
            about["code"] = told.code
        id_ = event_id(self.name, told.id, told.at)
        return Event(id=id_, type=told.type, at=told.at, owner=told.owner, data=about)


def linked(value: Any, links: str) -> Any:  # noqa: ANN401 - any JSON value
    """Make every `url` in a view one that can be followed from elsewhere."""
    if isinstance(value, list):
        return [linked(each, links) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: f"{links}{each}"
        if name == "url" and isinstance(each, str) and each.startswith("/")
        else linked(each, links)
        for name, each in value.items()
    }
