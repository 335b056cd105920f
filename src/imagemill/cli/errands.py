"""Take many pictures through a server, some at a time: send, wait, fetch, and note how it went."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imagemill.cli.files import Target
from imagemill.client import Client, ClientError, Image, Job, Output, Status, Terms

Done = Callable[["Outcome"], None]
Tell = Callable[[Path, str, float], None]
"""Hears of a picture how far it is: in a word, and as a part of 1."""

_SENT = 0.3
"""Part of an errand that sending is, as a progress bar shows it; the next two likewise."""
_TAKEN = 0.5
_MADE = 0.9


def _nobody(source: Path, word: str, part: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One picture and where its results shall lie."""

    source: Path
    target: Target


@dataclass(frozen=True, slots=True)
class Fetched:
    """One result that lies on the disk now."""

    path: Path
    output: Output


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an errand went; either `results` or `reason`."""

    source: Path
    milliseconds: float
    """From the first byte sent to the last byte fetched."""
    image: Image | None = None
    job_id: str = ""
    """Empty when it did not come to a job."""
    results: tuple[Fetched, ...] = ()
    reason: str = ""
    """Why there are no results, for people; empty when there are."""
    code: str = ""
    """The same for programs."""

    @property
    def is_good(self) -> bool:
        """Whether every output was made and fetched."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class Runner:
    """Run errands against one server, all with the same pipelines."""

    client: Client
    outputs: Mapping[str, Sequence[Mapping[str, Any]]]
    overwrite: bool = False
    fresh: bool = False
    follow: bool = True
    """Whether to wait for the jobs and fetch their results, or to leave after the promise."""
    tell: Tell = _nobody
    terms: Terms | None = None
    """How the jobs are tried; None for the server's own terms."""

    async def run(self, errands: Sequence[Errand], *, at_once: int, done: Done) -> list[Outcome]:
        """Run all errands, `at_once` at the same time; a failing one never stops the others.

        `done` hears of each as it ends; the answer keeps the order of the errands.
        """
        free = asyncio.Semaphore(at_once)

        async def one(errand: Errand) -> Outcome:
            async with free:
                outcome = await self.one(errand)
            done(outcome)
            return outcome

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(errand)) for errand in errands]
        return [task.result() for task in tasks]

    async def one(self, errand: Errand) -> Outcome:
        """Run one errand; what goes wrong becomes its reason."""
        started = time.perf_counter()
        try:
            sent = await self._sent(errand, started)
            return await self._followed(sent, errand, started) if self.follow else sent
        except (ClientError, OSError) as error:
            return _failed(Outcome(errand.source, _since(started)), error)

    async def fetch(self, job: Job, target: Target) -> tuple[Fetched, ...]:
        """Fetch every output of a job into its file; none for a job that did not complete."""
        only = len(job.outputs) == 1
        paths = {
            name: target.path(name, output.format, only=only)
            for name, output in job.outputs.items()
        }
        return tuple(
            [
                Fetched(
                    await self.client.download(output, paths[name], overwrite=self.overwrite),
                    output,
                )
                for name, output in job.outputs.items()
            ]
        )

    async def _sent(self, errand: Errand, started: float) -> Outcome:
        size_bytes = max((await asyncio.to_thread(errand.source.stat)).st_size, 1)

        def progress(sent_bytes: int) -> None:
            part = min(sent_bytes / size_bytes, 1.0)
            self.tell(errand.source, f"uploading {part:.0%}", _SENT * part)

        image = await self.client.upload(errand.source, progress=progress)
        accepted = await self.client.submit(
            image.image_id, self.outputs, fresh=self.fresh, terms=self.terms
        )
        self.tell(errand.source, str(accepted.status), _SENT)
        return Outcome(errand.source, _since(started), image, accepted.job_id)

    async def _followed(self, sent: Outcome, errand: Errand, started: float) -> Outcome:
        job = await self._watched(sent)
        if job.status is not Status.COMPLETED:
            return replace(_unfinished(sent, job), milliseconds=_since(started))
        results = await self.fetch(job, errand.target)
        self.tell(errand.source, str(job.status), 1.0)
        return replace(sent, milliseconds=_since(started), results=results)

    async def _watched(self, sent: Outcome) -> Job:
        seen: list[Job] = []
        async for job in self.client.watch(sent.job_id):
            part = _MADE if job.status.is_final else _TAKEN
            self.tell(sent.source, str(job.status), part)
            seen.append(job)
        return seen[-1]


def _unfinished(outcome: Outcome, job: Job) -> Outcome:
    reason = job.error.detail if job.error else f"The job was {job.status}."
    code = job.error.code if job.error else str(job.status)
    return replace(outcome, reason=reason, code=code)


def _failed(outcome: Outcome, error: Exception) -> Outcome:
    if isinstance(error, FileExistsError):
        reason = f"{error.filename2 or error.filename} exists; --overwrite replaces it."
        return replace(outcome, reason=reason, code="exists")
    code = getattr(error, "code", "") or type(error).__name__.removesuffix("Error").lower()
    return replace(outcome, reason=str(error), code=code)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
