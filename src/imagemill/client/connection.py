"""One server over HTTP: requests sent, tried again where that helps, and answers read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from imagemill.client.answers import Problem
from imagemill.client.patience import asked_pause_s, retry_pause_s
from imagemill.client.problems import ForeignAnswerError, ProblemError, UnreachableError
from imagemill.client.transfer import Body, Progress, counted

Sleep = Callable[[float], Awaitable[None]]

_Model = TypeVar("_Model", bound=BaseModel)
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the server."""

    method: str
    path: str
    """At the server, or a whole address elsewhere."""
    json: object = None
    body: Body | None = None
    progress: Progress | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | Sequence[str]] | None = None
    answer_within_s: float = 0.0
    """Seconds that the server may think longer than it usually may."""


class Connection:
    """Ask one server, as one caller."""

    def __init__(
        self,
        server: str,
        key: str | None,
        *,
        timeout_s: float,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Remember whom to ask; nothing is connected before the first request."""
        self.sleep = sleep
        self._server = httpx2.URL(server)
        self._key = key
        self._timeout_s = timeout_s
        self._http = httpx2.AsyncClient(base_url=server, timeout=timeout_s, transport=transport)

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def send(self, wanted: Request) -> httpx2.Response:
        """Give the server's good answer; raises the client's errors for everything else."""
        tried = 0
        while True:
            tried += 1
            answer = await self._once(self._built(wanted))
            if answer.is_success:
                return answer
            problem = self._problem(answer)
            pause_s = retry_pause_s(answer.status_code, tried, problem.retry_after_s)
            if pause_s is None or (wanted.body and not wanted.body.can_repeat):
                raise problem
            await self.sleep(pause_s)

    async def ask(self, model: type[_Model], wanted: Request) -> _Model:
        """Give the server's answer as a model; raises `ForeignAnswerError` when it is none."""
        return self.read(model, await self.send(wanted))

    def read(self, model: type[_Model], answer: httpx2.Response) -> _Model:
        """Read an answer as a model; raises `ForeignAnswerError` when it is none."""
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as error:
            raise self._foreign(answer) from error

    async def answers(self, path: str) -> bool:
        """Tell whether the server is there and has something good to say."""
        try:
            answer = await self._http.get(path)
        except httpx2.TransportError:
            return False
        return answer.status_code == HTTPStatus.OK

    @asynccontextmanager
    async def pieces(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give the body of an answer while it arrives."""
        async with self._open(Request("GET", url)) as answer:
            yield self._guarded(answer.aiter_bytes())

    @asynccontextmanager
    async def events(
        self, path: str, last_id: str
    ) -> AsyncIterator[AsyncIterator[httpx2.ServerSentEvent]]:
        """Give server-sent events while they arrive, those after `last_id` where that is one.

        Raises `ForeignAnswerError` when the answer is no such stream.
        """
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        async with self._open(Request("GET", path, headers=headers)) as answer:
            if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise self._foreign(answer)
            yield self._guarded(aiter(httpx2.EventSource(answer)))

    def _built(self, wanted: Request) -> httpx2.Request:
        headers = {**self._identity(wanted.path), **wanted.headers}
        body, timeout_s = wanted.body, self._timeout_s + wanted.answer_within_s
        timeout = httpx2.Timeout(self._timeout_s, read=timeout_s)
        if body is not None:
            headers["Content-Type"] = "application/octet-stream"
        if body is not None and body.size_bytes is not None:
            headers["Content-Length"] = str(body.size_bytes)
        return self._http.build_request(
            wanted.method,
            wanted.path,
            json=wanted.json,
            content=counted(body.pieces(), wanted.progress) if body else None,
            params=wanted.query,
            headers=headers,
            timeout=timeout,
        )

    def _identity(self, path: str) -> dict[str, str]:
        # A result may lie behind a signed address elsewhere, which must not learn the key.
        same = _origin(self._server.join(path)) == _origin(self._server)
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
    async def _open(self, wanted: Request) -> AsyncIterator[httpx2.Response]:
        answer = await self._once(self._built(wanted), stream=True)
        try:
            if not answer.is_success:
                await self._whole(answer)
                raise self._problem(answer)
            yield answer
        finally:
            await answer.aclose()

    async def _whole(self, answer: httpx2.Response) -> None:
        try:
            await answer.aread()
        except httpx2.TransportError as error:
            raise self._broken_off() from error

    async def _guarded(self, arriving: AsyncIterator[_Value]) -> AsyncIterator[_Value]:
        try:
            async for each in arriving:
                yield each
        except httpx2.TransportError as error:
            raise self._broken_off() from error

    def _problem(self, answer: httpx2.Response) -> ProblemError:
        problem = self.read(Problem, answer)
        retry_after_s = asked_pause_s(answer.headers.get("Retry-After"))
        return ProblemError(problem, retry_after_s=retry_after_s)

    def _broken_off(self) -> UnreachableError:
        return UnreachableError(f"{self._server} broke off in the middle.")

    def _foreign(self, answer: httpx2.Response) -> ForeignAnswerError:
        return ForeignAnswerError(
            f"{answer.url} answered {answer.status_code} in words that Imagemill does not use. "
            "Is this the address of an Imagemill server, and of a version that fits?"
        )


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return (url.scheme, url.host, url.port)
