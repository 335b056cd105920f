"""Whatever is killed meanwhile, a job that was answered with 202 comes to its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, problem
from tests.acceptance.system import (
    PROGRAM,
    System,
    decoders,
    descendants,
    eventually,
    is_alive,
    started,
    surroundings,
)
from tests.peers.ports import free_port

pytestmark = pytest.mark.timeout(150)

QUICKLY = {"jobs_lease_s": "2", "jobs_sweep_every_s": "0.3"}
"""Settings with which a job of a dead worker is taken back soon."""
SLOW: list[JSON] = [{"op": "convert", "format": "avif", "effort": 4, "quality": 60}]
"""Takes seconds for half a megapixel of grain, so that there is time to kill its decoder."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def submitted(api: API, count: int) -> list[str]:
    """Ask for jobs on as many pictures; answer their ids."""
    answers = [api.short("resize", pictures.jpeg(600, 450), width=300) for _ in range(count)]
    assert {each.status_code for each in answers} == {202}
    return [each.json()["job_id"] for each in answers]


def all_completed(api: API, jobs: list[str]) -> bool:
    return {api.job(each)["status"] for each in jobs} == {"completed"}


def test_a_job_survives_the_death_of_its_decoder(data: Path) -> None:
    with started(data) as system, API(system) as api:
        eventually(api.is_ready)
        image_id = api.upload(pictures.jpeg(900, 600))["image_id"]
        answer = api.submit(image_id, {"slow": SLOW})
        job_id = answer.json()["job_id"]
        eventually(lambda: api.job(job_id)["status"] == "processing")

        for pid in decoders(system.pid):
            os.kill(pid, signal.SIGKILL)

        job = api.completed(answer)
        assert job["attempts"] == 2
        assert system.is_running


def test_jobs_survive_the_death_of_the_whole_program(data: Path) -> None:
    with started(data, settings=QUICKLY) as system, API(system) as api:
        eventually(api.is_ready)
        jobs = submitted(api, 25)
        system.kill()

    with started(data, port=system.port, settings=QUICKLY) as again, API(again) as api:
        eventually(lambda: all_completed(api, jobs), within_s=90)

        for job_id in jobs:
            job = api.job(job_id)
            assert len(api.result(job)) == job["result"]["size_bytes"]


def test_jobs_survive_an_orderly_end(data: Path) -> None:
    with started(data, settings=QUICKLY) as system, API(system) as api:
        eventually(api.is_ready)
        jobs = submitted(api, 10)
        children = descendants(system.pid)

        code = system.stop()

        assert code == 0
        assert "Traceback" not in system.said()
        eventually(lambda: not any(map(is_alive, children)))

    with started(data, settings=QUICKLY) as again, API(again) as api:
        eventually(lambda: all_completed(api, jobs), within_s=90)


def test_jobs_survive_the_death_of_the_jobs_service_alone(data: Path) -> None:
    with contextlib.ExitStack() as opened:
        run = opened.enter_context
        peers = {"peers_jobs": f"http://127.0.0.1:{(port := free_port())}"}
        users = run(started(data, "users"))
        peers |= {"peers_users": users.url}
        uploads = run(started(data, "uploads", settings=peers))
        peers |= {"peers_uploads": uploads.url}
        jobs = run(started(data, "jobs", port=port, settings={**peers, **QUICKLY}))
        worker = run(started(data, "worker", settings=peers))
        api = run(API(run(started(data, "gateway", settings=peers))))
        eventually(api.is_ready)
        promised = submitted(api, 8)

        jobs.kill()
        problem(api.get(f"/api/v1/jobs/{promised[0]}"), 503, "unavailable")
        run(started(data, "jobs", port=jobs.port, settings={**peers, **QUICKLY}))

        eventually(api.is_ready)
        eventually(lambda: all_completed(api, promised), within_s=90)
        assert worker.is_running


def test_what_was_kept_is_there_after_a_restart(data: Path) -> None:
    with started(data) as system, API(system) as api:
        picture = pictures.jpeg()
        image = api.upload(picture)
        first = api.completed(api.short("resize", picture, width=20))

    with started(data) as again, API(again) as api:
        assert again.key == system.key
        assert api.get(image["url"]).content == picture
        assert api.result(api.job(first["job_id"])) == api.result(first)
        assert api.short("resize", picture, width=20).json()["cached"] is True


@pytest.mark.parametrize("left", [None, b"half"])
def test_a_result_whose_file_is_gone_or_cut_is_made_again(
    system: System, left: bytes | None
) -> None:
    picture = pictures.jpeg(80, 60)
    with API(system) as api:
        job = api.completed(api.short("blur", picture, sigma=2, fresh=1))
        content = api.result(job)
        (file,) = [each for each in results(system) if each.read_bytes() == content]
        file.unlink()
        if left is not None:
            file.write_bytes(left)

        again = api.short("blur", picture, sigma=2)

        assert again.json()["cached"] is False
        assert api.result(api.completed(again)) == content
        assert api.short("blur", picture, sigma=2).json()["cached"] is True


def results(system: System) -> list[Path]:
    return [each for each in (system.data / "objects/results").rglob("*") if each.is_file()]


def test_a_port_that_is_taken_is_told_in_one_line(system: System, tmp_path: Path) -> None:
    command = [str(PROGRAM), "serve", "--port", str(system.port), "--data", str(tmp_path)]

    second = subprocess.run(
        command, env=surroundings(), capture_output=True, text=True, timeout=30, check=False
    )

    told = (second.stdout + second.stderr).strip()
    assert second.returncode == 1
    assert len(told.splitlines()) == 1
    assert str(system.port) in told
    assert not list(tmp_path.iterdir())
