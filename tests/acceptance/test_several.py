"""Two of each process behind nginx: one of them is stopped or killed, and nobody notices."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, good
from tests.acceptance.cluster import Cluster, clustered
from tests.acceptance.load import OUTPUTS, load
from tests.acceptance.sse import events_of
from tests.acceptance.system import eventually
from tests.peers.authority import Authority
from tests.peers.programs import program

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give two of each; services show each other certificates, and nginx shows one to clients."""
    program("nginx")
    folder = tmp_path_factory.mktemp("cluster")
    with clustered(folder, authority=Authority(folder / "services")) as running:
        yield running


@pytest.fixture
def api(cluster: Cluster) -> Iterator[API]:
    with API(cluster) as client:
        yield client


def test_a_picture_goes_in_and_results_come_out(api: API, cluster: Cluster) -> None:
    image_id = api.upload(pictures.jpeg())["image_id"]
    jobs = [
        api.submit(image_id, {"a": [{"op": "resize", "width": width}]}) for width in range(20, 28)
    ]

    ended = [api.completed(each) for each in jobs]
    waited = api.post(
        "/api/v1/jobs",
        json={"input": {"image_id": image_id}, "outputs": OUTPUTS},
        headers={"prefer": "wait=30"},
    )

    assert {pictures.opened(api.result(each, "a")).size[0] for each in ended} == set(range(20, 28))
    assert (waited.status_code, waited.json()["status"]) == (200, "completed")
    assert good(api.get("/health"))["status"] == "ok"


@pytest.mark.parametrize("name", ["users", "uploads", "jobs", "worker", "notifier"])
def test_a_service_talks_to_nobody_without_a_certificate(cluster: Cluster, name: str) -> None:
    url = cluster.of(name)[0].url
    other = url.replace("https://", "http://")

    assert url.startswith("https://")
    for address in (url, other):
        with (
            httpx2.Client(base_url=address, verify=False, trust_env=False) as stranger,
            pytest.raises(httpx2.TransportError),
        ):
            stranger.get("/health/live")


def test_no_request_fails_while_gateways_are_stopped(cluster: Cluster) -> None:
    # Without a key, a POST is lost that the kernel took on just before the gateway closed its port.
    with load(cluster, are_keyed=True, may_break=False) as asking:
        asking.goes_on()
        for number in (0, 1):
            assert cluster.stop("gateway", number) == 0
            asking.goes_on()
            cluster.start("gateway", number)
            asking.goes_on()

    assert asking.failures == []


def test_no_request_fails_while_gateways_are_killed(cluster: Cluster) -> None:
    with load(cluster, are_keyed=True, may_break=True) as asking:
        asking.goes_on()
        for number in (0, 1):
            cluster.kill("gateway", number)
            asking.goes_on()
            cluster.start("gateway", number)
            asking.goes_on()

    assert asking.failures == []


def test_every_job_is_done_once_while_processes_are_killed(api: API, cluster: Cluster) -> None:
    image_id = api.upload(pictures.jpeg(400, 300))["image_id"]
    items = [
        {
            "input": {"image_id": image_id},
            "outputs": {"result": [{"op": "resize", "width": 50 + each}]},
        }
        for each in range(100)
    ]
    batch = good(api.post("/api/v1/batches", json={"items": items}))["batch_id"]

    def done() -> int:
        told = good(api.get(f"/api/v1/batches/{batch}"))
        return int(told["completed"])

    def is_further(before: int) -> bool:
        return done() > before or before == 100

    with load(cluster, are_keyed=True, may_break=True, hands=1) as asking:
        for name, number in (("jobs", 0), ("worker", 0), ("jobs", 1)):
            before = done()
            cluster.kill(name, number)
            eventually(partial(is_further, before), what=cluster.said)
            asking.goes_on(1)
            cluster.start(name, number)
        eventually(lambda: done() == 100, within_s=60)

    events = events_of(api.get(f"/api/v1/batches/{batch}/events").text)
    ended = [each["job_id"] for each in events if each["type"] == "job.completed"]
    assert asking.failures == []
    assert (len(ended), len(set(ended))) == (100, 100)
    assert [each["type"] for each in events][-1] == "batch.completed"
