"""The whole program with a broker in its middle, which is killed, and which loses everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, good
from tests.acceptance.system import eventually, started
from tests.chaos.ledger import events
from tests.peers.nats import nats_server
from tests.peers.proof import server_mark
from tests.peers.rabbitmq import rabbitmq_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ALL_BACK_S: Final = 60.0
"""Within this long after a broker lost everything, all jobs that waited are done."""


WAITING: Final = 500
"""Jobs that are not done when the broker loses everything, at the least."""
ASKED: Final = 600
"""Jobs that are asked for in one batch before that."""


class Server(Protocol):
    """A broker that may be killed."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def wipe(self) -> None: ...

    @property
    def url(self) -> str: ...


SERVERS: Final[dict[str, Callable[[Path], AbstractContextManager[Server]]]] = {
    "nats": nats_server,
    "rabbitmq": rabbitmq_server,
}


@pytest.fixture(params=[pytest.param(name, marks=server_mark(name)) for name in SERVERS])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with SERVERS[request.param](folder) as server:
        yield server


def submitted(api: API, count: int) -> list[str]:
    """Ask for jobs on as many pictures; answer their ids."""
    answers = [api.short("resize", pictures.jpeg(600, 450), width=300) for _ in range(count)]
    assert {each.status_code for each in answers} == {202}
    return [each.json()["job_id"] for each in answers]


def many(api: API, count: int) -> str:
    """Ask for as many cheap jobs in one request, so that they wait; answer where they stand."""
    image_id = api.upload(pictures.jpeg(160, 120))["image_id"]
    steps = ({"op": "blur", "sigma": 1 + n / 1000} for n in range(count))
    items = [{"input": {"image_id": image_id}, "outputs": {"result": [step]}} for step in steps]
    return str(good(api.post("/api/v1/batches", json={"items": items}))["url"])


def done(api: API, batch: str) -> int:
    return int(good(api.get(batch))["completed"])


def all_completed(api: API, jobs: list[str]) -> bool:
    return {api.job(each)["status"] for each in jobs} == {"completed"}


def completions(data: Path) -> Counter[str]:
    """Count, for each job, how often the log of events says that it was completed."""
    return Counter(each.job_id for each in events(data) if each.type == "job.completed")


def test_jobs_outlast_a_broker_that_is_killed_and_one_that_loses_everything(
    broker: Server, tmp_path: Path
) -> None:
    settings = {"queue_url": broker.url, "worker_concurrency": "1"}
    with started(tmp_path / "data", settings=settings) as system, API(system) as api:
        eventually(api.is_ready)
        api.completed(api.short("flip", pictures.jpeg()))
        broker.stop()
        broker.start()

        jobs = submitted(api, 15)
        broker.kill()
        jobs += submitted(api, 15)
        broker.start()
        eventually(lambda: all_completed(api, jobs), within_s=ALL_BACK_S, what="all jobs")

        waiting = many(api, ASKED)
        eventually(lambda: done(api, waiting), what="the first")
        broker.kill()
        broker.wipe()
        still_waiting = ASKED - done(api, waiting)
        broker.start()
        eventually(lambda: done(api, waiting) == ASKED, within_s=ALL_BACK_S, what="all jobs")

    told = completions(tmp_path / "data")
    assert still_waiting >= WAITING
    assert len(told) == 1 + len(jobs) + ASKED
    assert set(told.values()) == {1}
