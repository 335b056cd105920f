"""An image on its way out: out of sight, let go by the jobs service, then gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imagemill.audit import Note
from imagemill.contracts.identity import Identity
from imagemill.contracts.jobs import JobsClient
from imagemill.contracts.uploads import Image
from imagemill.database import Connection, Database
from imagemill.errors import NotFound
from imagemill.storage import Bucket, Storage
from imagemill.uploads import records
from imagemill.uploads.records import intakes, usage


@dataclass(frozen=True, slots=True)
class Removal:
    """Remove images that no job needs."""

    database: Database
    storage: Storage
    jobs: JobsClient
    clock: Callable[[], float]

    async def remove(
        self, owner: Identity, image_id: str, *, force: bool, note: Note | None = None
    ) -> None:
        """Remove an owner's image, and with `force` cancel the jobs that use it.

        Nobody finds the image while the jobs service is asked, so that no new job takes it up.
        Raises `NotFound`; after `ImageInUse` or `Unavailable` the image is there as before.
        """
        now = self.clock()
        image = await self.database.run(
            lambda each: records.hide(each, owner.account, image_id, now)
        )
        if image is None:
            raise NotFound("There is no such image.")
        await self.release(image, owner, force=force, note=note)

    async def release(
        self, image: Image, owner: Identity, *, force: bool = False, note: Note | None = None
    ) -> None:
        """Remove an image that is hidden, or show it again where it is in use."""
        try:
            await self.jobs.release_image(image.image_id, force=force, caller=owner)
        except BaseException:
            await self.database.run(lambda each: records.show(each, image.image_id))
            raise
        await self.database.run(lambda each: self._forget(each, image, note))
        await self.storage.delete(Bucket.ORIGINALS, image.storage_key)
        await self.database.run(lambda each: intakes.end(each, image.storage_key), durable=False)

    def _forget(self, connection: Connection, image: Image, note: Note | None = None) -> None:
        """Remove the row, and note that its object is still there."""
        records.remove(connection, image.image_id)
        usage.gone(connection, image.image_id)
        if note is not None:
            note(connection, image.image_id)
        intakes.begin(connection, image.storage_key, self.clock())
