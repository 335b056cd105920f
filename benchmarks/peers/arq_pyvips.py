"""A FastAPI service that stores an upload and has arq shrink it with pyvips."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pyvips
from arq import create_pool  # type: ignore[import-not-found]  # lives in the peer's environment
from arq.connections import RedisSettings  # type: ignore[import-not-found]  # the same
from arq.jobs import Job, JobStatus  # type: ignore[import-not-found]  # the same
from fastapi import FastAPI, Request

_FOLDER = Path(os.environ["BENCH_FOLDER"])
_REDIS = RedisSettings.from_dsn(os.environ["BENCH_REDIS"])
_ANY_PX = 10_000_000


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncIterator[None]:
    app.state.queue = await create_pool(_REDIS)
    yield
    await app.state.queue.aclose()


web = FastAPI(lifespan=_connected)


async def shrink(
    context: dict[str, Any], name: str, width: int, height: int, kind: str, quality: int
) -> str:
    """Make one file of a stored upload and name it; pixels block the loop, which has one job."""
    del context
    box = {"height": height, "crop": "centre"} if height else {"height": _ANY_PX, "size": "down"}
    target = f"{name}.{kind}"
    made = pyvips.Image.thumbnail(str(_FOLDER / name), width, **box)
    made.write_to_file(str(_FOLDER / target), Q=quality, keep="none")
    (_FOLDER / name).unlink()  # noqa: ASYNC240 - the loop has nothing else to do
    return target


class Worker:
    """What `arq` reads: one job at a time, the queue looked at every 10 ms instead of 500."""

    functions: ClassVar = [shrink]
    redis_settings = _REDIS
    max_jobs = 1
    poll_delay = 0.01
    max_tries = 1


@web.get("/ready")
async def ready() -> dict[str, bool]:
    """Answer 200 when Redis does."""
    return {"ready": bool(await web.state.queue.ping())}


@web.post("/jobs", status_code=202)
async def submit(
    request: Request,
    width: int,
    height: int,
    format: str,
    quality: int,  # noqa: A002 - the word on the wire
) -> dict[str, str]:
    """Store the body and queue the job."""
    name = uuid.uuid4().hex
    with (_FOLDER / name).open("wb") as file:
        async for piece in request.stream():
            file.write(piece)
    job = await web.state.queue.enqueue_job("shrink", name, width, height, format, quality)
    return {"id": job.job_id}


@web.get("/jobs/{job_id}")
async def status(job_id: str) -> dict[str, str]:
    """Tell how the job stands."""
    job = Job(job_id, web.state.queue)
    if await job.status() is not JobStatus.complete:
        return {"status": "queued"}
    found = await job.result_info()
    return {"status": "completed" if found and found.success else "failed"}
