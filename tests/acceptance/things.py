"""One of each thing that a path can name, made as a user makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good

SMALL: Final = {"small": [{"op": "resize", "width": 8}]}
IN_NO_TIME: Final = {"timeout_s": 1, "max_retries": 0, "fresh": True}
SLOW: Final = {"slow": [{"op": "filter", "type": "median", "size": 15}]}
EVERYBODYS: Final = ("/api/v1/operations/",)
"""Routes that name what belongs to nobody."""


def image(api: API) -> JSON:
    """Upload a picture; give the values that name it."""
    return {"image_id": api.upload(pictures.jpeg())["image_id"]}


def _job(api: API) -> JSON:
    job = api.completed(api.submit(image(api)["image_id"], SMALL))
    return {"job_id": job["job_id"], "name": "small"}


def _batch(api: API) -> JSON:
    answer = api.post("/api/v1/batches", json={"items": [{"input": image(api)}], "outputs": SMALL})
    assert answer.status_code == 202, answer.text
    return {"batch_id": answer.json()["batch_id"]}


def _letter(api: API) -> JSON:
    big = api.upload(pictures.jpeg(3000, 3000))["image_id"]
    return {"letter_id": api.ended(api.submit(big, SLOW, **IN_NO_TIME))["job_id"]}


def _request(api: API) -> JSON:
    answer = api.post("/uploads", files={"file": ("photo.jpg", pictures.jpeg())})
    return {"request_id": answer.json()["requestId"]}


def _preset(api: API) -> JSON:
    steps = [{"op": "resize", "width": 8}]
    good(api.post("/api/v1/presets", json={"name": "mine", "steps": steps}))
    return {"name": "mine"}


MAKERS: Final[Mapping[str, Callable[[API], JSON]]] = {
    "/api/v1/images/": image,
    "/api/v1/jobs/": _job,
    "/api/v1/batches/": _batch,
    "/api/v1/dead-letters/": _letter,
    "/api/v1/presets/": _preset,
    "/status/": _request,
    "/api/status/": _request,
}
"""How the things of a path are made: the values of its parameters, for one that is there."""


def prefix_of(path: str) -> str:
    """Give what stands before a path's first parameter."""
    return path[: path.index("{")]


def made(api: API, paths: Iterable[str]) -> dict[str, JSON]:
    """Make one of each thing that these paths name; a path of things that no maker knows fails."""
    prefixes = {prefix_of(path) for path in paths}
    assert prefixes <= MAKERS.keys(), f"say how these are made: {prefixes - MAKERS.keys()}"
    return {prefix: MAKERS[prefix](api) for prefix in sorted(prefixes)}
