"""A jobs service without HTTP and without pixels: real database, queue and storage, own clock."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, Literal

from fastapi import FastAPI, HTTPException

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.facts import Facts, Format, Limits
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import (
    Beat,
    Claim,
    ClaimRequest,
    Failure,
    Finish,
    GivenBack,
    JobFinish,
    JobMessage,
    Made,
)
from imagemill.contracts.transport import InMemory
from imagemill.contracts.uploads import (
    Fate,
    Fates,
    Image,
    ImageEvent,
    ImageEvents,
    ImageIds,
    Images,
    IntakeError,
    Promise,
    Promises,
    UploadsClient,
)
from imagemill.contracts.usage import IntakeUsage
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.egress.client import Egress
from imagemill.egress.settings import Rules
from imagemill.faults import Faults
from imagemill.jobs.bells import Bells
from imagemill.jobs.job import Attempt, Event, Job, Place, Terms
from imagemill.jobs.ledger import Bounds, Ledger, NewJob
from imagemill.jobs.lending import Lending
from imagemill.jobs.plan import Plan, PlannedOutput
from imagemill.jobs.records import attempts, events, jobs
from imagemill.jobs.records.outbox import Waiting
from imagemill.jobs.relay import Relay
from imagemill.jobs.service import Jobs, Keep
from imagemill.jobs.settings import JobsSettings
from imagemill.jobs.states import Patience
from imagemill.jobs.sweep import Sweeper
from imagemill.queue.sql import SQLQueue
from imagemill.signing import UrlSigner
from imagemill.storage import Bucket
from imagemill.storage.local import LocalStorage
from imagemill.web.links import FileLinks
from tests.peers.engines import database_at

A: Final = Identity(account="A")
B: Final = Identity(account="B")
BOUNDS: Final = Bounds(of_owner=20_000, in_all=30_000)
TERMS: Final = Terms()
_STEPS: Final[list[dict[str, Any]]] = [
    {"op": "resize", "width": 32},
    {"op": "convert", "format": "png"},
]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Life:
    """The jobs service and what works beside it; made by `living`."""

    def __init__(
        self, folder: Path, settings: JobsSettings, bounds: Bounds, patience: Patience
    ) -> None:
        self.clock = Clock()
        self.settings = settings
        self.database = database_at(folder / "jobs.sqlite", clock=self.clock)
        self.messages = SQLiteDatabase(folder / "queue.sqlite")
        self.queue = SQLQueue(self.messages)
        self.storage = LocalStorage(folder / "objects")
        self.bells = Bells()
        numbers = itertools.count(1)
        self.ledger = Ledger(patience, bounds, lambda: f"id-{next(numbers):06}", lambda s: s)
        signer = Signer(b"s" * 32)
        self.images = {name: image(name) for name in ("A-1", "A-2", "B-1")}
        self.promised: list[Promise] = []
        """What uploads was asked for, in order."""
        self.fates: dict[str, Fate] = {}
        """What became of images that are not pending."""
        self.image_events: list[ImageEvent] = []
        self.is_uploads_down = False
        self.was_asked = asyncio.Event()
        """Set when uploads was asked for images."""
        self.pending: set[str] = set()
        """Images that their owner asked for by URL, and that are on their way."""
        service = ServiceClient(InMemory(self._uploads()), signer, Identity(account="jobs"))
        self.jobs = Jobs(
            database=self.database,
            storage=self.storage,
            uploads=UploadsClient(service),
            signer=signer,
            ledger=self.ledger,
            bells=self.bells,
            settings=settings,
            engine="engine-1",
            links=FileLinks("http://images.test", UrlSigner({"k": b"u" * 32}, self.clock)),
            check_url=Egress(Rules()).check,
        )
        self.lending = Lending(self.database, self.ledger, self.bells, settings, Limits())
        self.relay = Relay(self.database, self.queue, self.bells, Faults.none())
        self.sweeper = Sweeper(
            self.database,
            self.queue,
            self.storage,
            self.ledger,
            self.bells,
            settings,
            removing=lambda: nullcontext(enter_result=True),
        )
        self.taken = IntakeUsage(keys=[])
        """What uploads tells of the keys of whoever asks."""
        self._published: list[Waiting] = []

    async def accept(
        self,
        count: int = 1,
        owner: Identity = A,
        place: Place | None = None,
        keep: Keep | None = None,
        terms: Terms = TERMS,
        deadline_s: float | None = None,
    ) -> list[Job]:
        """Take jobs on, each of its own work."""
        made = [plan(owner, terms=terms, deadline_s=deadline_s) for _ in range(count)]
        new = [NewJob(each, place=place or Place()) for each in made]
        return await self.jobs.accept_all(new, owner, keep)

    async def relayed(self) -> list[str]:
        """Let the relay announce all that it may; tell the jobs in the order of their turns."""
        told: list[str] = []
        while True:
            self._published = await self.relay._round(self._published)
            if not self._published:
                return told
            told += [each.job_id for each in self._published]

    async def queued(self) -> list[str]:
        """Read which jobs the queue has messages about."""
        rows = await self.messages.read(lambda each: each.execute("SELECT body FROM messages"))
        return [JobMessage.model_validate_json(row["body"]).job_id for row in rows]

    async def empty_queue(self) -> None:
        """Lose every message, as a broker may."""
        await self.messages.run(lambda each: each.execute("DELETE FROM messages"))

    async def claim(self, job: Job, worker: str = "w1") -> Claim | None:
        """Ask for a job as a worker does that has read a message about it."""
        return (await self.lending.claim([ClaimRequest(job_id=job.id, worker=worker)]))[0]

    async def claimed(self, job: Job) -> Claim:
        """Borrow a job that is to be had."""
        claim = await self.claim(job)
        assert claim is not None
        return claim

    async def finish(self, claim: Claim) -> str | None:
        """End an attempt well, with results that are stored; tell why it came too late."""
        outputs = {name: await self._made(key) for name, key in claim.work_keys.items()}
        finish = Finish(
            lease_id=claim.lease_id, outputs=outputs, decodes=1, cpu_s=0.1, peak_memory_bytes=1
        )
        return (await self.lending.finish([JobFinish(job_id=claim.job_id, finish=finish)]))[0]

    async def beat(self, claim: Claim, progress: int | None = None) -> None:
        """Give a sign of life."""
        await self.lending.beat(claim.job_id, Beat(lease_id=claim.lease_id, progress=progress))

    async def fail(self, claim: Claim, code: str = "timeout") -> None:
        """End an attempt badly."""
        failure = Failure(lease_id=claim.lease_id, code=code, message="It went wrong.")
        await self.lending.fail(claim.job_id, failure)

    async def give_back(self, claim: Claim, pause_s: float = 0.0) -> None:
        """End an attempt that cannot go on."""
        given = GivenBack(lease_id=claim.lease_id, reason="A stop.", pause_s=pause_s)
        await self.lending.give_back(claim.job_id, given)

    async def die(self, job: Job, code: str = "decoder_crashed") -> None:
        """Let a job die of a poisonous picture."""
        for _ in range(2):
            await self.fail(await self.claimed(job), code)

    async def job(self, job: Job | Claim) -> Job:
        """Read a job as it stands."""
        job_id = job.id if isinstance(job, Job) else job.job_id
        return await self.database.read(lambda each: jobs.get(each, job_id))

    async def history(self, job: Job) -> list[Attempt]:
        """Read a job's attempts."""
        return await self.database.read(lambda each: attempts.of_job(each, job.id))

    async def events(self, job: Job) -> list[str]:
        """Read what happened to a job."""
        return [each.type for each in await self.jobs.events(job.id, 0)]

    async def events_of_batch(self, batch_id: str) -> list[Event]:
        """Read what happened to a batch and its jobs."""
        return await self.database.read(lambda each: events.of_batch(each, batch_id, 0, 1000))

    async def unfinished(self, owner: Identity = A) -> int:
        """Count an owner's jobs that have not ended."""
        return await self.database.read(lambda each: jobs.unfinished(each, owner.account))

    async def count(self, table: str) -> int:
        """Count a table's rows."""
        rows = await self.database.read(lambda each: each.execute(f"SELECT 1 FROM {table}"))  # noqa: S608 - names stand in tests
        return len(rows)

    async def pass_(self, seconds: float) -> None:
        """Let time pass and everything happen that it brings."""
        self.clock.now += seconds
        await self.sweeper.once()
        await self.relayed()

    async def _made(self, work_key: str) -> Made:
        content = work_key.encode()
        key = f"{work_key[:2]}/{work_key}-1"
        await self.storage.put(Bucket.RESULTS, key, once(content))
        return Made(
            storage_key=key,
            format="png",
            media_type="image/png",
            width=32,
            height=24,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            milliseconds=1.0,
        )

    def _uploads(self) -> FastAPI:
        app = FastAPI()
        app.post("/internal/images")(self._find)
        app.get("/internal/usage")(self._usage)
        app.post("/internal/fetches")(self._fetch)
        app.get("/internal/events/newest")(self._newest)
        app.get("/internal/events")(self._events)
        return app

    def come(self, image_id: str, kept_as: str | None = None) -> None:
        """Let a promised image be there, under its own id or as one that was kept before."""
        self.images[image_id] = image(kept_as or image_id, owner="A")
        self.fates[image_id] = Fate(image_id=image_id, status="stored")

    def not_come(self, image_id: str, code: str) -> None:
        """Let a promised image fail."""
        error = IntakeError(code=code, message="It did not come.")
        self.fates[image_id] = Fate(image_id=image_id, status="failed", error=error)

    async def _fetch(self, wanted: Promises) -> Fates:
        if self.is_uploads_down:
            raise HTTPException(503)
        self.promised += wanted.promises
        self.was_asked.set()
        known = {each.image_id for each in self.promised if each.url} | self.pending
        return Fates(fates=[self._fate(each.image_id, known) for each in wanted.promises])

    def _fate(self, image_id: str, known: set[str]) -> Fate:
        status: Literal["pending", "failed"] = "pending" if image_id in known else "failed"
        return self.fates.get(image_id, Fate(image_id=image_id, status=status))

    async def _newest(self) -> ImageEvents:
        return ImageEvents(events=self.image_events[-1:])

    async def _events(self, after: int, wait_s: float) -> ImageEvents:
        await asyncio.sleep(0)
        return ImageEvents(events=[each for each in self.image_events if each.id > after])

    async def _usage(self) -> IntakeUsage:
        return self.taken

    async def _find(self, wanted: ImageIds) -> Images:
        known = self.images
        return Images(images={each: known[each] for each in wanted.ids if each in known})


