"""Uploads that were not completed in time: first their bytes go, a day later their rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from imagemill.database import Database
from imagemill.idempotency import KEPT_S
from imagemill.uploads.finishing import Finishing
from imagemill.uploads.records import uploads as rows

_MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class UploadSweep:
    """Look once for uploads that are over; whatever is cut is found again at the next look."""

    database: Database
    finishing: Finishing
    clock: Callable[[], float]

    async def once(self) -> None:
        """Remove what is due; raises `Unavailable` when that cannot be done now.

        The objects of an upload go before its rows, so that none is left without a name. Those of
        one that ended long ago are looked for once more: something may have come after its end.
        """
        now = self.clock()
        expired = await self.database.run(lambda each: rows.expire(each, now, _MOST_AT_ONCE))
        for upload in expired:
            await self.finishing.remove(upload.upload_id)
        over = await self.database.read(lambda each: rows.over(each, now - KEPT_S, _MOST_AT_ONCE))
        for upload in over:
            await self.finishing.remove(upload.upload_id)
        if over:
            ids = [each.upload_id for each in over]
            await self.database.run(lambda each: rows.forget(each, ids))
