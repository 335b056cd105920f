"""What Prometheus is told is what really happened."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import httpx2
import pytest

from imagemill.telemetry.metrics import ALL, PROCESS_METRICS
from tests.acceptance import pictures
from tests.acceptance.api import API, problem
from tests.acceptance.numbers import Scraped, scraped
from tests.acceptance.system import System, eventually, started
from tests.peers.otlp import Collector, collector
from tests.peers.ports import free_port
from tests.peers.programs import program

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def spans() -> Iterator[Collector]:
    with collector() as found:
        yield found


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, spans: Collector
) -> Iterator[tuple[System, str]]:
    """Give a system of its own, with an open port for numbers."""
    data, port = tmp_path_factory.mktemp("watched") / "data", free_port()
    settings = {"metrics_port": str(port), "telemetry_otlp_endpoint": spans.url}
    with started(data, settings=settings) as system, API(system) as api:
        eventually(api.is_ready)
        yield system, f"http://127.0.0.1:{port}"


@pytest.fixture
def api(watched: tuple[System, str]) -> Iterator[API]:
    with API(watched[0]) as client:
        yield client


@pytest.fixture
def url(watched: tuple[System, str]) -> str:
    return watched[1]


def grown(before: Scraped, after: Scraped, name: str, **labels: str) -> float:
    return after.of(name, **labels) - before.of(name, **labels)


def test_requests_are_counted_by_template_and_never_by_path(api: API, url: str) -> None:
    before = scraped(url)

    for number in range(7):
        api.get(f"/api/v1/jobs/none-{number}")
    api.get("/nowhere/at/all")
    api.request("SEARCH", "/health/live")
    after = scraped(url)

    route = {"method": "GET", "route": "/api/v1/jobs/{job_id}", "status": "404"}
    assert grown(before, after, "http_requests_total", **route) == 7
    assert grown(before, after, "http_requests_total", method="GET", route="other") == 1
    assert grown(before, after, "http_requests_total", method="other") == 1
    count = {"method": "GET", "route": "/api/v1/jobs/{job_id}"}
    assert grown(before, after, "http_request_duration_seconds_count", **count) == 7
    assert "none-3" not in after.text
    assert "nowhere" not in after.text


def test_jobs_are_counted_by_how_they_ended(api: API, url: str) -> None:
    before, picture = scraped(url), pictures.jpeg()

    image = api.upload(picture)["image_id"]
    for angle in range(3):
        api.completed(api.submit(image, {"a": [{"op": "blur", "sigma": 1 + angle}]}))
    api.submit(image, {"a": [{"op": "blur", "sigma": 1}]})
    after = scraped(url)

    assert grown(before, after, "jobs_ended_total", outcome="completed") == 3
    assert grown(before, after, "jobs_ended_total", outcome="cached") == 1
    assert grown(before, after, "job_duration_seconds_count", outcome="completed") == 3
    assert grown(before, after, "images_processed_total", outcome="completed") == 3
    duration = "image_processing_duration_seconds_count"
    assert grown(before, after, duration, operation="blur") == 3
    assert grown(before, after, "queue_published_total", topic="jobs") == 3
    assert after.of("database_commit_duration_seconds_count", database="jobs") > 0


def test_what_is_kept_and_what_waits_is_told(api: API, url: str) -> None:
    kept = api.upload(pictures.png())["size_bytes"]

    told = scraped(url)

    assert told.of("storage_used_bytes", bucket="originals") >= 0
    assert told.values("storage_used_bytes", "bucket") == {"originals", "results"}
    assert told.values("tasks_queued_total", "topic") == {"jobs", "image.fetch", "notifications"}
    assert told.values("queue_oldest_seconds", "topic") == {"jobs", "image.fetch", "notifications"}
    assert told.of("disk_size_bytes") > told.of("disk_free_bytes") > kept
    assert 0 <= told.of("worker_busy_ratio") <= 1


def test_a_system_with_all_processes_tells_only_what_is_declared(api: API, url: str) -> None:
    api.completed(api.short("flip", pictures.jpeg(), fresh=True))

    told = scraped(url)

    declared = {name for each in ALL for name in each.samples} | set(PROCESS_METRICS)
    assert told.names <= declared
    unheard = {"metrics_left_out_total", "database_failures_total", "sandbox_kills_total"}
    unheard |= {"notifications_total"}
    assert {each.samples[-1] for each in ALL} - told.names == unheard
    assert set(PROCESS_METRICS) <= told.names


def test_promtool_has_nothing_to_complain_of(url: str) -> None:
    text = scraped(url).text.encode()

    checked = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, check=False
    )

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_numbers_need_a_key_that_may_look_at_the_public_address(
    api: API, watched: tuple[System, str]
) -> None:
    made = api.post("/api/v1/api-keys", json={"name": "narrow", "scopes": ["jobs:read"]}).json()
    stranger = httpx2.get(f"{watched[0].url}/metrics", trust_env=False)
    narrow = httpx2.get(
        f"{watched[0].url}/metrics", headers={"x-api-key": made["key"]}, trust_env=False
    )

    told = scraped(watched[0].url, watched[0].key)

    problem(stranger, 401, "unauthenticated")
    problem(narrow, 403, "forbidden")
    assert told.of("imagemill_build_info") == 1


def test_the_port_for_watching_answers_nothing_else(url: str) -> None:
    with httpx2.Client(base_url=url, trust_env=False) as client:
        live, ready = client.get("/health/live"), client.get("/health/ready")
        health, other = client.get("/health"), client.get("/api/v1/jobs")
        posted = client.post("/metrics")

    assert (live.text, ready.text) == ("live", "ready")
    assert health.json()["status"] == "ok"
    assert set(health.json()["processes"]) == {"users", "uploads", "jobs", "worker", "notifier"}
    assert (other.status_code, posted.status_code) == (404, 405)


def test_who_comes_too_often_is_counted(api: API, watched: tuple[System, str], url: str) -> None:
    asked = {"name": "seldom", "scopes": ["jobs:read"], "rate_per_minute": 3}
    seldom = {"x-api-key": api.post("/api/v1/api-keys", json=asked).json()["key"]}
    path, before = f"{watched[0].url}/api/v1/operations", scraped(url)

    answers = [httpx2.get(path, headers=seldom, trust_env=False) for _ in range(5)]
    after = scraped(url)

    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    assert grown(before, after, "rate_limit_refusals_total", who="key") == 2
    assert grown(before, after, "rate_limit_refusals_total") == 2
    assert grown(before, after, "http_requests_total", status="429") == 2


def test_a_job_of_one_process_is_one_connected_trace_and_one_request(
    api: API, spans: Collector
) -> None:
    trace, parent = "5bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    image = api.upload(pictures.jpeg())["image_id"]
    body = {"input": {"image_id": image}, "outputs": {"a": [{"op": "flip"}]}}

    api.completed(
        api.post("/api/v1/jobs", json=body, headers={"traceparent": f"00-{trace}-{parent}-01"})
    )
    eventually(lambda: "job.attempt" in {each.name for each in spans.of(trace)})
    found = spans.of(trace)

    assert {each.parent_id for each in found} - {each.span_id for each in found} == {parent}
    assert [each.name for each in found].count("POST /api/v1/jobs") == 1
    assert {each.service for each in found} == {"imagemill"}
