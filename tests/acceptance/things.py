"""One of each thing that a path can name, made as a user makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good

SMALL: Final = {"small": [{"op": "resize", "width": 8}]}
IN_NO_TIME: Final = {"timeout_s": 1, "max_retries": 0, "fresh": True}
SLOW: Final = {"slow": [{"op": "filter", "type": "median", "size": 15}]}
EVERYBODYS: Final = (
    "/api/v1/operations/",
    "/api/v1/accounts/",
    "/public/",
    "/api/v1/uploads/stored/",
)
"""Routes that name what belongs to nobody, is for admins, for anybody, or opened by signature."""
TUS: Final = {"tus-resumable": "1.0.0"}
CHUNK: Final = {
    **TUS,
    "upload-offset": "0",
    "content-type": "application/offset+octet-stream",
    "x-http-method-override": "PATCH",
}
"""What a chunk of a resumable upload is sent with."""


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


def _key(api: API) -> JSON:
    made = good(api.post("/api/v1/api-keys", json={"name": "of a test", "scopes": ["jobs:read"]}))
    return {"key_id": made["key_id"]}


def _upload(api: API) -> JSON:
    return {"upload_id": good(api.post("/api/v1/uploads/presign", json={}))["upload_id"]}


def _tus(api: API) -> JSON:
    answer = api.post("/api/v1/uploads/tus", headers={**TUS, "upload-length": "10"})
    assert answer.status_code == 201, answer.text
    return {"upload_id": answer.headers["location"].rpartition("/")[2]}


def _webhook(api: API) -> JSON:
    asked = {"url": "https://hooks.example.com/in", "events": ["job.completed"]}
    webhook_id = good(api.post("/api/v1/webhooks", json=asked))["webhook_id"]
    tested = api.post(f"/api/v1/webhooks/{webhook_id}/test")
    assert tested.is_success, tested.text
    return {"webhook_id": webhook_id, "delivery_id": tested.json()["delivery_id"]}


MAKERS: Final[Mapping[str, Callable[[API], JSON]]] = {
    "/api/v1/images/": image,
    "/api/v1/jobs/": _job,
    "/api/v1/batches/": _batch,
    "/api/v1/dead-letters/": _letter,
    "/api/v1/presets/": _preset,
    "/api/v1/api-keys/": _key,
    "/api/v1/uploads/": _upload,
    "/api/v1/uploads/tus/": _tus,
    "/api/v1/webhooks/": _webhook,
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
