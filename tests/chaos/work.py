"""What the scenarios ask for, and how they see that all of it ended."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx2

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good
from tests.acceptance.system import System, eventually

FINAL = frozenset({"completed", "failed", "cancelled"})
_PAGE = 100
"""Jobs in one answer of the list, at most."""
Steps = list[JSON]


def tiny(index: int) -> Steps:
    """Make work that costs next to nothing and is no other job's."""
    return [{"op": "adjust", "brightness": 1 + index / 100_000}]


def mixed(index: int, rng: random.Random, *, slow_share: float) -> Steps:
    """Make work of 10 ms, 300 ms or 0.5 to 1 s of one processor, unlike every other job's."""
    quality = 30 + index % 60
    if rng.random() < slow_share:
        return [{"op": "resize", "width": 300 + index % 120}, avif(quality, effort=6)]
    if rng.random() < 0.3:
        return [{"op": "resize", "width": 400 + index % 60}, avif(quality, effort=4)]
    webp = {"op": "convert", "format": "webp", "quality": quality}
    return [{"op": "resize", "width": 100 + index % 700}, webp]


def slow(index: int = 0) -> Steps:
    """Make work of about two seconds, of a picture of half a megapixel."""
    return [avif(50 + index % 40, effort=4)]


@dataclass
class Client:
    """One user who submits jobs, and remembers the ids that were answered with 202."""

    system: Callable[[], System]
    """The program that listens at the moment; it may be killed at any."""
    promised: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    """Other answers, by status, and calls without one."""

    def submit(self, steps: Steps, picture: bytes) -> str | None:
        """Upload a picture with work on it; give the id of the job if it was promised."""
        return self._noted(lambda api: api.post("/api/v1/jobs", **_form(steps, picture)))

    def ask(self, steps: Steps, image_id: str) -> str | None:
        """Ask for work on an image that is kept; give the id of the job if it was promised."""
        return self._noted(lambda api: api.submit(image_id, {"result": steps}))

    def _noted(self, send: Callable[[API], httpx2.Response]) -> str | None:
        try:
            with API(self.system()) as api:
                answer = send(api)
        except (httpx2.HTTPError, OSError, AssertionError) as lost:
            self.refused[type(lost).__name__] += 1
            return None
        if answer.status_code != HTTPStatus.ACCEPTED:
            self.refused[str(answer.status_code)] += 1
            return None
        self.promised.append(answer.json()["job_id"])
        return self.promised[-1]


def submitted(
    api: API, image_ids: Sequence[str], plan: Sequence[Steps], lanes: int = 8
) -> list[str]:
    """Ask for each plan's work on one of the images, some at once; every answer must be 202."""

    def one(at: int) -> str:
        answer = api.submit(image_ids[at % len(image_ids)], {"result": plan[at]})
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        return str(answer.json()["job_id"])

    with ThreadPoolExecutor(lanes) as pool:
        return list(pool.map(one, range(len(plan))))


def uploaded(api: API, count: int, width: int = 64, height: int = 48) -> list[str]:
    """Upload some new pictures; give the ids of the images."""
    return [api.upload(pictures.jpeg(width, height))["image_id"] for _ in range(count)]


def all_ended(api: API, *, within_s: float) -> None:
    """Wait until no job waits or is worked on."""
    eventually(lambda: is_quiet(api), within_s=within_s, what="the end of all jobs")


def is_quiet(api: API) -> bool:
    """Tell whether every job has ended, and outlast a system that does not answer now.

    One page of each state is cheap but not one moment: a job may go back from the second to the
    first while they are read. So the whole list is read when both are empty.
    """
    time.sleep(0.1)  # sleeps: a look costs the busy system two queries
    try:
        is_empty = not any(_some(api, each) for each in ("queued", "processing"))
        return is_empty and FINAL.issuperset(statuses(api).values())
    except (httpx2.HTTPError, AssertionError):
        return False


def jobs(api: API) -> Iterator[JSON]:
    """Yield every job, the newest first."""
    cursor = ""
    while True:
        page = good(api.get("/api/v1/jobs", params={"limit": _PAGE, "cursor": cursor}))
        yield from page["jobs"]
        cursor = page["next"] or ""
        if not cursor:
            return


def statuses(api: API) -> Mapping[str, str]:
    """Map the id of every job to where it stands."""
    return {each["job_id"]: each["status"] for each in jobs(api)}


def _some(api: API, status: str) -> bool:
    return bool(good(api.get("/api/v1/jobs", params={"status": status, "limit": 1}))["jobs"])


def avif(quality: int, *, effort: int) -> JSON:
    """Ask for an AVIF; of all encodings here it is the one that takes time."""
    return {"op": "convert", "format": "avif", "quality": quality, "effort": effort}


def _form(steps: Steps, picture: bytes) -> JSON:
    job = json.dumps({"outputs": {"result": steps}})
    return {"files": {"file": ("picture", picture)}, "data": {"job": job}}
