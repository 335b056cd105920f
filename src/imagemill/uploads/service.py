"""The uploads service: takes pictures in, looks at them, keeps and hands them out."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import structlog

from imagemill.audit import Note
from imagemill.contracts.facts import Limits
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import JobsClient
from imagemill.contracts.uploads import Image, ImageText, Intake, Intakes
from imagemill.contracts.usage import KeyIntake
from imagemill.database import Database
from imagemill.database.migrations import migrations_of
from imagemill.egress.client import Egress
from imagemill.egress.settings import Rules
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import Conflict, ImagemillError, NotFound, TooLarge
from imagemill.idempotency import KEPT_S, Remembered
from imagemill.idempotency import records as answers
from imagemill.signing import UrlSigner
from imagemill.storage import Storage
from imagemill.uploads import records
from imagemill.uploads.bell import Bell
from imagemill.uploads.departing import Departing
from imagemill.uploads.describing import Changes
from imagemill.uploads.fetch import Fetch, FetchStatus
from imagemill.uploads.fetching import Fetching
from imagemill.uploads.finding import Place, Wanted
from imagemill.uploads.finishing import Finishing
from imagemill.uploads.form import Body, body_of
from imagemill.uploads.form_of_many import FormOfMany
from imagemill.uploads.many import Many
from imagemill.uploads.originals import Also, Originals
from imagemill.uploads.presigned import Presigned
from imagemill.uploads.promises import Promises
from imagemill.uploads.quota import StorageQuota
from imagemill.uploads.records import events, fetches, usage
from imagemill.uploads.records import uploads as upload_records
from imagemill.uploads.removal import Removal
from imagemill.uploads.resumable import Resumable, Turns
from imagemill.uploads.settings import UploadsSettings
from imagemill.uploads.sweeping import Sweeping
from imagemill.uploads.upload import Upload
from imagemill.uploads.upload_sweep import UploadSweep
from imagemill.web.links import FileLinks

_FORM_OVERHEAD_BYTES = 2_000_000
"""What a form may carry beside its picture, for the early look at Content-Length."""
MOST_TEXT = 100_000
"""Characters of one text by which an image is found; the rest of a longer one is not looked at."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Originals over one database, one storage and one sandbox."""

    database: Database
    storage: Storage
    sandbox: Sandbox
    jobs: JobsClient
    signer: Signer
    url_signer: UrlSigner
    settings: UploadsSettings
    limits: Limits
    links: FileLinks
    removing: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(enter_result=True)
    """Holds backups off for a block that removes objects; False while one copies them."""
    clock: Callable[[], float] = time.time
    rules: Rules = field(default_factory=Rules)
    """Which hosts may be asked for images although they are not public."""
    egress: Egress | None = None
    """The way out; made from the rules where it is not given."""
    promised: Bell = field(default_factory=Bell)
    """Rings when there may be something to fetch."""
    happened: Bell = field(default_factory=Bell)
    """Rings when the log of events has grown."""
    turns: Turns = field(default_factory=Turns)
    """Which resumable uploads this process is adding to."""

    async def start(self) -> None:
        """Bring the schema up to date, and list what older versions kept.

        That takes 0.2 s for every 1,000 images, once (measured 2026-11).
        """
        await self.database.migrate(migrations_of("imagemill.uploads"))
        await self._catch_up()

    def heard(self, topic: str) -> None:
        """Ring for what another process did: see `Database.heard`."""
        if topic in {"", fetches.TOLD}:
            self.promised.ring()
        if topic in {"", events.TOLD}:
            self.happened.ring()

    async def _catch_up(self) -> None:
        """List and index images that an older version kept, some of them in each transaction."""
        most = 500
        while await self.database.run(lambda each: records.catch_up(each, most), durable=False):
            pass

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

        The picture is on disk when this returns. With `alone`, a form's other fields describe it.
        Raises the refusals of bodies and of pictures; then nothing is kept.
        """
        laid = await self._originals.lay(self._body(content, headers))
        return await self._originals.keep(owner, laid, alone=alone, also=also)

    async def take_in_many(
        self, owner: Identity, content: AsyncIterable[bytes], headers: Mapping[str, str]
    ) -> Intakes:
        """Take in every picture of a form, or tell why not of each that is refused.

        Raises the refusals of the form as a whole.
        """
        form = FormOfMany(content, headers.get("content-type", ""), self.limits.max_bytes)
        items = await Many(self._originals, owner).take(form.pictures())
        return Intakes(items=items, fields=form.fields)

    async def digest(
        self, content: AsyncIterable[bytes], headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """Tell the sha256 of a body's picture and its other fields, and keep nothing.

        Raises the refusals of bodies.
        """
        body = self._body(content, headers)
        found = hashlib.sha256()
        async for piece in body.pieces():
            found.update(piece)
        Changes.of_fields(body.fields)
        return found.hexdigest(), body.fields

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

    async def get_stored(self, owner: Identity, image_id: str) -> Image:
        """Look an image up whose bytes are wanted.

        Raises `NotFound`, and `Conflict` while it is fetched.
        """
        try:
            return await self.get(owner, image_id)
        except NotFound:
            if (await self.promises.find(owner, image_id)).status is FetchStatus.PENDING:
                raise Conflict("The image is being fetched; ask again later.") from None
            raise

    async def any(self, image_id: str) -> Image:
        """Look an image up for who comes with a signed URL of it; raises `NotFound`."""
        found = await self.database.read(lambda each: records.by_id(each, image_id))
        if found is None:
            raise NotFound("There is no such image.")
        return found

    async def find(self, owner: Identity, ids: list[str]) -> dict[str, Image]:
        """Look the caller's images up by id; unknown ones are left out."""
        return await self.database.read(lambda each: records.by_ids(each, owner.account, ids))

    async def listed(self, owner: Identity, wanted: Wanted) -> tuple[list[Image], Place | None]:
        """Find a page of the caller's images, and after which place the list goes on."""
        return await self.database.read(lambda each: records.found(each, owner.account, wanted))

    async def fetches(
        self, owner: Identity, status: FetchStatus, place: tuple[float, str], most: int
    ) -> list[Fetch]:
        """List the caller's images that are on their way from URLs, or that did not come."""
        return await self.database.read(
            lambda each: fetches.listed(each, owner.account, status, place, most)
        )

    async def describe(self, owner: Identity, image_id: str, changes: Changes) -> Image:
        """Change how one of the caller's images is described; raises `NotFound`."""
        image = await self.database.run(
            lambda each: records.describe(each, owner.account, image_id, changes)
        )
        if image is None:
            raise NotFound("There is no such image.")
        return image

    async def add_text(self, owner: Identity, image_id: str, text: ImageText) -> None:
        """Let one of the caller's images be found by a text; raises `NotFound`."""
        words = text.text[:MOST_TEXT]
        is_there = await self.database.run(
            lambda each: records.add_text(each, owner.account, image_id, text.source, words)
        )
        if not is_there:
            raise NotFound("There is no such image.")

    async def usage(self, owner: Identity, month: str) -> list[KeyIntake]:
        """Tell what the caller's keys brought in during a month, and what is kept of it now."""
        return await self.database.read(lambda each: usage.listed(each, owner.account, month))

    async def remove(
        self, owner: Identity, image_id: str, *, force: bool, note: Note | None = None
    ) -> None:
        """Delete one of the caller's images, and with `force` cancel the jobs that use it.

        One that is still on its way from a URL, or did not come, is not wanted any more.
        Raises `NotFound`, or `ImageInUse` while jobs that have not ended use it.
        """
        account = owner.account
        if await self._withdraw(owner, image_id, force=force):
            return
        kept = await self.database.read(lambda each: records.kept_as(each, account, image_id))
        await self._removal.remove(owner, kept, force=force, note=note)

    async def _withdraw(self, owner: Identity, image_id: str, *, force: bool) -> bool:
        """Call an image off that is not there, unless jobs wait for it; False where there is none.

        One that came while the jobs service was asked is there, and none to be called off.
        """
        account = owner.account
        fetch = await self.database.read(lambda each: fetches.by_id(each, account, image_id))
        if fetch is None or fetch.status is FetchStatus.STORED:
            return False
        await self.jobs.release_image(image_id, force=force, caller=owner)
        return await self.database.run(lambda each: fetches.withdraw(each, account, image_id))

    async def forget(self, account: str) -> None:
        """Delete all that is kept of an account that is gone, and cancel the jobs that use it."""
        await Departing(self.database, self._removal, self.finishing).forget(account)

    async def upload(self, owner: Identity, upload_id: str) -> Upload:
        """Look up an upload of the caller's that takes more than one request; raises `NotFound`."""
        return await self.database.read(
            lambda each: upload_records.find(each, owner.account, upload_id)
        )

    async def give_up(self, owner: Identity, upload_id: str) -> None:
        """Give one of the caller's uploads up, and remove its bytes; raises `NotFound`."""
        upload = await self.database.run(
            lambda each: upload_records.give_up(each, owner.account, upload_id)
        )
        await self.finishing.let_go(upload.upload_id)

    @property
    def presigned(self) -> Presigned:
        """Give what signs URLs for uploads."""
        return Presigned(self.database, self.storage, self.limits, self.settings, self.clock)

    @property
    def resumable(self) -> Resumable:
        """Give what begins uploads in chunks, and adds to them."""
        return Resumable(self.database, self.storage, self.settings, self.clock)

    @property
    def finishing(self) -> Finishing:
        """Give what makes images of uploads."""
        return Finishing(self.database, self.storage, self._originals, self.clock)

    async def sweep(self) -> None:
        """Remove what is out of date, or was left by uploads that were cut, for ever."""
        while True:
            await asyncio.sleep(self.settings.sweep_every_s)
            try:
                with self.removing() as is_allowed:
                    if is_allowed:
                        await self.upload_sweep.once()
                        await self._sweeping.once()
                await self._catch_up()
            except ImagemillError as error:
                _log.warning("sweep_failed", reason=error.message)

    async def fetch(self) -> None:
        """Fetch what was promised, for ever."""
        await Fetching(
            self.database,
            self._originals,
            self.egress or Egress(self.rules),
            self.settings,
            self.promised,
            self.happened,
            clock=self.clock,
        ).run()

    def stop_waiting(self) -> None:
        """Let go of everybody who waits for something to happen."""
        self.happened.end()

    @property
    def promises(self) -> Promises:
        """Images that are asked for by URL."""
        return Promises(
            self.database,
            self.rules,
            self.settings.max_pending_fetches,
            self.clock,
            self.promised,
            self.happened,
        )

    @property
    def upload_sweep(self) -> UploadSweep:
        """Give what ends uploads that were not completed."""
        return UploadSweep(self.database, self.finishing, self.clock)

    @property
    def _sweeping(self) -> Sweeping:
        return Sweeping(
            self.database,
            self.storage,
            self._removal,
            self.clock,
            keep_s=self.settings.keep_originals_s,
            keep_events_s=self.settings.keep_events_s,
        )

    @property
    def _removal(self) -> Removal:
        return Removal(self.database, self.storage, self.jobs, self.clock)

    @property
    def _originals(self) -> Originals:
        return Originals(
            self.database,
            self.storage,
            self.sandbox,
            self.limits,
            self.clock,
            is_expiring=self.settings.keep_originals_s > 0,
            quota=StorageQuota(self.settings.max_stored_bytes_per_owner),
            ring=self.happened.ring,
        )

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
