"""The asynchronous client: one method for each thing that a program asks of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from pydantic import BaseModel, TypeAdapter, ValidationError

from imagemill.client.answers import Accepted, Image, Job, Operation, Output, Problem
from imagemill.client.patience import asked_pause_s, poll_pause_s, retry_pause_s
from imagemill.client.problems import (
    ForeignAnswerError,
    ProblemError,
    StillWorkingError,
    UnreachableError,
)
from imagemill.client.transfer import Body, Progress, body_of, counted, write_whole

Outputs = Mapping[str, Sequence[Mapping[str, Any]]]
"""Named pipelines: each a list of steps such as `{"op": "resize", "width": 400}`."""

_Model = TypeVar("_Model", bound=BaseModel)
_OPERATIONS = TypeAdapter(dict[str, tuple[Operation, ...]])


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
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Remember whom to ask; nothing is connected before the first call.

        `timeout_s` bounds each wait for the network, not a whole transfer. A `transport` of your
        own replaces the network, and with it the proxies that the environment names.
        """
        self._server = httpx2.URL(server)
        self._key = key
        self._sleep = sleep
        self._http = httpx2.AsyncClient(base_url=server, timeout=timeout_s, transport=transport)

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
        await self._http.aclose()

    async def upload(
        self, picture: Path | bytes | AsyncIterable[bytes], *, progress: Progress | None = None
    ) -> Image:
        """Send a picture in pieces; the same bytes twice give the same image.

        `progress` is told the bytes sent so far. A stream of your own cannot be sent twice, so
        that a busy server ends its upload with `ProblemError`.
        """
        body = await body_of(picture)
        answer = await self._send("POST", "/api/v1/images", body=body, progress=progress)
        return self._read(Image, answer)

    async def submit(self, image_id: str, outputs: Outputs, *, fresh: bool = False) -> Accepted:
        """Ask for outputs of an image; `fresh` works again even where the result is known."""
        order = {"input": {"image_id": image_id}, "outputs": outputs, "fresh": fresh}
        return self._read(Accepted, await self._send("POST", "/api/v1/jobs", json=order))

    async def job(self, job_id: str) -> Job:
        """Look at a job as it is now."""
        return self._read(Job, await self._send("GET", f"/api/v1/jobs/{job_id}"))

    async def watch(self, job_id: str) -> AsyncIterator[Job]:
        """Give the job now and at each change of its status; ends after the final one."""
        started, seen = time.monotonic(), None
        while True:
            job = await self.job(job_id)
            if job.status is not seen:
                yield job
            if job.status.is_final:
                return
            seen = job.status
            await self._sleep(poll_pause_s(time.monotonic() - started))

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
        async with self._stream(output.url) as pieces:
            await write_whole(counted(pieces, progress), to, expected=output, overwrite=overwrite)
        return to

    async def fetch(self, output: Output) -> bytes:
        """Fetch a result into memory."""
        return (await self._send("GET", output.url)).content

    async def operations(self) -> tuple[Operation, ...]:
        """List what the server can do, each with the JSON Schema of its parameters."""
        answer = await self._send("GET", "/api/v1/operations")
        try:
            return _OPERATIONS.validate_json(answer.content)["operations"]
        except (ValidationError, KeyError) as error:
            raise self._foreign(answer) from error

    async def is_ready(self) -> bool:
        """Tell whether the server is there and takes work now."""
        try:
            answer = await self._http.get("/health/ready")
        except httpx2.TransportError:
            return False
        return answer.status_code == HTTPStatus.OK

    async def _last(self, job_id: str) -> Job:
        job = [each async for each in self.watch(job_id)]
        return job[-1]

    async def _send(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        body: Body | None = None,
        progress: Progress | None = None,
    ) -> httpx2.Response:
        tried = 0
        while True:
            tried += 1
            answer = await self._once(self._request(method, path, json, body, progress))
            if answer.is_success:
                return answer
            await answer.aread()
            problem = self._problem(answer)
            pause_s = retry_pause_s(answer.status_code, tried, problem.retry_after_s)
            if pause_s is None or (body and not body.can_repeat):
                raise problem
            await self._sleep(pause_s)

    def _request(
        self,
        method: str,
        path: str,
        json: object,
        body: Body | None,
        progress: Progress | None,
    ) -> httpx2.Request:
        headers = self._headers(path)
        if body is None:
            return self._http.build_request(method, path, json=json, headers=headers)
        headers["Content-Type"] = "application/octet-stream"
        if body.size_bytes is not None:
            headers["Content-Length"] = str(body.size_bytes)
        content = counted(body.pieces(), progress)
        return self._http.build_request(method, path, content=content, headers=headers)

    def _headers(self, path: str) -> dict[str, str]:
        # A result may lie behind a signed address elsewhere, which must not learn the key.
        url = self._server.join(path)
        same = (url.scheme, url.host, url.port) == _origin(self._server)
        return {"X-API-Key": self._key} if self._key and same else {}

    async def _once(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        try:
            return await self._http.send(request, stream=stream)
        except httpx2.TransportError as error:
            raise UnreachableError(
                f"No answer from {self._server} ({type(error).__name__}). "
                "Is the server running there, and reachable from here?"
            ) from error

    @asynccontextmanager
    async def _stream(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        request = self._http.build_request("GET", url, headers=self._headers(url))
        answer = await self._once(request, stream=True)
        try:
            if not answer.is_success:
                await answer.aread()
                raise self._problem(answer)
            yield self._pieces(answer)
        finally:
            await answer.aclose()

    async def _pieces(self, answer: httpx2.Response) -> AsyncIterator[bytes]:
        try:
            async for piece in answer.aiter_bytes():
                yield piece
        except httpx2.TransportError as error:
            raise UnreachableError(f"{self._server} broke off in the middle.") from error

    def _problem(self, answer: httpx2.Response) -> ProblemError:
        try:
            problem = Problem.model_validate_json(answer.content)
        except ValidationError as error:
            raise self._foreign(answer) from error
        retry_after_s = asked_pause_s(answer.headers.get("Retry-After"))
        return ProblemError(problem, retry_after_s=retry_after_s)

    def _read(self, model: type[_Model], answer: httpx2.Response) -> _Model:
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as error:
            raise self._foreign(answer) from error

    def _foreign(self, answer: httpx2.Response) -> ForeignAnswerError:
        return ForeignAnswerError(
            f"{answer.url} answered {answer.status_code} in words that Imagemill does not use. "
            "Is this the address of an Imagemill server, and of a version that fits?"
        )


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return (url.scheme, url.host, url.port)
