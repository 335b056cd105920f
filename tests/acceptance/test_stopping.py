"""Who stops a system loses nothing: work in hand ends, or is given back at no cost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good
from tests.acceptance.system import System, eventually, started

pytestmark = pytest.mark.timeout(120)

SLOW: dict[str, list[JSON]] = {"slow": [{"op": "convert", "format": "avif", "effort": 5}]}
"""Takes some seconds for 0.7 megapixels of grain."""
ONE = {"worker_concurrency": "1", "worker_prefetch": "1", "jobs_sweep_every_s": "0.2"}


def at_work(api: API, **terms: object) -> str:
    """Begin a job that takes some seconds."""
    image_id = api.upload(pictures.jpeg(1000, 700))["image_id"]
    job_id = str(api.submit(image_id, SLOW, **terms).json()["job_id"])
    eventually(lambda: api.job(job_id)["status"] == "processing")
    return job_id


def attempts(system: System, job_id: str) -> list[tuple[int, str]]:
    """Read how a job's attempts ended, which only a dead letter tells over HTTP."""
    path = system.data / "databases" / "jobs.sqlite"
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        return connection.execute(
            "SELECT number, outcome FROM attempts WHERE job_id = ? ORDER BY number", (job_id,)
        ).fetchall()


def test_work_that_outlasts_the_grace_is_given_back_and_ends_after_the_restart(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    with started(data, settings={**ONE, "worker_grace_s": "1"}) as system, API(system) as api:
        eventually(api.is_ready)
        job_id = at_work(api, max_retries=0)
        waiting = api.short("flip", pictures.jpeg()).json()["job_id"]

        code = system.stop()

        assert (code, "Traceback" in system.said()) == (0, False), system.said()[-3000:]
        assert attempts(system, job_id) == [(1, "given_back")]

    with started(data, settings=ONE) as again, API(again) as api:
        eventually(
            lambda: {api.job(each)["status"] for each in (job_id, waiting)} == {"completed"},
            within_s=60,
        )
        assert attempts(again, job_id) == [(1, "given_back"), (2, "finished")]
        assert {outcome for _, outcome in attempts(again, waiting)} <= {"given_back", "finished"}


def test_work_that_ends_within_the_grace_is_recorded_before_the_end(tmp_path: Path) -> None:
    with started(tmp_path / "data", settings=ONE) as system, API(system) as api:
        eventually(api.is_ready)
        image_id = api.upload(pictures.jpeg(1000, 700))["image_id"]
        median: dict[str, list[JSON]] = {"m": [{"op": "filter", "type": "median", "size": 15}]}
        job_id = api.submit(image_id, median).json()["job_id"]
        eventually(lambda: api.job(job_id)["status"] != "queued")

        assert system.stop() == 0

        assert attempts(system, job_id) == [(1, "finished")]


def test_a_system_that_is_stopping_is_not_ready_and_still_answers(tmp_path: Path) -> None:
    with started(tmp_path / "data", settings=ONE) as system, API(system) as api:
        eventually(api.is_ready)
        job_id = at_work(api)

        system.tell()

        eventually(lambda: not api.is_ready())
        assert api.get("/health/ready").status_code == 503
        assert api.get("/health/live").status_code == 200
        good(api.post(f"/api/v1/jobs/{job_id}/cancel"))
        assert system.ended() == 0
