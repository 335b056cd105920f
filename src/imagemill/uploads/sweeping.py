"""What is removed by itself: leftovers of cut uploads, old answers, and originals out of date."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Image
from imagemill.database import Connection, Database
from imagemill.errors import ImageInUse
from imagemill.idempotency import KEPT_S
from imagemill.idempotency import records as answers
from imagemill.storage import Bucket, Storage
from imagemill.uploads import records
from imagemill.uploads.originals import LONGEST_INTAKE_S
from imagemill.uploads.records import events, fetches, intakes
from imagemill.uploads.removal import Removal

_LEFT_AFTER_S: Final = LONGEST_INTAKE_S + 600.0
"""Later than any intake is recorded, by more than the clocks of two processes differ."""
_STUCK_AFTER_S: Final = 600.0
"""A deletion asks the jobs service for half a minute at most; its process is gone."""
_MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Sweeping:
    """Look once for all that is to go; whatever is cut is found again at the next look."""

    database: Database
    storage: Storage
    removal: Removal
    clock: Callable[[], float]
    keep_s: float
    """Seconds for which originals are kept; 0 is for ever."""
    keep_events_s: float
    """Seconds for which it is told what became of images."""

    async def once(self) -> None:
        """Remove what is due; raises `Unavailable` when that cannot be done now."""
        await self._forget()
        await self._clear()
        await self._end_deletions()
        if self.keep_s:
            await self._expire()

    async def _forget(self) -> None:
        now = self.clock()

        def unit(connection: Connection) -> None:
            answers.forget(connection, now - KEPT_S, 1000)
            events.forget(connection, now - self.keep_events_s, 1000)
            fetches.forget(connection, now - self.keep_events_s, 1000)

        await self.database.run(unit, durable=False)

    async def _clear(self) -> None:
        """Remove objects of intakes that came to nothing: the object first, then its row."""
        before = self.clock() - _LEFT_AFTER_S
        left = await self.database.read(lambda each: intakes.left(each, before, _MOST_AT_ONCE))
        for key in left:
            await self.storage.delete(Bucket.ORIGINALS, key)
        if left:
            await self.database.run(lambda each: intakes.end_all(each, left))

    async def _end_deletions(self) -> None:
        """Delete images whose deletion was cut, unless jobs use them by now."""
        before = self.clock() - _STUCK_AFTER_S
        stuck = await self.database.read(lambda each: records.hidden(each, before, _MOST_AT_ONCE))
        for image in stuck:
            with suppress(ImageInUse):
                await self.removal.release(image, Identity(account=image.owner))

    async def _expire(self) -> None:
        """Delete images that are out of date; one that jobs use is not even hidden."""
        before = self.clock() - self.keep_s
        async for image in self._expired(before):
            owner = Identity(account=image.owner)
            with suppress(ImageInUse):
                await self.removal.jobs.release_image(image.image_id, force=False, caller=owner)
                await self._remove(image, owner, before)

    async def _remove(self, image: Image, owner: Identity, before: float) -> None:
        now = self.clock()
        hidden = await self.database.run(
            lambda each: records.hide(each, image.owner, image.image_id, now, last_in=before)
        )
        if hidden:
            await self.removal.release(hidden, owner)

    async def _expired(self, before: float) -> AsyncIterator[Image]:
        """Yield images whose bytes came in last before a moment, the oldest first."""
        after = (float("-inf"), "")
        while found := await self._page(before, after):
            for image in found:
                yield image
            after = (found[-1].created_at, found[-1].image_id)

    async def _page(self, before: float, after: tuple[float, str]) -> list[Image]:
        return await self.database.read(
            lambda each: records.expired(each, before, after, _MOST_AT_ONCE)
        )
