"""The whole program on what stands in for Kafka and SQS, with a worker that joins and is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API
from tests.acceptance.system import eventually, started
from tests.peers.kafka_mock import kafka_mock
from tests.peers.moto import moto_server
from tests.peers.proof import server_mark
from tests.peers.tansu import tansu_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

Given = Mapping[str, str]
"""Settings of the whole program."""


class Opener(Protocol):
    """Starts a broker, and gives the settings with which the program finds it."""

    def __call__(self) -> AbstractContextManager[Given]: ...


@contextmanager
def on_tansu() -> Iterator[Given]:
    with tansu_server() as server:
        yield {"queue_url": server.url, "queue_kafka_idempotent": "false", "queue_lease_s": "6"}


@contextmanager
def on_a_mock() -> Iterator[Given]:
    with kafka_mock() as server:
        yield {"queue_url": server.url, "queue_lease_s": "6"}


@contextmanager
def on_moto() -> Iterator[Given]:
    with moto_server() as server:
        yield {
            "queue_url": "sqs://eu-west-1",
            "queue_sqs_endpoint_url": server.endpoint,
            "queue_sqs_access_key_id": "test",
            "queue_sqs_secret_access_key": "test",
            "queue_sqs_wait_s": "1",
            "queue_lease_s": "3",
        }


BROKERS: Final[Mapping[str, Opener]] = {
    "tansu": on_tansu,
    "kafka_mock": on_a_mock,
    "moto": on_moto,
}


@pytest.fixture(params=[pytest.param(name, marks=server_mark(name)) for name in BROKERS])
def given(request: pytest.FixtureRequest) -> Iterator[Given]:
    with BROKERS[request.param]() as settings:
        yield {"worker_concurrency": "1", "jobs_lease_s": "5", **settings}


def submitted(api: API, count: int) -> list[str]:
    """Ask for jobs on as many pictures; answer their ids."""
    answers = [api.short("resize", pictures.jpeg(600, 450), width=300) for _ in range(count)]
    assert {each.status_code for each in answers} == {202}
    return [each.json()["job_id"] for each in answers]


def all_completed(api: API, jobs: list[str]) -> bool:
    return {api.job(each)["status"] for each in jobs} == {"completed"}


def ends_of(api: API, job_id: str) -> Counter[str]:
    """Count what the log of events says of a job."""
    told = api.get(f"/api/v1/jobs/{job_id}", params={"after": 0}).json()["events"]
    return Counter(each["type"] for each in told)


def test_two_workers_share_the_jobs_and_one_does_those_of_the_other_that_was_killed(
    given: Given, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with started(data, settings=given) as system, API(system) as api:
        eventually(api.is_ready)
        jobs = submitted(api, 5)
        peers = {**given, "peers_jobs": system.url}
        with started(data, "worker", settings=peers) as second:
            assert second.url
            jobs += submitted(api, 10)
            eventually(lambda: all_completed(api, jobs), within_s=60, what="all jobs")
            late = submitted(api, 5)
            second.kill()
        eventually(lambda: all_completed(api, late), within_s=60, what="the late jobs")

        for job_id in [*jobs, *late]:
            assert ends_of(api, job_id)["job.completed"] == 1
