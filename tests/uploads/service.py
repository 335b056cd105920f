"""One running uploads service and what tests ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.facts import Limits
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.transport import InMemory
from imagemill.contracts.uploads import Intake, Intakes, UploadsClient
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.engine.sandbox import Sandbox
from imagemill.storage.local import LocalStorage
from imagemill.uploads.routes import app_of
from imagemill.uploads.service import Uploads
from tests.uploads.forms import FORM, stream

OWNER = Identity(account="owner")
LIMITS = Limits(max_bytes=6_000_000)


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@dataclass
class Service:
    """The service, a client of it, and its folders."""

    uploads: Uploads
    client: UploadsClient
    clock: Clock
    folder: Path

    async def upload(self, picture: bytes, owner: Identity = OWNER) -> Intake:
        """Take one picture in."""
        return await self.client.take_in(stream(picture), {}, caller=owner)

    async def upload_many(self, body: bytes) -> Intakes:
        """Take a form of pictures in."""
        headers = {"content-type": FORM}
        return await self.client.take_in_many(stream(body, 1 << 16), headers, caller=OWNER)

    def objects(self) -> set[Path]:
        """List the originals that are stored."""
        return {each for each in (self.folder / "objects/originals").rglob("*") if each.is_file()}


@asynccontextmanager
async def running(folder: Path, sandbox: Sandbox) -> AsyncIterator[Service]:
    """Run the service in a folder."""
    database, storage = SQLiteDatabase(folder / "images.sqlite"), LocalStorage(folder / "objects")
    signer, clock = Signer(b"s" * 32), Clock()
    uploads = Uploads(
        database=database,
        storage=storage,
        sandbox=sandbox,
        signer=signer,
        limits=LIMITS,
        clock=clock,
    )
    await uploads.start()
    client = UploadsClient(ServiceClient(InMemory(app_of(uploads)), signer, OWNER))
    yield Service(uploads, client, clock, folder)
    await storage.close()
    await database.close()
