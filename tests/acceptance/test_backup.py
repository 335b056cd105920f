"""A backup that is taken under load becomes, elsewhere, a system that has lost nothing."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON
from tests.acceptance.system import System, eventually, started
from tests.backup.folders import flip
from tests.cli.programs import Said, imagemill

pytestmark = pytest.mark.timeout(240)

SLOW: list[JSON] = [{"op": "convert", "format": "avif", "effort": 4, "quality": 60}]
"""Takes long enough that some of these jobs wait when a backup begins."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


class Load(threading.Thread):
    """Somebody who uploads pictures and asks for jobs without a pause."""

    def __init__(self, system: System) -> None:
        super().__init__(daemon=True)
        self.jobs: list[str] = []
        """Ids that were answered with 202, in order."""
        self._system = system
        self._is_over = threading.Event()

    def run(self) -> None:
        with API(self._system) as api:
            while not self._is_over.is_set():
                answer = api.short("resize", pictures.jpeg(300, 200), width=60)
                assert answer.status_code == 202, answer.text
                self.jobs.append(answer.json()["job_id"])

    def stop(self) -> None:
        self._is_over.set()
        self.join()


@contextlib.contextmanager
def loaded(system: System) -> Iterator[Load]:
    """Keep a system busy for a block."""
    load = Load(system)
    load.start()
    try:
        yield load
    finally:
        load.stop()


def completed(api: API, jobs: list[str]) -> list[str]:
    """List those of the jobs that have come to their good end."""
    return [each for each in jobs if api.job(each)["status"] == "completed"]


def results_of(api: API, jobs: list[str]) -> dict[str, str]:
    """Give the digests of the results of those jobs that are completed."""
    return {
        each: hashlib.sha256(api.result(api.job(each))).hexdigest() for each in completed(api, jobs)
    }


def succeeded(said: Said) -> None:
    assert said.code == 0, said.err


def test_a_backup_taken_under_load_loses_no_promise(data: Path, folder: Path) -> None:
    with started(data) as system, API(system) as api, loaded(system) as load:
        eventually(lambda: len(load.jobs) >= 20, within_s=60)
        image_id = api.upload(pictures.jpeg(400, 300))["image_id"]
        slow = [api.submit(image_id, {"result": SLOW}, fresh=True) for _ in range(6)]
        promised = [*load.jobs, *(each.json()["job_id"] for each in slow)]
        were = results_of(api, promised)

        succeeded(imagemill("backup", folder, "--data", data))

        during = len(load.jobs) - len(promised)
        succeeded(imagemill("backup", folder, "--data", data))
        succeeded(imagemill("backup", "--check", folder))
    elsewhere = data.with_name("elsewhere")
    succeeded(imagemill("restore", folder, "--data", elsewhere))
    data.rename(data.with_name("lost"))

    with started(elsewhere, settings={"jobs_lease_s": "2"}) as again, API(again) as api:
        eventually(api.is_ready)
        eventually(lambda: completed(api, promised) == promised, within_s=120)
        now = results_of(api, promised)

    assert during > 0
    assert len(were) >= 10
    assert {job_id: now[job_id] for job_id in were} == were


def test_jobs_that_waited_are_done_by_the_restored_system(data: Path, folder: Path) -> None:
    with started(data) as system, API(system) as api:
        eventually(api.is_ready)
        image_id = api.upload(pictures.jpeg(400, 300))["image_id"]
        answers = [api.submit(image_id, {"result": SLOW}, fresh=True) for _ in range(10)]
        promised = [each.json()["job_id"] for each in answers]

        succeeded(imagemill("backup", folder, "--data", data))

        system.kill()
    elsewhere = data.with_name("elsewhere")
    succeeded(imagemill("restore", folder, "--data", elsewhere))

    with started(elsewhere, settings={"jobs_lease_s": "2"}) as again, API(again) as api:
        eventually(api.is_ready)
        waiting = len(promised) - len(completed(api, promised))
        eventually(lambda: completed(api, promised) == promised, within_s=120)

    assert waiting > 0


def test_a_flipped_byte_is_refused_and_nothing_is_put_in_place(data: Path, folder: Path) -> None:
    with started(data) as system, API(system) as api:
        eventually(api.is_ready)
        api.completed(api.short("resize", pictures.jpeg(), width=20))
        succeeded(imagemill("backup", folder, "--data", data))
    flip(next(folder.glob("objects/results/*/*")))

    checked = imagemill("backup", "--check", folder)
    restored = imagemill("restore", folder, "--data", data.with_name("elsewhere"))

    assert (checked.code, restored.code) == (1, 1)
    assert "The backup is damaged: objects/results/" in restored.err
    assert not list(data.parent.glob("*elsewhere*"))
