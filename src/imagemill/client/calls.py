"""The asynchronous client: one method for each thing that a program asks of the server."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from imagemill.client import following, images, presets, sources
from imagemill.client.answers import (
    Accepted,
    Event,
    Image,
    Job,
    Jobs,
    Link,
    Operation,
    Operations,
    Output,
    Prediction,
    Preset,
    Publicity,
    Status,
)
from imagemill.client.batches import Batches
from imagemill.client.connection import Connection, Request, Sleep
from imagemill.client.dead_letters import DeadLetters
from imagemill.client.images import Images
from imagemill.client.keys import Keys
from imagemill.client.problems import StillWorkingError
from imagemill.client.terms import Outputs, Steps, Terms, named
from imagemill.client.transfer import Progress, body_of, counted, write_whole
from imagemill.client.webhooks import Webhooks

_LONGEST_PAGE = 100


class Client:
    """Speak to one server, as one caller; use it as an async context manager.

    Every method raises `ProblemError` when the server says no, `UnreachableError` when it does not
    answer and `ForeignAnswerError` when something else does. A 429 or 503 is tried again up to
    five times, after the pause that the server asks for.
    """

    def __init__(
        self,
        server: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        timeout_s: float = 60.0,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Remember whom to ask; nothing is connected before the first call.

        `timeout_s` bounds each wait for the network, not a whole transfer. A `transport` of your
        own replaces the network, and with it the proxies that the environment names.
        """
        self._connection = Connection(
            server, key, timeout_s=timeout_s, transport=transport, sleep=sleep
        )
        self.dead_letters = DeadLetters(self._connection)
        """Jobs whose tries are used up."""
        self.batches = Batches(self._connection)
        """Many jobs made by one request."""
        self.images = Images(self._connection)
        """Originals, found again and described."""
        self.webhooks = Webhooks(self._connection)
        """URLs that are told of events."""
        self.keys = Keys(self._connection)
        """API keys of the account, and what was used."""

    async def __aenter__(self) -> Self:
        """Give the client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        await self.close()

    async def close(self) -> None:
        """Close every connection; the client cannot be used afterwards."""
        await self._connection.close()

    async def upload(
        self, picture: Path | bytes | AsyncIterable[bytes], *, progress: Progress | None = None
    ) -> Image:
        """Send a picture in pieces; the same bytes twice give the same image.

        `progress` is told the bytes sent so far. A stream of your own cannot be sent twice, so
        that a busy server ends its upload with `ProblemError`.
        """
        body = await body_of(picture)
        request = Request("POST", "/api/v1/images", body=body, progress=progress)
        return await self._connection.ask(Image, request)

    async def upload_from(
        self,
        url: str,
        *,
        name: str | None = None,
        timeout_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Image:
        """Have the server fetch a picture from a public URL; give it when it is kept.

        Raises `ProblemError` when it is refused or does not come (`source_blocked`,
        `source_unavailable`, or what is wrong with the picture), and `StillWorkingError` after
        `timeout_s` seconds, when the server goes on.
        """
        return await sources.fetched(self._connection, url, name, timeout_s, idempotency_key)

    async def delete_image(self, image_id: str, *, force: bool = False) -> None:
        """Delete an image, as `images.delete` does."""
        await self.images.delete(image_id, force=force)

    async def submit(
        self,
        image_id: str,
        outputs: Outputs,
        *,
        fresh: bool = False,
        wait_s: float = 0.0,
        terms: Terms | None = None,
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Ask for outputs of an image; `fresh` works again even where the result is known.

        With `wait_s` the server answers when the job has ended, or after so many seconds (60 at
        most): the answer's `job` is the ended one, and None when it still goes on. The same order
        under the same `idempotency_key` makes one job, however often it is sent in 24 hours.
        """
        seconds = math.ceil(wait_s)
        prefer = {"Prefer": f"wait={seconds}"} if seconds > 0 else {}
        request = Request(
            "POST",
            "/api/v1/jobs",
            json={**_order(image_id, outputs, fresh=fresh), **(terms or Terms()).fields()},
            headers={**prefer, **named(idempotency_key)},
            answer_within_s=seconds,
        )
        answer = await self._connection.send(request)
        accepted = self._connection.read(Accepted, answer)
        if answer.status_code != HTTPStatus.OK:
            return accepted
        return accepted.model_copy(update={"job": self._connection.read(Job, answer)})

    async def dry_run(self, image_id: str, outputs: Outputs) -> Prediction:
        """Ask what would be made, with every default filled in; nothing is worked on."""
        order = _order(image_id, outputs)
        request = Request("POST", "/api/v1/jobs", json=order, query={"dry_run": "1"})
        return await self._connection.ask(Prediction, request)

    async def job(self, job_id: str) -> Job:
        """Look at a job as it is now."""
        return await self._connection.ask(Job, Request("GET", f"/api/v1/jobs/{job_id}"))

    async def jobs(
        self, *, status: Status | None = None, operation: str = "", limit: int | None = None
    ) -> AsyncGenerator[Job, None]:
        """Give your jobs, the newest first, asking for more as you go on; at most `limit`.

        `operation` gives the short forms of one operation, or with `pipeline` all other jobs.
        """
        left = math.inf if limit is None else limit
        asked = {"status": status or "", "type": operation}
        query = {name: str(value) for name, value in asked.items() if value}
        while left > 0:
            query["limit"] = str(min(left, _LONGEST_PAGE))
            page = await self._connection.ask(Jobs, Request("GET", "/api/v1/jobs", query=query))
            for job in page.jobs:
                yield job
            if page.next is None:
                return
            left -= len(page.jobs)
            query["cursor"] = page.next

    async def cancel(self, job_id: str) -> Job:
        """End a job that has not ended; raises `ProblemError` (`conflict`) when it has."""
        return await self._connection.ask(Job, Request("POST", f"/api/v1/jobs/{job_id}/cancel"))

    async def replay(self, job_id: str, *, idempotency_key: str | None = None) -> Accepted:
        """Do a failed or cancelled job again, as a new job that names the old one.

        Raises `ProblemError` (`conflict`) for any other job, and for one whose dead letter was
        replayed or discarded before.
        """
        path = f"/api/v1/jobs/{job_id}/replay"
        request = Request("POST", path, headers=named(idempotency_key))
        return await self._connection.ask(Accepted, request)

    async def follow(self, job_id: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """Give what happens to a job while it happens, from the event after `after` on.

        A connection that breaks is made again and goes on where it was: no event is missed and
        none comes twice. Ends with the job.
        """
        async with aclosing(following.events(self._connection, job_id, after)) as events:
            async for event in events:
                yield event

    async def watch(self, job_id: str) -> AsyncGenerator[Job, None]:
        """Give the job now and at each change of its status; ends after the final one.

        Where the server's events cannot be had, a proxy that holds them back say, it is polled.
        """
        seen: Status | None = None
        async with aclosing(following.looks(self._connection, job_id)) as looks:
            async for _ in looks:
                job = await self.job(job_id)
                if job.status is not seen:
                    yield job
                if job.status.is_final:
                    return
                seen = job.status

    async def wait(self, job_id: str, *, timeout_s: float | None = None) -> Job:
        """Wait until the job ended, in whatever way: look at its `status`.

        Raises `StillWorkingError` after `timeout_s` seconds; the job itself goes on.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._last(job_id)
        except TimeoutError as error:
            raise StillWorkingError(
                f"Job {job_id} did not end within {timeout_s} s; it goes on at the server."
            ) from error

    async def download(
        self,
        output: Output,
        to: Path,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Fetch a result into a file that appears complete, checked by its sha256, or not at all.

        Raises `FileExistsError` unless `overwrite`, `DamagedError` when other bytes arrived.
        """
        async with self._connection.pieces(output.url) as pieces:
            await write_whole(counted(pieces, progress), to, expected=output, overwrite=overwrite)
        return to

    async def fetch(self, output: Output) -> bytes:
        """Fetch a result into memory."""
        return (await self._connection.send(Request("GET", output.url))).content

    async def link(self, output: Output, *, expires_in_s: int = 3600) -> Link:
        """Make a link to a result that needs no key, and holds for so many seconds."""
        return await images.link(self._connection, output.url, expires_in_s)

    async def publish(self, output: Output, *, public: bool = True) -> str | None:
        """Let anybody read a result at the URL that this gives, or with `public=False` nobody."""
        request = Request("PATCH", output.url, json={"public": public})
        return (await self._connection.ask(Publicity, request)).public_url

    async def operations(self) -> tuple[Operation, ...]:
        """List what the server can do, each with the JSON Schema of its parameters."""
        listed = await self._connection.ask(Operations, Request("GET", "/api/v1/operations"))
        return listed.operations

    async def save_preset(
        self, name: str, steps: Steps, *, description: str | None = None
    ) -> Preset:
        """Give a pipeline a name; where you have the name already, make its next version.

        The steps of the newest version once more make none. Without a description it stays.
        """
        return await presets.save(self._connection, name, steps, description)

    async def preset(self, name: str, *, version: int | None = None) -> Preset:
        """Look at a preset, in its newest version by default."""
        return await presets.one(self._connection, name, version)

    async def presets(self, *, limit: int | None = None) -> AsyncGenerator[Preset, None]:
        """Give your presets by name, each in its newest version; at most `limit`."""
        async with aclosing(presets.listed(self._connection, None, limit)) as found:
            async for preset in found:
                yield preset

    async def preset_versions(
        self, name: str, *, limit: int | None = None
    ) -> AsyncGenerator[Preset, None]:
        """Give the versions of a preset, the newest first; at most `limit`."""
        async with aclosing(presets.listed(self._connection, name, limit)) as found:
            async for preset in found:
                yield preset

    async def remove_preset(self, name: str) -> None:
        """Remove a preset with all its versions; jobs that were accepted keep their steps."""
        await presets.remove(self._connection, name)

    async def is_ready(self) -> bool:
        """Tell whether the server is there and takes work now."""
        return await self._connection.answers("/health/ready")

    async def _last(self, job_id: str) -> Job:
        return [each async for each in self.watch(job_id)][-1]


def _order(image_id: str, outputs: Outputs, *, fresh: bool = False) -> dict[str, Any]:
    return {"input": {"image_id": image_id}, "outputs": outputs, "fresh": fresh}
