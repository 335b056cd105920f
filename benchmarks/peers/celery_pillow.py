"""A FastAPI service that stores an upload and has Celery shrink it with Pillow."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import celery  # type: ignore[import-not-found]  # lives in the peer's own environment
from fastapi import FastAPI, Request
from PIL import Image, ImageOps

_FOLDER = Path(os.environ["BENCH_FOLDER"])
_REDIS = os.environ["BENCH_REDIS"]
_STATES = {"SUCCESS": "completed", "FAILURE": "failed"}

tasks = celery.Celery("bench", broker=_REDIS, backend=_REDIS)
web = FastAPI()


@tasks.task  # type: ignore[untyped-decorator]  # celery is not typed
def shrink(name: str, width: int, height: int, kind: str, quality: int) -> str:
    """Make one file of a stored upload, decoding no more of it than needed, and name it."""
    with Image.open(_FOLDER / name) as picture:
        asked = (width, height or _proportional(picture, width))
        picture.draft("RGB", (asked[0] * 2, asked[1] * 2))
        made = _fitted(ImageOps.exif_transpose(picture), width, height).convert("RGB")
    target = _FOLDER / f"{name}.{kind}"
    made.save(target, kind, quality=quality)
    (_FOLDER / name).unlink()
    return target.name


@web.get("/ready")
async def ready() -> dict[str, bool]:
    """Answer 200 when a worker answers; asked only before the measurement."""
    return {"ready": bool(tasks.control.ping(timeout=5, limit=1))}


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
    return {"id": shrink.delay(name, width, height, format, quality).id}


@web.get("/jobs/{job}")
async def status(job: str) -> dict[str, str]:
    """Tell how the job stands."""
    return {"status": _STATES.get(tasks.AsyncResult(job).state, "queued")}


def _fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    if height:
        return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    size = (width, _proportional(picture, width))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _proportional(picture: Image.Image, width: int) -> int:
    return max(1, round(picture.height * width / picture.width))
