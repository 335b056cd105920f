"""What a process counts, and how it is told."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Sequence

import pytest

from imagemill.errors import Unavailable
from imagemill.processes import NAMES
from imagemill.telemetry import metrics
from imagemill.telemetry.meter import Meter, Reading
from imagemill.telemetry.metrics import ALL, Metric
from tests.acceptance.numbers import Scraped
from tests.peers.programs import program


async def told(meter: Meter) -> Scraped:
    return Scraped((await meter.told()).decode())


@pytest.mark.parametrize("metric", ALL, ids=lambda each: each.name)
def test_a_metric_is_declared_as_prometheus_wants_it(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*[a-z]", metric.name)
    assert metric.help.endswith(".")
    assert (metric.kind == "histogram") == bool(metric.buckets)
    assert list(metric.buckets) == sorted(metric.buckets)
    assert metric.kind != "counter" or metric.name.endswith("_total")
    assert not metric.known or len(metric.labels) == 1
    assert set(metric.by) <= set(NAMES)


def test_no_two_metrics_have_one_name() -> None:
    names = [name for each in ALL for name in each.samples]

    assert len(names) == len(set(names))


async def test_what_is_counted_and_measured_is_told() -> None:
    meter = Meter(["gateway"])

    meter.count(metrics.HTTP_REQUESTS, "GET", "/a", "200")
    meter.count(metrics.HTTP_REQUESTS, "GET", "/a", "200", by=2)
    meter.observe(metrics.HTTP_DURATION, 0.3, "GET", "/a")

    seen = await told(meter)
    assert seen.of("http_requests_total", method="GET", route="/a", status="200") == 3
    assert seen.of("http_request_duration_seconds_bucket", le="0.25") == 0
    assert seen.of("http_request_duration_seconds_bucket", le="0.5") == 1
    assert not [name for name in seen.names if name.endswith("_created")]


async def test_a_process_begins_at_zero_with_what_is_its_own_and_nothing_else() -> None:
    gateway, jobs = await told(Meter(["gateway"])), await told(Meter(["jobs"]))

    assert "attempts_lost_total" in jobs.names
    assert jobs.values("jobs_ended_total", "outcome") == set(metrics.JOBS_ENDED.known)
    assert not {"attempts_lost_total", "jobs_ended_total"} & gateway.names


async def test_two_meters_of_one_program_share_nothing() -> None:
    one, other = Meter(["jobs"]), Meter(["jobs"])

    one.count(metrics.ATTEMPTS_LOST)

    assert (await told(other)).of("attempts_lost_total") == 0


async def test_what_is_looked_at_is_told_from_several_parts_as_one_metric() -> None:
    meter = Meter()

    async def jobs() -> Sequence[Reading]:
        return [Reading(metrics.TASKS_QUEUED, 7, ("jobs",))]

    async def fetches() -> Sequence[Reading]:
        return [Reading(metrics.TASKS_QUEUED, 2, ("image.fetch",))]

    meter.watch("jobs", jobs)
    meter.watch("fetches", fetches)

    text = (await meter.told()).decode()
    assert text.count("# TYPE tasks_queued_total") == 1
    assert Scraped(text).of("tasks_queued_total", topic="jobs") == 7
    assert Scraped(text).of("tasks_queued_total") == 9


async def test_a_part_that_is_broken_or_hangs_is_left_out_and_the_rest_is_told() -> None:
    meter = Meter()

    async def broken() -> Sequence[Reading]:
        raise Unavailable("The database is away.")

    async def hanging() -> Sequence[Reading]:
        await asyncio.Event().wait()
        return []

    async def well() -> Sequence[Reading]:
        return [Reading(metrics.OUTBOX, 3)]

    for name, look in {"broken": broken, "hanging": hanging, "well": well}.items():
        meter.watch(name, look)

    seen = await told(meter)
    assert seen.of("outbox_jobs") == 3
    assert seen.of("metrics_left_out_total", part="broken") == 1
    assert seen.of("metrics_left_out_total", part="hanging") == 1


async def test_a_look_that_costs_is_not_made_again_for_a_while() -> None:
    meter, looks = Meter(), list[int]()

    async def look() -> Sequence[Reading]:
        looks.append(1)
        return [Reading(metrics.OUTBOX, len(looks))]

    meter.watch("jobs", look, keep_s=60)

    both = await asyncio.gather(told(meter), told(meter))
    assert [each.of("outbox_jobs") for each in both] == [1, 1]
    assert len(looks) == 1


def test_promtool_takes_every_metric_that_is_declared() -> None:
    meter = Meter(NAMES)
    readings = [
        Reading(each, 1, tuple("x" for _ in each.labels)) for each in ALL if each.kind == "gauge"
    ]

    async def look() -> Sequence[Reading]:
        return readings

    for each in ALL:
        values = tuple("x" for _ in each.labels)
        if each.kind == "counter":
            meter.count(each, *values)
        elif each.kind == "histogram":
            meter.observe(each, 0.1, *values)
    meter.watch("gauges", look)

    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=asyncio.run(meter.told()),
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
