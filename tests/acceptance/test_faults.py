"""Each point at which a process can be made to die: what was promised is kept all the same."""

from __future__ import annotations

import contextlib
from pathlib import Path

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good
from tests.acceptance.system import System, eventually, started

pytestmark = pytest.mark.timeout(150)

QUICKLY = {"jobs_lease_s": "2", "jobs_sweep_every_s": "0.3"}
POINTS = {
    "after_lease:kill": 2,
    "mid_decode:kill": 2,
    "half_written:kill:2": 2,
    "after_store:kill": 2,
    "after_record:kill": 1,
    "before_notify:kill:3": 1,
    "after_notify:kill:3": 1,
}
"""Faults, and the attempts that the job takes then. The first object to be written is the original;
the third event is the job's end."""


@pytest.mark.parametrize(("fault", "attempts"), POINTS.items(), ids=POINTS)
def test_a_job_is_done_once_whatever_point_its_process_dies_at(
    tmp_path: Path, fault: str, attempts: int
) -> None:
    data = tmp_path / "data"
    with started(data, settings={"fault": fault, "test_faults": "1", **QUICKLY}) as system:
        with API(system) as api, contextlib.suppress(httpx2.TransportError):
            eventually(api.is_ready)
            image_id = api.upload(pictures.jpeg())["image_id"]
            # It may die before it has answered.
            api.submit(image_id, {"small": [{"op": "resize", "width": 20}]})
        eventually(lambda: died(system, fault))

    with started(data, settings=QUICKLY) as again, API(again) as api:
        eventually(lambda: the_job(api)["status"] == "completed", within_s=60)
        job = the_job(api)

        assert job["attempts"] == attempts
        assert pictures.opened(api.result(job, "small")).size == (20, 15)


def died(system: System, fault: str) -> bool:
    """Tell whether the program ended, and by the fault."""
    return not system.is_running and f'"point": "{fault.partition(":")[0]}"' in system.said()


def the_job(api: API) -> JSON:
    """Read the one job that there is."""
    (listed,) = good(api.get("/api/v1/jobs"))["jobs"]
    return api.job(listed["job_id"])
