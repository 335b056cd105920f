"""What fails again and again is left alone, is told of, and is found again when it is back."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, problem
from tests.acceptance.system import eventually, started
from tests.peers.ports import free_port

pytestmark = pytest.mark.timeout(120)

SOON = {"breaker_failures": "2", "breaker_rest_s": "0.3", "breaker_longest_rest_s": "3"}
NOT_SYNCED = {"durability": "written"}


def status(api: API, process: str) -> str:
    """Read how a process says that it is."""
    return str(api.get("/health").json()["processes"][process]["status"])


def breakers(api: API, process: str = "") -> JSON:
    """Read the breakers of the gateway's process, or of another that it asks."""
    told = api.get("/health").json()
    found: JSON = (told["processes"][process] if process else told)["breakers"]
    return found


def test_a_service_that_is_down_is_left_alone_until_it_is_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with contextlib.ExitStack() as opened:
        run = opened.enter_context
        at = free_port()
        peers = {"peers_jobs": f"http://127.0.0.1:{at}"}
        users = run(started(data, "users"))
        peers |= {"peers_users": users.url}
        uploads = run(started(data, "uploads", settings=peers))
        peers |= {"peers_uploads": uploads.url}
        jobs = run(started(data, "jobs", port=at, settings={**peers, **SOON}))
        worker = run(started(data, "worker", settings={**peers, **SOON}))
        peers |= {"peers_worker": worker.url}
        api = run(API(run(started(data, "gateway", settings={**peers, **SOON}))))
        eventually(api.is_ready)
        before = breakers(api)

        jobs.kill()
        eventually(lambda: breakers(api)["jobs"]["state"] != "closed")
        refused = api.get("/api/v1/operations")
        worker_told = breakers(api, "worker")
        run(started(data, "jobs", port=jobs.port, settings={**peers, **SOON}))
        eventually(api.is_ready)
        eventually(lambda: breakers(api, "worker")["jobs"]["state"] == "closed")

        assert {each["state"] for each in before.values()} == {"closed"}
        assert set(before) == {"users", "uploads", "jobs", "worker"}
        problem(refused, 503, "unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        assert set(worker_told) == {"jobs", "storage.read", "storage.write"}
        assert breakers(api)["jobs"]["openings"] >= 1
        api.completed(api.short("flip", pictures.jpeg()))


def test_a_storage_that_fails_is_told_by_health_and_recovers_by_itself(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started(data, settings=SOON) as system, API(system) as api:
        eventually(api.is_ready)
        image = api.upload(pictures.jpeg())
        (data / "objects").rename(data / "aside")
        (data / "objects").touch()

        eventually(lambda: breakers(api)["storage.write"]["state"] == "open")
        refused = api.post("/api/v1/images", content=pictures.jpeg())
        ready = api.get("/health/ready")
        told = {status(api, "uploads"), status(api, "worker")}
        eventually(lambda: status(api, "jobs") == "unavailable")
        (data / "objects").unlink()
        (data / "aside").rename(data / "objects")
        eventually(api.is_ready)

        problem(refused, 503, "unavailable")
        assert (ready.status_code, ready.text) == (503, "waiting")
        assert told == {"unavailable"}
        assert api.get(image["url"]).status_code == 200
        eventually(lambda: api.post("/api/v1/images", content=pictures.jpeg()).is_success)


def test_a_system_that_does_not_sync_works_all_the_same(tmp_path: Path) -> None:
    with started(tmp_path / "data", settings=NOT_SYNCED) as system:
        with API(system) as api:
            eventually(api.is_ready)
            job = api.completed(api.short("flip", pictures.jpeg()))
        system.kill()

    with started(tmp_path / "data", settings=NOT_SYNCED) as again, API(again) as api:
        eventually(api.is_ready)

        assert api.result(api.job(job["job_id"]))
