"""One picture on its way in: into storage, through a probe, into the database."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from imagemill.contracts.facts import Limits
from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Image, Intake
from imagemill.database import Connection, Database
from imagemill.engine.answers import Seen
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import ImagemillError, Unavailable
from imagemill.storage import Bucket, Storage, Stored
from imagemill.uploads import records
from imagemill.uploads.describing import Changes
from imagemill.uploads.form import Body
from imagemill.uploads.quota import StorageQuota
from imagemill.uploads.records import events, intakes

LONGEST_INTAKE_S: Final = 3000.0
"""A picture that takes longer to arrive is not recorded: a sweep may be removing it."""
_PROBE_TIMEOUT_S = 10.0
Also = Callable[[Connection, Intake], None]
"""What is written in the transaction that records an image; what it raises undoes all."""
_Ending = Callable[[Connection, Intake], Intake] | None


@dataclass(frozen=True, slots=True)
class Laid:
    """A picture that lies in storage and is not recorded."""

    image_id: str
    key: str
    stored: Stored
    body: Body
    """What it came in, read to its end."""


@dataclass(frozen=True, slots=True)
class Originals:
    """Take pictures in: `lay` each, then `keep` it."""

    database: Database
    storage: Storage
    sandbox: Sandbox
    limits: Limits
    clock: Callable[[], float]
    is_expiring: bool
    """Whether images are deleted by age, so that it counts when bytes come in again."""
    quota: StorageQuota = field(default_factory=StorageQuota)
    """How much each account may keep; what is kept already is taken again in any case."""
    ring: Callable[[], None] = lambda: None
    """Is called after an image was recorded, for whoever reads the log of events."""

    async def lay(self, body: Body) -> Laid:
        """Store a picture while it arrives; raises the refusals of bodies, and leaves no object."""
        image_id = str(uuid.uuid4())
        key = f"{image_id[:2]}/{image_id}"
        await self.database.run(lambda each: intakes.begin(each, key, self.clock()), durable=False)
        try:
            stored = await self.storage.put(Bucket.ORIGINALS, key, body.pieces())
        except (asyncio.CancelledError, Unavailable):
            # What was sent may arrive yet: the sweep looks once more.
            await self._drop(key, is_over=False)
            raise
        except BaseException:
            await self._drop(key)
            raise
        return Laid(image_id, key, stored, body)

    async def keep(
        self, owner: Identity, laid: Laid, *, alone: bool = False, also: Also | None = None
    ) -> Intake:
        """Look at a picture and record it, unless its owner keeps the same bytes.

        With `alone`, all other fields of its form describe it. The object is removed again where
        the picture is refused or kept already.
        """
        try:
            changes = Changes.of_fields(laid.body.fields) if alone else Changes()
            intake = await self._kept(owner, laid, _described(changes, also))
        except BaseException:
            await self._drop(laid.key)
            raise
        if not intake.is_new:
            await self._drop(laid.key)
        return intake

    async def _drop(self, key: str, *, is_over: bool = True) -> None:
        """Remove an object that no image names; where that fails now, the sweep will do it.

        Unless its sending `is_over`, the sweep will do it again.
        """
        with suppress(ImagemillError):
            await self.storage.delete(Bucket.ORIGINALS, key)
            if is_over:
                await self.database.run(lambda each: intakes.end(each, key), durable=False)

    async def _kept(self, owner: Identity, laid: Laid, also: _Ending) -> Intake:
        kept = await self._already(owner, laid.stored.sha256)
        if kept:
            intake = Intake(image=kept, is_new=False, fields=laid.body.fields)
            return await self.database.run(lambda each: also(each, intake)) if also else intake
        seen = await self._look(owner, laid.key)
        image = Image(
            image_id=laid.image_id,
            owner=owner.account,
            storage_key=laid.key,
            sha256=laid.stored.sha256,
            size_bytes=laid.stored.size_bytes,
            facts=seen.facts,
            name=laid.body.file_name,
            created_at=self.clock(),
        )
        intake = await self.database.run(
            lambda each: self._recorded(each, owner, image, seen.text, laid.body.fields, also)
        )
        self.ring()
        return intake

    async def _already(self, owner: Identity, sha256: str) -> Image | None:
        if not self.is_expiring:
            return await self.database.read(
                lambda each: records.by_sha256(each, owner.account, sha256)
            )
        now = self.clock()
        return await self.database.run(
            lambda each: records.see_again(each, owner.account, sha256, now), durable=False
        )

    def _recorded(
        self,
        connection: Connection,
        owner: Identity,
        image: Image,
        text: str,
        fields: dict[str, str],
        also: _Ending,
    ) -> Intake:
        kept = records.add(connection, image, text)
        intake = Intake(image=kept, is_new=kept == image, fields=fields)
        if intake.is_new:
            now = self.clock()
            intakes.record(connection, image.storage_key, now - LONGEST_INTAKE_S)
            self.quota.take(connection, owner, image)
            events.add(connection, "image.stored", image.image_id, image.owner, now)
        return also(connection, intake) if also else intake

    async def _look(self, owner: Identity, key: str) -> Seen:
        descriptor = await self.storage.open(Bucket.ORIGINALS, key, sha256=None)
        try:
            return await self.sandbox.look(
                descriptor, limits=self.limits, owner=owner.account, timeout_s=_PROBE_TIMEOUT_S
            )
        finally:
            os.close(descriptor)


def _described(changes: Changes, also: Also | None) -> _Ending:
    """Make what ends a recording: the picture is described, then `also` is written."""
    if changes.is_empty and also is None:
        return None

    def end(connection: Connection, intake: Intake) -> Intake:
        image = intake.image
        if not changes.is_empty:
            image = (
                records.describe(connection, image.owner, image.image_id, changes, add=True)
                or image
            )
        ended = intake.model_copy(update={"image": image})
        if also:
            also(connection, ended)
        return ended

    return end
