"""The uploads service: takes pictures in, looks at them, keeps and hands them out."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass

from imagemill.contracts.facts import Facts, Limits
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.uploads import Image, Intake
from imagemill.database import Connection, Database
from imagemill.database.migrations import migrations_of
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import FieldError, InvalidRequest, NotFound, TooLarge
from imagemill.idempotency import KEPT_S, Remembered
from imagemill.idempotency import records as answers
from imagemill.storage import Bucket, Storage, Stored
from imagemill.uploads import records
from imagemill.uploads.form import Body, body_of

_PROBE_TIMEOUT_S = 10.0
_FORM_OVERHEAD_BYTES = 2_000_000
"""What a form may carry beside its picture, for the early look at Content-Length."""
Also = Callable[[Connection, Intake], None]
"""What is written in the transaction that records an image; what it raises undoes all."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Originals over one database, one storage and one sandbox."""

    database: Database
    storage: Storage
    sandbox: Sandbox
    signer: Signer
    limits: Limits
    clock: Callable[[], float] = time.time

    async def start(self) -> None:
        """Bring the schema up to date."""
        await self.database.migrate(migrations_of("imagemill.uploads"))

    async def take_in(
        self,
        owner: Identity,
        content: AsyncIterable[bytes],
        headers: Mapping[str, str],
        *,
        alone: bool = False,
        also: Also | None = None,
    ) -> Intake:
        """Store a body's picture while it arrives, look at it, and keep it once.

        The picture is on disk when this returns. With `alone`, a form may have no other field.
        Raises the refusals of bodies and of pictures; then nothing is kept.
        """
        body = self._body(content, headers)
        image_id = str(uuid.uuid4())
        key = _storage_key(image_id)
        stored = await self.storage.put(Bucket.ORIGINALS, key, body.pieces())
        try:
            if alone:
                _refuse_fields(body)
            intake = await self._keep(owner, image_id, stored, body, also)
        except BaseException:
            await self.storage.delete(Bucket.ORIGINALS, key)
            raise
        if not intake.is_new:
            await self.storage.delete(Bucket.ORIGINALS, key)
        return intake

    async def digest(self, content: AsyncIterable[bytes], headers: Mapping[str, str]) -> str:
        """Tell the sha256 of a body's picture and keep nothing; raises the refusals of bodies."""
        body = self._body(content, headers)
        found = hashlib.sha256()
        async for piece in body.pieces():
            found.update(piece)
        _refuse_fields(body)
        return found.hexdigest()

    async def remembered(self, owner: Identity, key: str) -> Remembered | None:
        """Find the answer that an owner's `Idempotency-Key` got already."""
        after = self.clock() - KEPT_S
        return await self.database.read(lambda each: answers.find(each, owner.account, key, after))

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
        self, owner: Identity, image_id: str, stored: Stored, body: Body, also: Also | None
    ) -> Intake:
        kept = await self.database.read(
            lambda each: records.by_sha256(each, owner.account, stored.sha256)
        )
        if kept:
            intake = Intake(image=kept, is_new=False, fields=body.fields)
            if also:
                await self.database.run(lambda each: also(each, intake))
            return intake
        key = _storage_key(image_id)
        image = Image(
            image_id=image_id,
            owner=owner.account,
            storage_key=key,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            facts=await self._probe(owner, key),
            name=body.file_name,
            created_at=self.clock(),
        )
        return await self.database.run(lambda each: _recorded(each, image, body.fields, also))

    async def _probe(self, owner: Identity, key: str) -> Facts:
        descriptor = await self.storage.open(Bucket.ORIGINALS, key)
        try:
            return await self.sandbox.probe(
                descriptor, limits=self.limits, owner=owner.account, timeout_s=_PROBE_TIMEOUT_S
            )
        finally:
            os.close(descriptor)

    def _body(self, content: AsyncIterable[bytes], headers: Mapping[str, str]) -> Body:
        self._refuse_early(headers)
        return body_of(content, headers.get("content-type", ""), self.limits.max_bytes)

    def _refuse_early(self, headers: Mapping[str, str]) -> None:
        """Refuse a body that says it is too long before any of it is read."""
        announced = headers.get("content-length", "")
        most = self.limits.max_bytes + _FORM_OVERHEAD_BYTES
        if announced.isdigit() and int(announced) > most:
            raise TooLarge(
                f"The body has {announced} bytes; a picture may have {self.limits.max_bytes}.",
                limit={"limit_bytes": self.limits.max_bytes},
            )


def _storage_key(image_id: str) -> str:
    return f"{image_id[:2]}/{image_id}"


def _recorded(
    connection: Connection, image: Image, fields: dict[str, str], also: Also | None
) -> Intake:
    kept = records.add(connection, image)
    intake = Intake(image=kept, is_new=kept == image, fields=fields)
    if also:
        also(connection, intake)
    return intake


def _refuse_fields(body: Body) -> None:
    if body.fields:
        errors = [FieldError(name, "is not a field of this form.") for name in body.fields]
        raise InvalidRequest("The form has fields that are not known.", errors=errors)
