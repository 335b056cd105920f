"""What other services ask about images by URL, and the log of events."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI, Request

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Fates, ImageEvents, Promises
from imagemill.errors import MalformedBody
from imagemill.uploads.service import Uploads
from imagemill.web.internal import answer_processes, asked


def add_events(app: FastAPI, uploads: Uploads) -> None:
    """Let an app answer other processes."""
    internal = _Internal(uploads)
    answer_processes(app, "POST", "/internal/fetches", internal.fetch)
    answer_processes(app, "GET", "/internal/events", internal.events)
    answer_processes(app, "GET", "/internal/events/newest", internal.newest)


@dataclass(frozen=True, slots=True)
class _Internal:
    uploads: Uploads

    async def fetch(self, request: Request, _: Identity) -> Fates:
        """Have images fetched, and tell how each stands."""
        wanted = await asked(request, Promises)
        return Fates(fates=await self.uploads.promises.keep(wanted.promises))

    async def events(self, request: Request, _: Identity) -> ImageEvents:
        """Read the log of events from some place on."""
        try:
            after = int(request.query_params["after"])
            wait_s = float(request.query_params["wait_s"])
        except (KeyError, ValueError) as error:
            raise MalformedBody("The log is read by `after` and `wait_s`.") from error
        return ImageEvents(events=await self.uploads.promises.log(after, wait_s))

    async def newest(self, _: Request, __: Identity) -> ImageEvents:
        """Read the last event."""
        return ImageEvents(events=await self.uploads.promises.newest())
