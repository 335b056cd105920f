"""One running uploads service, what tests ask of it, and a stand-in for the jobs service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from fastapi import FastAPI, Request

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.facts import Limits
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import JobsClient, Release
from imagemill.contracts.transport import InMemory, Later, Reply
from imagemill.contracts.uploads import STORED, Intake, Intakes, UploadsClient
from imagemill.egress.settings import Rules
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import ImageInUse, Unavailable
from imagemill.signing import UrlSigner
from imagemill.storage.local import Links, LocalStorage
from imagemill.uploads.routes import app_of
from imagemill.uploads.service import Uploads
from imagemill.uploads.settings import UploadsSettings
from imagemill.web import service_app
from imagemill.web.internal import answer_services, asked
from imagemill.web.links import FileLinks
from tests.peers.engines import database_at
from tests.uploads.forms import FORM, stream

OWNER = Identity(account="owner", scopes=frozenset({"*"}))
PROCESS = Identity(account="uploads", scopes=frozenset({"service"}))
LIMITS = Limits(max_bytes=6_000_000)


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@dataclass
class JobsStandIn:
    """As much of a jobs service as uploads asks."""

    used: set[str] = field(default_factory=set)
    """Images that jobs use which have not ended."""
    asked: list[tuple[str, bool, str]] = field(default_factory=list)
    """Image, force and caller of every call."""
    is_down: bool = False
    meanwhile: Callable[[], Awaitable[None]] | None = None
    """What happens while uploads waits for the answer."""

    def app(self, signer: Signer) -> FastAPI:
        """Answer as the jobs service does."""
        app = service_app("Jobs", signer)
        answer_services(app, "POST", "/internal/images/{image_id}/release", self.release)
        return app

    async def release(self, request: Request, caller: Identity) -> None:
        """Let go of an image, or refuse."""
        force = (await asked(request, Release)).force
        image_id = request.path_params["image_id"]
        self.asked.append((image_id, force, caller.account))
        if self.meanwhile:
            await self.meanwhile()
        if self.is_down:
            raise Unavailable("Not now.")
        if image_id in self.used and not force:
            raise ImageInUse("Jobs use it.")


@dataclass
class Service:
    """The service, a client of it, and its folders."""

    uploads: Uploads
    client: UploadsClient
    jobs: JobsStandIn
    clock: Clock
    folder: Path

    @property
    def process(self) -> UploadsClient:
        """Ask as another process of Imagemill does, in nobody's name."""
        return UploadsClient(replace(self.client.service, identity=PROCESS))

    async def upload(self, picture: bytes, owner: Identity = OWNER) -> Intake:
        """Take one picture in."""
        return await self.client.take_in(stream(picture), {}, caller=owner)

    async def ask(self, method: str, path: str, owner: Identity = OWNER) -> Reply:
        """Ask a public route; raises the error that it answers."""
        return await self.client.service.call(method, path, caller=owner)

    async def send(
        self, body: str, owner: Identity = OWNER, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send JSON to the route that takes images in; raises the error that it answers."""
        return await self.client.service.call(
            "POST",
            "/api/v1/images",
            stream(body.encode()),
            caller=owner,
            headers={"content-type": "application/json", **(headers or {})},
        )

    async def upload_many(self, body: bytes) -> Intakes:
        """Take a form of pictures in."""
        headers = {"content-type": FORM}
        return await self.client.take_in_many(stream(body, 1 << 16), headers, caller=OWNER)

    def objects(self) -> set[Path]:
        """List the originals that are stored."""
        return {each for each in (self.folder / "objects/originals").rglob("*") if each.is_file()}


@asynccontextmanager
async def running(
    folder: Path,
    sandbox: Sandbox,
    settings: UploadsSettings | None = None,
    *,
    keep_originals_s: float = 0,
    max_stored_bytes_per_owner: int = 0,
    rules: Rules | None = None,
) -> AsyncIterator[Service]:
    """Run the service in a folder."""
    signer, clock, jobs = Signer(b"s" * 32), Clock(), JobsStandIn()
    url_signer = UrlSigner({"k1": b"u" * 32}, clock)
    database = database_at(folder / "images.sqlite")
    links = Links(url_signer, "", STORED)
    storage = LocalStorage(folder / "objects", links=lambda: links)
    to_jobs = InMemory(jobs.app(signer))
    uploads = Uploads(
        database=database,
        storage=storage,
        sandbox=sandbox,
        jobs=JobsClient(ServiceClient(Later(lambda: to_jobs), signer, PROCESS)),
        signer=signer,
        url_signer=url_signer,
        settings=settings
        or UploadsSettings(
            keep_originals_s=keep_originals_s,
            max_stored_bytes_per_owner=max_stored_bytes_per_owner,
        ),
        rules=rules or Rules(),
        limits=LIMITS,
        links=FileLinks("http://images.test", UrlSigner({"k": b"u" * 32}, clock)),
        clock=clock,
    )
    await uploads.start()
    client = UploadsClient(ServiceClient(InMemory(app_of(uploads)), signer, OWNER))
    yield Service(uploads, client, jobs, clock, folder)
    await storage.close()
    await database.close()
