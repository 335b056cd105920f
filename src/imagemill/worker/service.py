"""One worker: as many jobs in hand as it can keep its sandbox busy with."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog
from opentelemetry.trace import SpanKind

from imagemill.contracts.facts import Format
from imagemill.contracts.jobs import (
    TOPIC,
    Beat,
    Claim,
    ClaimRequest,
    Failure,
    Finish,
    GivenBack,
    JobMessage,
    JobsClient,
    Made,
)
from imagemill.engine.orders import Rendered, RenderOrder
from imagemill.engine.rendering import Rendering
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import Conflict, ImagemillError, Internal, Timeout, Unavailable
from imagemill.faults import Faults, Point
from imagemill.queue import Delivery, Queue
from imagemill.storage import Bucket, Storage
from imagemill.telemetry import about
from imagemill.telemetry.meter import Meter
from imagemill.telemetry.metrics import IMAGES_PROCESSED, PROCESSING_DURATION
from imagemill.telemetry.tracing import Attributes, Tracing
from imagemill.worker.phases import operation_of, phases_of

_PIECE_BYTES: Final = 1 << 20
_BEATS_PER_LEASE: Final = 3
_BEAT_EVERY_S: Final = 1.0
"""Longest pause between beats: a beat's answer is how a worker learns that a job was cancelled."""
_PAUSE_S: Final = 1.0
"""Rest after the jobs service could not be told, or all workers would ask it without end."""
_GIVE_BACK_S: Final = 5.0
"""How long giving everything back may take at a stop; what it does not reach is left to leases."""
_STORING_S: Final = 60.0
"""How long reading the original and storing the results may take beside the work."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Reached:
    """How far an attempt is: written while it renders, read at each beat."""

    percent: int | None = None
    begun_ns: int = 0
    """When a child got the order, since 1970."""

    def note(self, percent: int) -> None:
        self.percent = percent


@dataclass(slots=True)
class Worker:
    """Works off the jobs topic; owns nothing that a crash could lose."""

    name: str
    jobs: JobsClient
    queue: Queue
    storage: Storage
    sandbox: Sandbox
    hands: int
    """Jobs in hand at the same time."""
    faults: Faults = field(default_factory=Faults.none)

    grace_s: float = 20.0
    """Seconds in which work in hand may end after `drain` is called."""
    meter: Meter = field(default_factory=Meter)
    tracing: Tracing = field(default_factory=Tracing)
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)
    _in_hand: set[asyncio.Task[None]] = field(default_factory=set)
    _rest_until: float = 0.0
    """Time of the event loop before which nothing new is taken: what is needed does not answer."""

    async def run(self) -> None:
        """Work until told to leave; when cancelled, jobs in hand are left to their leases."""
        free = asyncio.Semaphore(self.hands)
        async with asyncio.TaskGroup() as group:
            taking = group.create_task(self._take(free, group))
            leaving = group.create_task(self._leaving.wait())
            await asyncio.wait({taking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            taking.cancel()
            leaving.cancel()

    async def drain(self) -> None:
        """Take nothing new, let work in hand end, and give back what has not ended in time."""
        self._leaving.set()
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=self.grace_s)
        unfinished = [each for each in self._in_hand if not each.done()]
        for attempt in unfinished:
            attempt.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=_GIVE_BACK_S)

    async def _take(self, free: asyncio.Semaphore, group: asyncio.TaskGroup) -> None:
        await free.acquire()
        async for delivery in self.queue.receive(TOPIC):
            if self._leaving.is_set():
                await _given_back(delivery)
                return
            handling = group.create_task(self._handle(delivery, free))
            self._in_hand.add(handling)
            handling.add_done_callback(self._in_hand.discard)
            await free.acquire()
            await asyncio.sleep(max(0.0, self._rest_until - asyncio.get_running_loop().time()))

    async def _handle(self, delivery: Delivery, free: asyncio.Semaphore) -> None:
        """Attempt one message's job: the attempt edge, where everything becomes an answer."""
        try:
            await self._attempt(JobMessage.model_validate_json(delivery.body))
            self.faults.reach(Point.AFTER_RECORD)
            await delivery.done()
        except ImagemillError as error:
            _log.warning("delivery_given_back", reason=error.message)
            await asyncio.sleep(_PAUSE_S)
            await _given_back(delivery)
        except ValueError as error:
            _log.error("message_unreadable", exc_info=error)
            await delivery.done()
        except asyncio.CancelledError:
            if not self._leaving.is_set():
                raise
            # It had not been lent the job yet, so this message is the only one about it.
            await _given_back(delivery)
        finally:
            free.release()

    async def _attempt(self, message: JobMessage) -> None:
        """Borrow the job and end the attempt; raises only when that could not be told."""
        claim = await self.jobs.claim(ClaimRequest(job_id=message.job_id, worker=self.name))
        if claim is None:
            return
        job: Attributes = {"imagemill.job.id": claim.job_id, "imagemill.job.attempt": claim.attempt}
        with (
            about(request_id=claim.request_id, job_id=claim.job_id),
            self.tracing.span(
                "job.attempt", parent=claim.traceparent, kind=SpanKind.CONSUMER, attributes=job
            ) as span,
        ):
            began = time.monotonic()
            outcome = await self._ended(claim)
            ms = round((time.monotonic() - began) * 1000, 1)
            _log.info("attempt_ended", attempt=claim.attempt, outcome=outcome, ms=ms)
            span.set_attribute("imagemill.attempt.outcome", outcome)
            self.meter.count(IMAGES_PROCESSED, outcome)

    async def _ended(self, claim: Claim) -> str:
        """Work, tell the jobs service how that ended, and say it in one word, of a few."""
        try:
            self.faults.reach(Point.AFTER_LEASE)
            finish = await self._worked(claim)
            self.faults.reach(Point.AFTER_STORE)
            with self.tracing.span("job.finish"):
                await self.jobs.finish(claim.job_id, finish)
        except Conflict as stale:
            _log.info("attempt_overtaken", reason=stale.message)
            return "overtaken"
        except Unavailable as error:
            await self._give_back(claim, error.message, error.retry_after_s or _PAUSE_S)
            return "given_back"
        except ImagemillError as error:
            if error.alarm:
                _log.error("attempt_failed_with_alarm", code=error.code, reason=error.message)
            await self._fail(claim, error)
            return "failed"
        except asyncio.CancelledError:
            if not self._leaving.is_set():
                raise
            # Given back, the job is announced by a message of its own; this one is done.
            await self._give_back(claim, "The worker was told to stop.", 0.0)
            return "given_back"
        except Exception as error:  # noqa: BLE001 - the attempt edge: logged, answered, over
            _log.exception("attempt_broke", exc_info=error)
            await self._fail(claim, Internal("Something went wrong on our side."))
            return "failed"
        return "completed"

    async def _worked(self, claim: Claim) -> Finish:
        """Work under the lease, for no longer than waiting, working and storing may take.

        The sandbox counts the work itself; this is for what hangs round it.
        """
        most_s, reached = 3 * claim.timeout_s + _STORING_S, _Reached()
        try:
            async with self._beating(claim, reached), asyncio.timeout(most_s):
                return await self._work(claim, reached)
        except TimeoutError as error:
            raise Timeout(f"The attempt had not ended after {most_s:g} s.") from error

    async def _give_back(self, claim: Claim, reason: str, pause_s: float) -> None:
        """Let somebody else do the job; where something does not answer, rest before the next."""
        _log.info("attempt_given_back", reason=reason)
        self._rest_until = asyncio.get_running_loop().time() + pause_s
        given = GivenBack(lease_id=claim.lease_id, reason=reason, pause_s=pause_s)
        try:
            await self.jobs.give_back(claim.job_id, given)
        except Conflict as stale:
            _log.info("attempt_overtaken", reason=stale.message)

    async def _work(self, claim: Claim, reached: _Reached) -> Finish:
        async with AsyncExitStack() as opened:
            with self.tracing.span("image.read"):
                original = await self._opened(opened, claim.storage_key, claim.sha256)
                pictures = [
                    await self._opened(opened, key, claim.sha256s.get(image_id, ""))
                    for image_id, key in claim.pictures.items()
                ]
            order = RenderOrder(
                limits=claim.limits, outputs=claim.outputs, pictures=list(claim.pictures)
            )
            with self.tracing.span("sandbox.render"):
                rendering = await self.sandbox.render(
                    original,
                    order,
                    owner=claim.owner,
                    timeout_s=claim.timeout_s,
                    pictures=pictures,
                    begun=partial(self._begun, reached),
                    progress=reached.note,
                )
                self.tracing.phases(reached.begun_ns, phases_of(rendering.answer))
        with rendering, self.tracing.span("result.store"):
            return await self._store(claim, rendering)

    def _begun(self, reached: _Reached) -> None:
        reached.begun_ns = time.time_ns()
        self.faults.reach(Point.MID_DECODE)

    async def _opened(self, opened: AsyncExitStack, key: str, sha256: str) -> int:
        descriptor = await self.storage.open(Bucket.ORIGINALS, key, sha256=sha256 or None)
        opened.callback(os.close, descriptor)
        return descriptor

    async def _store(self, claim: Claim, rendering: Rendering) -> Finish:
        answer = rendering.answer
        for name, made in answer.outputs.items():
            operation = operation_of(claim.outputs[name])
            self.meter.observe(PROCESSING_DURATION, made.milliseconds / 1000, operation)
        stored = await asyncio.gather(
            *(
                self._store_one(
                    _key_of(claim.work_keys[name], answer.decode_shrink),
                    rendering.files[name],
                    answer.outputs[name],
                )
                for name in claim.outputs
            )
        )
        return Finish(
            lease_id=claim.lease_id,
            outputs=dict(zip(claim.outputs, stored, strict=True)),
            decodes=answer.decodes,
            cpu_s=answer.cpu_s,
            peak_memory_bytes=answer.peak_memory_bytes,
        )

    async def _store_one(self, key: str, descriptor: int, made: Rendered) -> Made:
        stored = await self.storage.put(Bucket.RESULTS, key, _pieces(descriptor))
        is_data = made.format == "json"
        return Made(
            storage_key=key,
            format=made.format,
            media_type="application/json" if is_data else Format(made.format).media_type,
            width=made.width,
            height=made.height,
            frames=made.frames,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            milliseconds=made.milliseconds,
        )

    async def _fail(self, claim: Claim, error: ImagemillError) -> None:
        failure = Failure(
            lease_id=claim.lease_id,
            code=error.code,
            message=error.message,
            output=getattr(error, "output", None),
            limit=error.limit,
        )
        try:
            await self.jobs.fail(claim.job_id, failure)
        except Conflict as stale:
            _log.info("attempt_overtaken", reason=stale.message)

    @asynccontextmanager
    async def _beating(self, claim: Claim, reached: _Reached) -> AsyncIterator[None]:
        """Give signs of life while the block works; a lost lease ends the block."""
        beats = asyncio.create_task(self._beat(claim, reached, asyncio.current_task()))
        try:
            yield
        except asyncio.CancelledError:
            if not beats.done():
                raise
            if task := asyncio.current_task():
                task.uncancel()
            raise Conflict("The lease ended while the job was worked on.") from None
        finally:
            beats.cancel()
            await asyncio.gather(beats, return_exceptions=True)

    async def _beat(
        self, claim: Claim, reached: _Reached, working: asyncio.Task[None] | None
    ) -> None:
        while True:
            await asyncio.sleep(min(claim.lease_s / _BEATS_PER_LEASE, _BEAT_EVERY_S))
            try:
                beat = Beat(lease_id=claim.lease_id, progress=reached.percent)
                await self.jobs.beat(claim.job_id, beat)
            except Conflict:
                if working:
                    working.cancel()
                return
            except ImagemillError as error:
                _log.warning("beat_missed", reason=error.message)


def _key_of(work_key: str, decode_shrink: int) -> str:
    """Name a result after all that its bytes depend on, the decoder's shrinking included."""
    return f"{work_key[:2]}/{work_key}-{decode_shrink}"


async def _given_back(delivery: Delivery) -> None:
    """Let another worker have a message; where that fails, the broker does it after a while."""
    try:
        await delivery.again()
    except ImagemillError as error:
        _log.warning("delivery_not_given_back", reason=error.message)


async def _pieces(descriptor: int) -> AsyncIterator[bytes]:
    """Read a memory file from its start; it lies in memory, so nothing waits."""
    at = 0
    while piece := os.pread(descriptor, _PIECE_BYTES, at):
        at += len(piece)
        yield piece
