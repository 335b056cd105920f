"""The uploads service: takes pictures in, looks at them, keeps and hands them out."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass

from imagemill.contracts.facts import Facts, Limits
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.uploads import Image, Intake
from imagemill.database import Database
from imagemill.database.migrations import migrations_of
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import NotFound, TooLarge
from imagemill.storage import Bucket, Storage, Stored
from imagemill.uploads import records
from imagemill.uploads.form import Body, body_of

_PROBE_TIMEOUT_S = 10.0
_FORM_OVERHEAD_BYTES = 2_000_000
"""What a form may carry beside its picture, for the early look at Content-Length."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Originals over one database, one storage and one sandbox."""

    database: Database
    storage: Storage
    sandbox: Sandbox
    signer: Signer
    limits: Limits

    async def start(self) -> None:
        """Bring the schema up to date."""
        await self.database.migrate(migrations_of("imagemill.uploads"))

    async def take_in(
        self, owner: Identity, content: AsyncIterable[bytes], headers: Mapping[str, str]
    ) -> Intake:
        """Store a body's picture while it arrives, look at it, and keep it once.

        The picture is on disk when this returns. Raises the refusals of bodies and of pictures;
        then nothing is kept.
        """
        self._refuse_early(headers)
        body = body_of(content, headers.get("content-type", ""), self.limits.max_bytes)
        image_id = str(uuid.uuid4())
        key = f"{image_id[:2]}/{image_id}"
        stored = await self.storage.put(Bucket.ORIGINALS, key, body.pieces())
        try:
            image = await self._keep(owner, image_id, key, stored, body)
        except BaseException:
            await self.storage.delete(Bucket.ORIGINALS, key)
            raise
        if image.storage_key != key:
            await self.storage.delete(Bucket.ORIGINALS, key)
        return Intake(image=image, is_new=image.storage_key == key, fields=body.fields)

    async def get(self, owner: Identity, image_id: str) -> Image:
        """Look one of the caller's images up; raises `NotFound`."""
        found = await self.find(owner, [image_id])
        if image_id not in found:
            raise NotFound("There is no such image.")
        return found[image_id]

    async def find(self, owner: Identity, ids: list[str]) -> dict[str, Image]:
        """Look the caller's images up by id; unknown ones are left out."""
        return await self.database.read(lambda each: records.by_ids(each, owner.account, ids))

    async def _keep(
        self, owner: Identity, image_id: str, key: str, stored: Stored, body: Body
    ) -> Image:
        kept = await self.database.read(
            lambda each: records.by_sha256(each, owner.account, stored.sha256)
        )
        if kept:
            return kept
        image = Image(
            image_id=image_id,
            owner=owner.account,
            storage_key=key,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            facts=await self._probe(owner, key),
            name=body.file_name,
            created_at=time.time(),
        )
        return await self.database.run(lambda each: records.add(each, image))

    async def _probe(self, owner: Identity, key: str) -> Facts:
        # Unchecked, for it was hashed while it was written, a moment ago.
        descriptor = await self.storage.open(Bucket.ORIGINALS, key, sha256=None)
        try:
            return await self.sandbox.probe(
                descriptor, limits=self.limits, owner=owner.account, timeout_s=_PROBE_TIMEOUT_S
            )
        finally:
            os.close(descriptor)

    def _refuse_early(self, headers: Mapping[str, str]) -> None:
        """Refuse a body that says it is too long before any of it is read."""
        announced = headers.get("content-length", "")
        most = self.limits.max_bytes + _FORM_OVERHEAD_BYTES
        if announced.isdigit() and int(announced) > most:
            raise TooLarge(
                f"The body has {announced} bytes; a picture may have {self.limits.max_bytes}.",
                limit={"limit_bytes": self.limits.max_bytes},
            )
