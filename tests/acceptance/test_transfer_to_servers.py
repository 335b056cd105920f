"""An installation moves from its folder to PostgreSQL and an object store, and serves there.

PostgreSQL is the real one; moto stands in the place of S3, and checks no signatures.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, good
from tests.acceptance.system import eventually, started, surroundings
from tests.backup.folders import Data
from tests.chaos.ledger import events
from tests.cli.programs import IMAGEMILL, imagemill
from tests.peers.moto import moto_server
from tests.peers.postgres import postgres_server
from tests.peers.proof import server_mark

_SETTINGS = {"jobs_lease_s": "2"}


pytestmark = [pytest.mark.timeout(240), *server_mark("postgres")]


@pytest.fixture
def engines() -> Iterator[Mapping[str, str]]:
    """Give the settings of a PostgreSQL and an object store that hold nothing."""
    with contextlib.ExitStack() as opened:
        rows = opened.enter_context(postgres_server())
        objects = opened.enter_context(moto_server())
        yield {
            "database_url": rows.url,
            "storage_url": "s3://",
            "storage_endpoint": objects.url,
            "storage_access_key": "key",
            "storage_secret_key": "secret",
            "storage_create_buckets": "true",
        }


def test_what_was_in_a_folder_is_served_from_postgresql_and_s3(
    tmp_path: Path, engines: Mapping[str, str]
) -> None:
    data, new = tmp_path / "data", tmp_path / "new"
    with started(data, settings=_SETTINGS) as system, API(system) as api:
        eventually(api.is_ready)
        job = api.completed(api.short("resize", pictures.jpeg(), width=20))
        result = api.result(job)
        image = api.upload(pictures.jpeg(400, 300))
        slow = {"result": [{"op": "convert", "format": "avif", "effort": 4, "quality": 60}]}
        waiting = [good(api.submit(image["image_id"], slow, fresh=True)) for _ in range(4)]
        system.kill()
    for number in range(200):
        Data(data).add_result(f"{number}".encode() * 100)
    last = max(each.seq for each in events(data))

    environment = {f"IMAGEMILL_{name.upper()}": value for name, value in engines.items()}
    looked = imagemill(
        "transfer", "--from", data, "--data", new, "--dry-run", cwd=tmp_path, **environment
    )
    migrated = imagemill("migrate", "--data", new, cwd=tmp_path, **environment)
    killed(data, new, environment)
    said = imagemill(
        "transfer", "--from", data, "--data", new, "--keys", new, cwd=tmp_path, **environment
    )

    assert "The new storage cannot be used yet: " not in looked.err
    assert (migrated.code, said.code) == (0, 0), migrated.err + said.err
    assert not (new / "databases").exists()
    assert not (new / "objects").exists()
    with started(new, settings={**_SETTINGS, **engines}) as system, API(system) as api:
        eventually(api.is_ready)
        moved = api.job(job["job_id"])
        found = good(api.get(f"/api/v1/images/{image['image_id']}"))
        eventually(
            lambda: all(api.job(each["job_id"])["status"] == "completed" for each in waiting),
            within_s=90,
        )
        numbers = [each["id"] for each in events_of(api, waiting[0]["job_id"])]

        assert (moved, api.result(moved)) == (job, result)
        assert found["sha256"] == image["sha256"]
        assert max(numbers) > last


def killed(data: Path, new: Path, environment: Mapping[str, str]) -> None:
    """Run a transfer, and kill it while objects arrive."""
    command = [*IMAGEMILL, "transfer", "--from", str(data), "--data", str(new)]
    with subprocess.Popen(
        command, env=surroundings() | dict(environment), stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr
        for line in running.stderr:
            if line.startswith("users:"):
                break
        running.send_signal(signal.SIGKILL)


def events_of(api: API, job_id: str) -> list[dict[str, int]]:
    """Read the events of a job with their numbers."""
    found: list[dict[str, int]] = good(api.get(f"/api/v1/jobs/{job_id}", params={"after": 0}))[
        "events"
    ]
    return found
