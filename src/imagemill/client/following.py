"""A job while it goes on: the server's events, or a look from time to time without them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from http import HTTPStatus

from pydantic import ValidationError

from imagemill.client.answers import Event
from imagemill.client.connection import Connection
from imagemill.client.patience import RECONNECT_S, poll_pause_s, retry_pause_s
from imagemill.client.problems import (
    ClientError,
    ForeignAnswerError,
    ProblemError,
    UnreachableError,
)


async def events(connection: Connection, job_id: str, after: int) -> AsyncGenerator[Event, None]:
    """Give a job's events after one of them, over as many connections as it takes.

    A stream that ends before the job has is taken up again, since servers are stopped and started
    and proxies cut what lasts long. Raises what the sixth failure in a row raised.
    """
    failed = 0
    while True:
        try:
            async with aclosing(_events_once(connection, job_id, after)) as stream:
                async for event in stream:
                    after, failed = event.id, 0
                    yield event
                    if event.is_last:
                        return
            pause_s = RECONNECT_S
        except (UnreachableError, ProblemError) as error:
            failed += 1
            asked_s = _pause_s(error, failed)
            if asked_s is None:
                raise
            pause_s = asked_s
        await connection.sleep(pause_s)


async def looks(connection: Connection, job_id: str) -> AsyncGenerator[None, None]:
    """Come back whenever a job may have changed; endless, so stop when the job has ended."""
    # Whatever is wrong with the stream: polling works without it, or tells what is wrong.
    with suppress(ClientError):
        async with aclosing(events(connection, job_id, 0)) as stream:
            async for _ in stream:
                yield
    started = time.monotonic()
    while True:
        yield
        await connection.sleep(poll_pause_s(time.monotonic() - started))


async def _events_once(
    connection: Connection, job_id: str, after: int
) -> AsyncGenerator[Event, None]:
    path = f"/api/v1/jobs/{job_id}/events"
    async with connection.events(path, str(after) if after else "") as arriving:
        async for sent in arriving:
            if sent.data:
                yield _read(sent.data)


def _read(data: str) -> Event:
    try:
        return Event.model_validate_json(data)
    except ValidationError as error:
        raise ForeignAnswerError("The server's events are none that Imagemill sends.") from error


def _pause_s(error: UnreachableError | ProblemError, failed: int) -> float | None:
    if isinstance(error, ProblemError):
        return retry_pause_s(error.status, failed, error.retry_after_s)
    return retry_pause_s(HTTPStatus.SERVICE_UNAVAILABLE, failed, None)
