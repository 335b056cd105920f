"""One job, seen from outside, over all processes apart and two of the jobs service."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from imagemill.processes import NAMES
from tests.acceptance import pictures
from tests.acceptance.api import API, JSON
from tests.acceptance.numbers import Scraped, scraped
from tests.acceptance.system import System, eventually, started, still
from tests.notifier.receiver import Got, Receiver, receiving
from tests.peers.otlp import Collector, Received, collector
from tests.peers.ports import free_port

pytestmark = pytest.mark.timeout(300)

OURS = {"job.publish", "job.attempt", "image.read", "sandbox.render", "image.decode"}
OURS |= {"image.steps", "image.encode", "result.store", "job.finish", "notification.deliver"}
"""Spans of a job, beside those of requests."""


@dataclass(frozen=True)
class Apart:
    """Seven processes, and who watches them."""

    systems: Mapping[str, System]
    ports: Mapping[str, int]
    collector: Collector
    receiver: Receiver

    def numbers(self, name: str) -> Scraped:
        return scraped(f"http://127.0.0.1:{self.ports[name]}")

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Read the log of a process; every line that is no greeting is one object."""
        said = self.systems[name].said().splitlines()
        return [json.loads(line) for line in said if line.startswith("{")]


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    data = tmp_path_factory.mktemp("seen") / "data"
    names = (*NAMES, "jobs-2")
    at, ports = ({name: free_port() for name in names} for _ in range(2))
    with contextlib.ExitStack() as opened:
        run = opened.enter_context
        received, taken = run(receiving()), run(collector())
        settings = {f"peers_{name}": f"http://127.0.0.1:{at[name]}" for name in NAMES[1:]} | {
            "telemetry_otlp_endpoint": taken.url,
            "egress_allow_networks": "127.0.0.0/8",
            "egress_allow_ports": str(received.port),
        }
        systems = {}
        for name in ("users", "uploads", "jobs", "jobs-2", "worker", "notifier", "gateway"):
            own = settings | {"metrics_port": str(ports[name])}
            service = name.removesuffix("-2")
            systems[name] = run(started(data, service, port=at[name], settings=own))
        for each in systems.values():  # They start beside each other, which takes a small machine.
            eventually(each._announced, within_s=150, what="the address")
        eventually(run(API(systems["gateway"])).is_ready)
        yield Apart(systems, ports, taken, received)


@pytest.fixture
def api(apart: Apart) -> Iterator[API]:
    with API(apart.systems["gateway"]) as client:
        yield client


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ROOT = "00f067aa0ba902b7"
PARENT = {"traceparent": f"00-{TRACE}-{ROOT}-01", "x-correlation-id": "seen-1"}


@pytest.fixture(scope="module")
def job(apart: Apart) -> JSON:
    """Give a job that was made by a traced request, and that a webhook was told of."""
    with API(apart.systems["gateway"]) as api:
        image = api.upload(pictures.jpeg())["image_id"]
        body = {
            "input": {"image_id": image},
            "outputs": {"a": [{"op": "flip"}], "b": [{"op": "blur", "sigma": 2}]},
            "webhook_url": f"http://127.0.0.1:{apart.receiver.port}/told",
        }
        answer = api.post("/api/v1/jobs", json=body, headers=PARENT)
        job = api.completed(answer)
    eventually(lambda: told_of(apart.receiver, job["job_id"]), what="the webhook")
    return {**job, "answered": dict(answer.headers)}


def told_of(receiver: Receiver, job_id: str) -> Got | None:
    return next((each for each in receiver.got if job_id in each.body.decode()), None)


def whole(apart: Apart) -> list[Received] | None:
    """Give the spans of the trace, when those of all processes are there, each in its turn."""
    spans = apart.collector.of(TRACE)
    are_there = {each.name for each in spans} >= OURS
    lacking = {each.parent_id for each in spans} - {each.span_id for each in spans}
    return spans if are_there and lacking == {ROOT} else None


def test_one_job_is_one_connected_trace_from_the_request_to_the_webhook(
    apart: Apart, job: JSON
) -> None:
    spans = eventually(lambda: whole(apart), what="all spans")

    ids = {each.span_id for each in spans}
    by_name = {each.name: each for each in spans}
    assert len(ids) == len(spans)
    assert {each.service for each in spans} >= {
        f"imagemill-{name}" for name in ("gateway", "jobs", "worker", "notifier")
    }
    assert by_name["image.encode"].parent_id == by_name["sandbox.render"].span_id
    assert by_name["sandbox.render"].parent_id == by_name["job.attempt"].span_id
    assert by_name["job.attempt"].attributes["imagemill.job.id"] == job["job_id"]
    assert [each.name for each in spans].count("image.encode") == 2
    requests = [each for each in spans if each.name == "POST /api/v1/jobs"]
    assert {each.service for each in requests} == {"imagemill-gateway", "imagemill-jobs"}
    assert not [each.name for each in spans if each.is_error]


