"""What a process answers to who watches it: numbers, and how it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from imagemill.contracts.transport import ASGIApp, Receive, Scope, Send
from imagemill.errors import NotFound
from imagemill.telemetry.meter import Meter
from imagemill.web.problems import not_allowed, problem_response

_READ: Final = frozenset({"GET", "HEAD"})
Answer = Callable[[], Awaitable[Response]]


async def metrics_of(meter: Meter) -> Response:
    """Answer a scrape with all numbers of this process."""
    headers = {"content-type": CONTENT_TYPE_PLAIN_0_0_4, "cache-control": "no-store"}
    return Response(await meter.told(), headers=headers)


def health_response(told: Mapping[str, Any]) -> Response:
    """Answer how a process, or all of them, are; what cannot work is 503."""
    is_able = told["status"] != "unavailable"
    status = HTTPStatus.OK if is_able else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse(told, status, headers={"cache-control": "no-store"})


def watched_app(answers: Mapping[str, Answer]) -> ASGIApp:
    """Make what answers at a port for watching, to anybody who can reach it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await (await _answer(answers, scope))(scope, receive, send)

    return app


async def _answer(answers: Mapping[str, Answer], scope: Scope) -> Response:
    found = answers.get(scope["path"])
    if found is None:
        return problem_response(NotFound(f"Here are only {', '.join(answers)}."))
    if scope["method"] not in _READ:
        return not_allowed("This route answers GET and HEAD.", "GET, HEAD")
    return await found()


async def word(text: str, status: int = HTTPStatus.OK) -> Response:
    """Answer one word, as orchestrators want it."""
    return PlainTextResponse(text, status)
