"""The whole system on PostgreSQL, as people use it, and while the server goes and comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagemill import assembly
from imagemill.settings import Settings
from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good
from tests.acceptance.sse import events_of
from tests.acceptance.system import eventually, started
from tests.peers.postgres import PostgresServer, postgres_server
from tests.peers.proof import server_mark

pytestmark = [*server_mark("postgres"), pytest.mark.timeout(150)]

SMALL: dict[str, list[JSON]] = {"small": [{"op": "resize", "width": 32}]}


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with postgres_server(is_synced=True) as running:
        yield running


def settings_of(server: PostgresServer) -> Mapping[str, str]:
    return {"database_url": server.url, "jobs_lease_s": "3", "jobs_sweep_every_s": "0.5"}


def test_the_same_is_done_on_postgres_and_its_restart_loses_nothing(
    server: PostgresServer, tmp_path: Path
) -> None:
    asyncio.run(assembly.migrate(Settings.load({}, **{"database.url": server.url})))

    with (
        started(tmp_path / "data", settings=settings_of(server)) as system,
        API(system) as api,
    ):
        eventually(api.is_ready)
        form = {"tags": "harbour", "metadata": '{"of": "atlas"}'}
        files = {"file": ("Ärmelkanal.jpg", pictures.jpeg())}
        image_id = good(api.post("/api/v1/images", files=files, data=form))["image_id"]
        job = api.completed(api.submit(image_id, SMALL))
        stream = events_of(api.get(f"/api/v1/jobs/{job['job_id']}/events").text)
        ids = [api.upload(pictures.jpeg(70 + n))["image_id"] for n in range(3)]
        asked = {"items": [{"input": {"image_id": each}} for each in ids], "outputs": SMALL}
        batch = good(api.post("/api/v1/batches", json=asked))["batch_id"]
        told = events_of(api.get(f"/api/v1/batches/{batch}/events").text)

        assert pictures.opened(api.result(job, "small")).size == (32, 24)
        assert stream[-1]["type"] == "job.completed"
        assert told[-1]["type"] == "batch.completed"
        for query in ("tag=harbour", "metadata.of=atlas", "q=armelkanal", "max_width=64"):
            found = good(api.get(f"/api/v1/images?{query}"))["images"]
            assert [each["image_id"] for each in found] == [image_id]

        promised = restarted_under_load(server, api, image_id)

        assert len(promised) >= 20
        for job_id in promised:
            eventually(lambda: api.job(job_id)["status"] == "completed", within_s=60)  # noqa: B023 - looked at now
        eventually(api.is_ready)
        assert system.is_running


def restarted_under_load(server: PostgresServer, api: API, image_id: str) -> list[str]:
    """Ask for jobs before, while and after the server is away; give those that were promised."""

    def ask(number: int) -> tuple[int, str]:
        outputs = {"small": [{"op": "resize", "width": 10 + number}]}
        answer = api.submit(image_id, outputs, fresh=True)
        return answer.status_code, answer.json().get("job_id", "")

    with ThreadPoolExecutor(4) as people:
        before = [people.submit(ask, number) for number in range(20)]
        answers = [before[0].result(), before[1].result()]
        server.stop("immediate")
        away = [ask(number) for number in range(20, 23)]
        answers += [each.result() for each in before[2:]]
        server.start()
        answers += away

        def after() -> tuple[int, str] | None:
            status, job_id = ask(30)
            return (status, job_id) if status == 202 else None

        answers += [eventually(after, within_s=30)]
        answers += [ask(number) for number in range(40, 60)]
    assert {status for status, _ in away} == {503}
    assert {status for status, _ in answers} <= {202, 503}
    return [job_id for status, job_id in answers if status == 202]