def test_the_trace_is_told_to_the_client_and_to_the_receiver_of_the_webhook(
    apart: Apart, job: JSON
) -> None:
    got = told_of(apart.receiver, job["job_id"])

    assert got is not None
    assert job["answered"]["traceparent"].split("-")[1] == TRACE
    assert got.headers["traceparent"].split("-")[1] == TRACE
    assert got.headers["x-correlation-id"] == "seen-1"


def test_one_id_is_in_the_lines_of_every_process_that_had_to_do_with_a_job(
    apart: Apart, job: JSON
) -> None:
    def ids(name: str, field: str) -> set[str]:
        return {str(each[field]) for each in apart.lines(name) if field in each}

    assert "seen-1" in ids("gateway", "request_id")
    assert "seen-1" in ids("jobs", "request_id") | ids("jobs-2", "request_id")
    for name in ("worker", "notifier"):
        lines = [each for each in apart.lines(name) if each.get("job_id") == job["job_id"]]
        assert {each["request_id"] for each in lines} == {"seen-1"}, name
        assert {each["trace_id"] for each in lines} == {TRACE}, name


def test_a_line_tells_who_asked_for_what_and_no_secret(apart: Apart, api: API) -> None:
    api.get("/api/v1/jobs/none?secret=hush-hush", headers={"x-correlation-id": "line-1"})

    (line,) = [each for each in apart.lines("gateway") if each.get("request_id") == "line-1"]

    wanted = {"event": "request", "route": "/api/v1/jobs/{job_id}", "status": 422, "level": "info"}
    assert wanted.items() <= line.items()
    assert line["account"]
    assert line["bytes"] > 0
    assert re.fullmatch(r"[0-9a-f]{32}", line["trace_id"])
    everything = json.dumps([apart.lines(name) for name in apart.systems])
    assert "hush-hush" not in everything
    assert apart.systems["gateway"].key not in everything


def test_each_process_tells_its_own_numbers_and_no_others(apart: Apart, job: JSON) -> None:
    gateway, jobs, worker = map(apart.numbers, ("gateway", "jobs", "worker"))
    both = [apart.numbers(name) for name in ("jobs", "jobs-2")]

    created = {"method": "POST", "route": "/api/v1/jobs", "status": "202"}
    assert gateway.of("http_requests_total", **created) == 1
    assert sum(each.of("http_requests_total", **created) for each in both) == 1
    assert sum(each.of("jobs_ended_total", outcome="completed") for each in both) == 1
    assert worker.of("images_processed_total", outcome="completed") == 1
    assert (
        apart.numbers("notifier").of("notifications_total", channel="webhook", outcome="delivered")
        == 1
    )
    assert worker.of("image_processing_duration_seconds_count", operation="blur") == 1
    assert "tasks_queued_total" in jobs.names
    assert not {"jobs_ended_total", "worker_busy_ratio", "tasks_queued_total"} & gateway.names
    assert not {"jobs_ended_total", "http_requests_total"} & worker.names


def test_two_jobs_processes_agree_on_what_waits(apart: Apart, api: API) -> None:
    image = api.upload(pictures.jpeg())["image_id"]
    items = [{"input": {"image_id": image}} for _ in range(40)]
    outputs = {"a": [{"op": "rotate", "angle": 90}]}

    def waiting(name: str) -> bool:
        return apart.numbers(name).of("tasks_queued_total", topic="jobs") == 40

    with still(apart.systems["worker"]):
        answer = api.post("/api/v1/batches", json={"items": items, "outputs": outputs})

        assert answer.status_code == 202, answer.text
        eventually(lambda: waiting("jobs") and waiting("jobs-2"), what="40 jobs in both")
        assert apart.numbers("jobs").of("queue_oldest_seconds", topic="jobs") > 0
        api.post(f"/api/v1/batches/{answer.json()['batch_id']}/cancel")


def test_a_process_says_how_it_is_at_the_port_for_watching(apart: Apart) -> None:
    told = httpx2.get(f"http://127.0.0.1:{apart.ports['jobs']}/health", trust_env=False).json()

    assert told["status"] == "ok"
    assert set(told["processes"]) == {"jobs"}