@asynccontextmanager
async def living(
    folder: Path,
    *,
    bounds: Bounds = BOUNDS,
    patience: Patience | None = None,
    **settings: float,
) -> AsyncIterator[Life]:
    """Run a jobs service for a block."""
    told = JobsSettings.model_validate(settings)
    life = Life(folder, told, bounds, patience or Patience())
    await life.jobs.start()
    await life.queue.start()
    yield life
    await life.queue.close()
    await life.storage.close()
    await life.messages.close()
    await life.database.close()


def image(image_id: str, owner: str = "") -> Image:
    """Describe an image that its owner keeps; left out, that is the first letter of its id."""
    return Image(
        image_id=image_id,
        owner=owner or image_id[0],
        storage_key=f"originals/{image_id}",
        sha256=hashlib.sha256(image_id.encode()).hexdigest(),
        size_bytes=9,
        facts=Facts(format=Format.PNG, width=64, height=48),
        created_at=0.0,
    )


def plan(
    owner: Identity = A,
    works: Sequence[str] = (),
    terms: Terms = TERMS,
    deadline_s: float | None = None,
) -> Plan:
    """Plan an output for each named work; without names, one of a work of its own."""
    keys = works or [hashlib.sha256(uuid.uuid4().bytes).hexdigest()]
    original = image(f"{owner.account}-1")
    return Plan(
        image=original,
        pictures={},
        digests={original.image_id: original.sha256},
        outputs={f"out{at}": _output(key) for at, key in enumerate(keys)},
        fresh=False,
        type="pipeline",
        terms=terms,
        deadline_s=deadline_s,
    )


def _output(key: str) -> PlannedOutput:
    return PlannedOutput(steps=[dict(each) for each in _STEPS], size=(32, 24), work_key=key)


async def once(content: bytes) -> AsyncIterator[bytes]:
    """Stream bytes in one piece."""
    yield content
