"""Two of each process on PostgreSQL, a broker and S3 by Ceph: killed, wiped, none lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, good
from tests.acceptance.cluster import Cluster, clustered
from tests.acceptance.load import load
from tests.acceptance.sse import events_of
from tests.acceptance.system import eventually
from tests.cli.programs import imagemill
from tests.peers.nats import NATSServer, nats_server
from tests.peers.postgres import PostgresServer, postgres_server
from tests.peers.programs import program
from tests.peers.proof import server_mark
from tests.peers.rabbitmq import RabbitMQServer, rabbitmq_server
from tests.peers.rgw import RGW, rgw_server

pytestmark = [*server_mark("servers"), pytest.mark.timeout(300)]

JOBS = 100
WAITING = 500
"""Jobs that wait while the broker loses all that it knew of them."""
BACK_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Installation:
    """The processes, and the servers that they run on."""

    cluster: Cluster
    postgres: PostgresServer
    broker: NATSServer | RabbitMQServer


@pytest.fixture(scope="module", params=["nats", "rabbitmq"])
def on_servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Give two of each process over real servers, which are this module's own."""
    program("nginx")
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as opened:
        rows = opened.enter_context(postgres_server(is_synced=True))
        broker = opened.enter_context(BROKERS[request.param](made(folder / "broker")))
        objects = opened.enter_context(rgw_server(made(folder / "rgw")))
        settings = {
            "database_url": rows.url,
            "queue_url": broker.url,
            **in_objects(objects),
        }
        schemas = imagemill("migrate", "--data", folder / "none", IMAGEMILL_DATABASE_URL=rows.url)
        assert schemas.code == 0, schemas.err
        cluster = opened.enter_context(clustered(made(folder / "all"), settings))
        yield Installation(cluster, rows, broker)


@pytest.fixture
def api(on_servers: Installation) -> Iterator[API]:
    with API(on_servers.cluster) as client:
        yield client


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


Broker = NATSServer | RabbitMQServer
BROKERS: Mapping[str, Callable[[Path], AbstractContextManager[Broker]]] = {
    "nats": nats_server,
    "rabbitmq": rabbitmq_server,
}


def in_objects(server: RGW) -> dict[str, str]:
    return {
        "storage_url": "s3://",
        "storage_endpoint": server.url,
        "storage_access_key": server.user.access_key,
        "storage_secret_key": server.user.secret_key,
        "storage_create_buckets": "true",
    }


def submitted(api: API, first: int, jobs: int = JOBS) -> str:
    """Have so many jobs accepted, each with a width of its own; give the id of their batch."""
    image_id = api.upload(pictures.jpeg(400, 300))["image_id"]
    items = [
        {
            "input": {"image_id": image_id},
            "outputs": {"result": [{"op": "resize", "width": first + each}]},
        }
        for each in range(jobs)
    ]
    return str(good(api.post("/api/v1/batches", json={"items": items}))["batch_id"])


def completed(api: API, batch: str) -> int:
    return int(good(api.get(f"/api/v1/batches/{batch}"))["completed"])


def assert_each_once(api: API, batch: str, jobs: int = JOBS) -> None:
    events = events_of(api.get(f"/api/v1/batches/{batch}/events").text)
    ended = [each["job_id"] for each in events if each["type"] == "job.completed"]
    assert (len(ended), len(set(ended))) == (jobs, jobs)
    assert [each["type"] for each in events][-1] == "batch.completed"


def test_a_picture_goes_in_and_results_come_out(api: API, on_servers: Installation) -> None:
    job = api.completed(api.short("flip", pictures.jpeg()))

    assert pictures.opened(api.result(job, "result")).size == (64, 48)
    eventually(lambda: good(api.get("/health"))["status"] == "ok", what="health")
    assert not on_servers.cluster.data.exists(), "nothing of it lies in a folder"


def test_every_job_is_done_once_while_processes_are_killed(
    api: API, on_servers: Installation
) -> None:
    cluster, batch = on_servers.cluster, submitted(api, 20)

    def is_further(before: int) -> bool:
        return completed(api, batch) > before or before == JOBS

    with load(cluster, are_keyed=True, may_break=True, hands=1) as asking:
        for name, number in (("jobs", 0), ("worker", 0), ("gateway", 0), ("jobs", 1)):
            before = completed(api, batch)
            cluster.kill(name, number)
            eventually(partial(is_further, before), what=cluster.said)
            asking.goes_on(1)
            cluster.start(name, number)
        eventually(lambda: completed(api, batch) == JOBS, within_s=BACK_WITHIN_S)

    assert asking.failures == []
    assert_each_once(api, batch)


def test_jobs_come_back_from_the_database_when_the_broker_is_wiped(
    api: API, on_servers: Installation
) -> None:
    cluster, broker = on_servers.cluster, on_servers.broker
    for number in (0, 1):
        cluster.stop("worker", number)
    batch = submitted(api, 200, WAITING)

    broker.kill()
    broker.wipe()
    broker.start()
    for number in (0, 1):
        cluster.start("worker", number)
    eventually(lambda: completed(api, batch) == WAITING, within_s=BACK_WITHIN_S, what=cluster.said)

    assert_each_once(api, batch, WAITING)


def test_nothing_is_lost_when_postgresql_is_restarted(api: API, on_servers: Installation) -> None:
    batch = submitted(api, 800)
    eventually(lambda: completed(api, batch) > 0)

    on_servers.postgres.stop()
    meanwhile = api.get(f"/api/v1/batches/{batch}")
    on_servers.postgres.start()
    eventually(api.is_ready, within_s=BACK_WITHIN_S)
    eventually(lambda: completed(api, batch) == JOBS, within_s=BACK_WITHIN_S)

    assert meanwhile.status_code == 503
    assert "retry-after" in meanwhile.headers
    assert_each_once(api, batch)
