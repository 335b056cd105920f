"""Images that are asked for by URL: promised at once, shown while they come, and told of."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Fate, ImageEvent, IntakeError, Promise
from imagemill.database import Connection, Database
from imagemill.egress import urls
from imagemill.egress.settings import Rules
from imagemill.errors import NotFound, TooMany, UrlNotAllowed
from imagemill.uploads import records
from imagemill.uploads.bell import Bell, heard
from imagemill.uploads.fetch import Fetch, FetchStatus
from imagemill.uploads.records import events, fetches

_MOST_AT_ONCE = 100
_GONE = "The image was deleted before it came, or was never asked for."

KeepFetches = Callable[[Connection, Sequence[Fetch]], None]
"""Write what belongs into the transaction in which images are promised."""


@dataclass(frozen=True, slots=True)
class Promises:
    """Promises over one database; the fetch loop keeps them."""

    database: Database
    rules: Rules
    most_pending: int
    clock: Callable[[], float]
    made: Bell
    """Is rung when there is something to fetch."""
    ended: Bell
    """Rings when the log of events has grown."""

    def fetch_of(self, owner: Identity, url: str, name: str | None) -> Fetch:
        """Make a fetch that is not kept yet; raises `UrlNotAllowed`."""
        host = urls.read(url, self.rules).host
        return Fetch(
            image_id=str(uuid.uuid4()),
            owner=owner.account,
            url=url,
            host=host,
            name=name,
            created_at=self.clock(),
            key_id=owner.key_id,
            stored_bytes=owner.stored_bytes,
        )

    async def make(
        self, owner: Identity, wanted: Sequence[Fetch], keep: KeepFetches | None = None
    ) -> None:
        """Promise images, all or none; raises `TooMany`. They are on disk when this returns."""

        def unit(connection: Connection) -> None:
            self._check_room(connection, owner, len(wanted))
            fetches.add(connection, wanted)
            if keep:
                keep(connection, wanted)

        await self.database.run(unit)
        self.made.ring()

    async def find(self, owner: Identity, image_id: str) -> Fetch:
        """Look up what became of an image that was asked for; raises `NotFound`."""
        found = await self.database.read(lambda each: fetches.by_id(each, owner.account, image_id))
        if found is None:
            raise NotFound("There is no such image.")
        return found

    async def keep(self, promises: Sequence[Promise]) -> list[Fate]:
        """Promise images to another service that has counted them, and tell how each stands."""
        wanted = [each for each in map(self._asked, promises) if each]

        def unit(connection: Connection) -> list[Fate]:
            fetches.add(connection, wanted)
            return [_fate(connection, each) for each in promises]

        fates = await self.database.run(unit)
        self.made.ring()
        return fates

    async def log(self, after: int, wait_s: float) -> list[ImageEvent]:
        """Read what happened after an event; wait for it when there is nothing yet."""
        bell = self.ended.taken()
        found = await self.database.read(lambda each: events.after(each, after, _MOST_AT_ONCE))
        if found or wait_s <= 0:
            return found
        await heard(bell, wait_s)
        return await self.database.read(lambda each: events.after(each, after, _MOST_AT_ONCE))

    async def newest(self) -> list[ImageEvent]:
        """Read the last event, if there is one."""
        return await self.database.read(events.newest)

    def _asked(self, promise: Promise) -> Fetch | None:
        """Make the fetch of a promise; a URL that may not be asked is found out by the loop."""
        if promise.url is None:
            return None
        try:
            host = urls.read(promise.url, self.rules).host
        except UrlNotAllowed:
            host = ""
        return Fetch(
            image_id=promise.image_id,
            owner=promise.owner,
            url=promise.url,
            host=host,
            name=None,
            created_at=self.clock(),
            key_id=promise.key_id,
            stored_bytes=promise.stored_bytes,
        )

    def _check_room(self, connection: Connection, owner: Identity, more: int) -> None:
        if fetches.waiting(connection, owner.account) + more > self.most_pending:
            raise TooMany(
                f"You have as many images on their way as one owner may have: {self.most_pending}. "
                "Try again when some have come.",
                limit={"max_pending_fetches": self.most_pending},
                retry_after_s=10,
            )


def _fate(connection: Connection, promise: Promise) -> Fate:
    if records.by_ids(connection, promise.owner, [promise.image_id]):
        return Fate(image_id=promise.image_id, status="stored")
    fetch = fetches.by_id(connection, promise.owner, promise.image_id)
    if fetch and fetch.status is FetchStatus.PENDING:
        return Fate(image_id=promise.image_id, status="pending")
    error = IntakeError(code=NotFound.code, message=_GONE)
    if fetch and fetch.error:
        error = IntakeError(**fetch.error)
    return Fate(image_id=promise.image_id, status="failed", error=error)
