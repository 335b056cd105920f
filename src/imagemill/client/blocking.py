"""The client for programs without an event loop: the same calls, each waiting for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from imagemill.client.answers import (
    Accepted,
    Event,
    Image,
    Job,
    Link,
    Operation,
    Output,
    Prediction,
    Preset,
    Status,
)
from imagemill.client.blocking_keys import BlockingKeys
from imagemill.client.blocking_parts import BlockingBatches, BlockingDeadLetters, BlockingImages
from imagemill.client.blocking_webhooks import BlockingWebhooks
from imagemill.client.calls import Client
from imagemill.client.loop import Loop
from imagemill.client.terms import Outputs, Steps, Terms
from imagemill.client.transfer import PIECE_BYTES, Progress


class BlockingClient:
    """Speak to one server without `await`; use it as a context manager.

    It drives a `Client` on an event loop of its own, so that both behave alike. It is not made for
    several threads at once, nor for a thread whose event loop runs.
    """

    def __init__(
        self,
        server: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> None:
        """Remember whom to ask; nothing is connected before the first call."""
        self._loop = Loop()
        self._client = Client(server, key, timeout_s=timeout_s)
        self.dead_letters = BlockingDeadLetters(self._loop, self._client.dead_letters)
        """Jobs whose tries are used up."""
        self.batches = BlockingBatches(self._loop, self._client.batches)
        """Many jobs made by one request."""
        self.images = BlockingImages(self._loop, self._client.images)
        """Originals, found again and described."""
        self.webhooks = BlockingWebhooks(self._loop, self._client.webhooks)
        """URLs that are told of events."""
        self.keys = BlockingKeys(self._loop, self._client.keys)
        """API keys of the account, and what was used."""

    def __enter__(self) -> Self:
        """Give the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        self.close()

    def close(self) -> None:
        """Close every connection and the event loop; the client cannot be used afterwards."""
        self._loop.run(self._client.close())
        self._loop.close()

    def upload(
        self, picture: Path | bytes | IO[bytes], *, progress: Progress | None = None
    ) -> Image:
        """Send a picture by path, as bytes, or from an open binary file."""
        source = picture if isinstance(picture, Path | bytes) else _pieces(picture)
        return self._loop.run(self._client.upload(source, progress=progress))

    def upload_from(
        self,
        url: str,
        *,
        name: str | None = None,
        timeout_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Image:
        """Have the server fetch a picture, as `Client.upload_from` does."""
        work = self._client.upload_from(
            url, name=name, timeout_s=timeout_s, idempotency_key=idempotency_key
        )
        return self._loop.run(work)

    def delete_image(self, image_id: str, *, force: bool = False) -> None:
        """Delete an image, as `Client.delete_image` does."""
        self._loop.run(self._client.delete_image(image_id, force=force))

    def submit(
        self,
        image_id: str,
        outputs: Outputs,
        *,
        fresh: bool = False,
        wait_s: float = 0.0,
        terms: Terms | None = None,
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Ask for outputs of an image, as `Client.submit` does."""
        return self._loop.run(
            self._client.submit(
                image_id,
                outputs,
                fresh=fresh,
                wait_s=wait_s,
                terms=terms,
                idempotency_key=idempotency_key,
            )
        )

    def dry_run(self, image_id: str, outputs: Outputs) -> Prediction:
        """Ask what would be made; nothing is worked on."""
        return self._loop.run(self._client.dry_run(image_id, outputs))

    def job(self, job_id: str) -> Job:
        """Look at a job as it is now."""
        return self._loop.run(self._client.job(job_id))

    def jobs(
        self, *, status: Status | None = None, operation: str = "", limit: int | None = None
    ) -> Iterator[Job]:
        """Give your jobs, the newest first, as `Client.jobs` does."""
        return self._loop.each(self._client.jobs(status=status, operation=operation, limit=limit))

    def cancel(self, job_id: str) -> Job:
        """End a job that has not ended."""
        return self._loop.run(self._client.cancel(job_id))

    def replay(self, job_id: str, *, idempotency_key: str | None = None) -> Accepted:
        """Do a failed or cancelled job again, as a new job that names the old one."""
        return self._loop.run(self._client.replay(job_id, idempotency_key=idempotency_key))

    def follow(self, job_id: str, *, after: int = 0) -> Iterator[Event]:
        """Give what happens to a job while it happens, as `Client.follow` does."""
        return self._loop.each(self._client.follow(job_id, after=after))

    def watch(self, job_id: str) -> Iterator[Job]:
        """Give the job now and at each change of its status; ends after the final one."""
        return self._loop.each(self._client.watch(job_id))

    def wait(self, job_id: str, *, timeout_s: float | None = None) -> Job:
        """Wait until the job ended, as `Client.wait` does."""
        return self._loop.run(self._client.wait(job_id, timeout_s=timeout_s))

    def download(
        self,
        output: Output,
        to: Path,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Fetch a result into a file, as `Client.download` does."""
        return self._loop.run(
            self._client.download(output, to, overwrite=overwrite, progress=progress)
        )

    def fetch(self, output: Output) -> bytes:
        """Fetch a result into memory."""
        return self._loop.run(self._client.fetch(output))

    def link(self, output: Output, *, expires_in_s: int = 3600) -> Link:
        """Make a link to a result that needs no key, as `Client.link` does."""
        return self._loop.run(self._client.link(output, expires_in_s=expires_in_s))

    def publish(self, output: Output, *, public: bool = True) -> str | None:
        """Let anybody read a result, or nobody, as `Client.publish` does."""
        return self._loop.run(self._client.publish(output, public=public))

    def operations(self) -> tuple[Operation, ...]:
        """List what the server can do."""
        return self._loop.run(self._client.operations())

    def save_preset(self, name: str, steps: Steps, *, description: str | None = None) -> Preset:
        """Give a pipeline a name, as `Client.save_preset` does."""
        return self._loop.run(self._client.save_preset(name, steps, description=description))

    def preset(self, name: str, *, version: int | None = None) -> Preset:
        """Look at a preset, in its newest version by default."""
        return self._loop.run(self._client.preset(name, version=version))

    def presets(self, *, limit: int | None = None) -> Iterator[Preset]:
        """Give your presets by name, as `Client.presets` does."""
        return self._loop.each(self._client.presets(limit=limit))

    def preset_versions(self, name: str, *, limit: int | None = None) -> Iterator[Preset]:
        """Give the versions of a preset, the newest first."""
        return self._loop.each(self._client.preset_versions(name, limit=limit))

    def remove_preset(self, name: str) -> None:
        """Remove a preset with all its versions."""
        self._loop.run(self._client.remove_preset(name))

    def is_ready(self) -> bool:
        """Tell whether the server is there and takes work now."""
        return self._loop.run(self._client.is_ready())


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
        yield piece
