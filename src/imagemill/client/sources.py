"""Pictures that the server fetches by itself, waited for."""

from __future__ import annotations

import asyncio
import time

from imagemill.client.answers import Answer, Image, Problem
from imagemill.client.connection import Connection, Request
from imagemill.client.patience import poll_pause_s
from imagemill.client.problems import ProblemError, StillWorkingError
from imagemill.client.terms import named


class Promised(Answer):
    """An image that is on its way, or did not come."""

    image_id: str
    status: str = "stored"
    """`pending`, `stored` or `failed`."""
    error: Problem | None = None
    """Why there is no image."""


async def fetched(
    connection: Connection,
    url: str,
    name: str | None,
    timeout_s: float | None,
    idempotency_key: str | None,
) -> Image:
    """Have a picture fetched and give it when it is kept."""
    body = {"url": url, **({} if name is None else {"name": name})}
    headers = named(idempotency_key)
    request = Request("POST", "/api/v1/images", json=body, headers=headers)
    image_id = (await connection.ask(Promised, request)).image_id
    try:
        async with asyncio.timeout(timeout_s):
            return await _kept(connection, image_id)
    except TimeoutError as error:
        raise StillWorkingError(
            f"Image {image_id} was not fetched within {timeout_s} s; the server goes on."
        ) from error


async def _kept(connection: Connection, image_id: str) -> Image:
    began = time.monotonic()
    while True:
        answer = await connection.send(Request("GET", f"/api/v1/images/{image_id}"))
        promised = connection.read(Promised, answer)
        if promised.error is not None:
            raise ProblemError(promised.error)
        if promised.status == "stored":
            return connection.read(Image, answer)
        await connection.sleep(poll_pause_s(time.monotonic() - began))
