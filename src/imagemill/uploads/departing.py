"""An account that is gone: all that uploads keeps of it goes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from imagemill.contracts.identity import Identity
from imagemill.database import Connection, Database
from imagemill.errors import NotFound
from imagemill.idempotency import records as answers
from imagemill.uploads import records
from imagemill.uploads.finishing import Finishing
from imagemill.uploads.records import events, fetches, usage
from imagemill.uploads.records import uploads as upload_records
from imagemill.uploads.removal import Removal

_MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Departing:
    """Forget owners. What is cut is done when it is asked for again, and twice does no harm."""

    database: Database
    removal: Removal
    finishing: Finishing

    async def forget(self, owner: str) -> None:
        """Remove an owner's images, cancelling the jobs that use them, and all else."""
        await self._forget_uploads(owner)
        await self.database.run(lambda each: fetches.forget_owner(each, owner))
        await self._forget_images(owner)
        await self.database.run(lambda each: _forget_rest(each, owner))

    async def _forget_images(self, owner: str) -> None:
        identity = Identity(account=owner)
        while found := await self.database.read(
            lambda each: records.some_of(each, owner, _MOST_AT_ONCE)
        ):
            for image_id in found:
                with suppress(NotFound):  # Somebody else was deleting it at this moment.
                    await self.removal.remove(identity, image_id, force=True)

    async def _forget_uploads(self, owner: str) -> None:
        """Remove the objects of an owner's uploads, then their rows."""
        while found := await self.database.read(
            lambda each: upload_records.some_of(each, owner, _MOST_AT_ONCE)
        ):
            for upload_id in found:
                await self.finishing.remove(upload_id)
            await self.database.run(partial(upload_records.forget, upload_ids=found))


def _forget_rest(connection: Connection, owner: str) -> None:
    events.forget_owner(connection, owner)
    usage.forget_owner(connection, owner)
    answers.forget_owner(connection, owner)
