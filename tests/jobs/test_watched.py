"""What operators see of jobs: how many wait and since when, how they end, and their trace."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from imagemill.assembly.parts import Parts
from imagemill.assembly.watching import watch_jobs
from imagemill.contracts.jobs import ClaimRequest
from imagemill.jobs.records.figures import Figures, figures, result_bytes
from imagemill.jobs.relay import Relay
from imagemill.jobs.replays import Replays
from imagemill.settings import Settings
from imagemill.telemetry.tracing import Tracing
from tests.acceptance.numbers import Scraped
from tests.jobs.life import A, Life

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-01"


async def told(life: Life) -> Scraped:
    return Scraped((await life.bells.meter.told()).decode())


async def counted(life: Life) -> Figures:
    return await life.database.read(figures)


async def test_what_waits_is_counted_from_acceptance_to_claim(life: Life) -> None:
    before = await counted(life)
    jobs = await life.accept(3)
    life.clock.now += 10
    accepted = await counted(life)
    await life.relayed()
    announced = await counted(life)
    for job in jobs:
        await life.claimed(job)
    claimed = await counted(life)

    assert (before.outbox, before.announced, before.oldest_s) == (0, 0, 0.0)
    assert (accepted.outbox, accepted.announced, accepted.oldest_s) == (3, 0, 10.0)
    assert announced.outbox + announced.announced == 3
    assert announced.oldest_s == 10.0
    assert (claimed.outbox, claimed.announced, claimed.processing) == (0, 0, 3)
    assert claimed.oldest_s == 0.0


async def test_jobs_are_counted_by_how_they_ended_with_the_time_that_took(life: Life) -> None:
    good, poison, unwanted = await life.accept(3)
    life.clock.now += 2
    await life.finish(await life.claimed(good))
    await life.die(poison)
    await life.jobs.cancel(unwanted.id, A)

    seen = await told(life)

    outcomes = ("completed", "dead", "cancelled", "failed", "cached")
    ended = {each: seen.of("jobs_ended_total", outcome=each) for each in outcomes}
    assert ended == {"completed": 1, "dead": 1, "cancelled": 1, "failed": 0, "cached": 0}
    assert seen.of("job_duration_seconds_sum", outcome="completed") == 2
    assert (await counted(life)).letters == 1


async def test_a_worker_that_falls_silent_and_a_message_that_is_lost_are_counted(
    life: Life,
) -> None:
    silent, lost = await life.accept(2)
    await life.relayed()
    await life.claimed(silent)
    await life.empty_queue()
    await life.pass_(life.settings.lease_s + 60)

    seen = await told(life)

    assert seen.of("attempts_lost_total") == 1
    assert seen.of("messages_lost_total") == 1
    assert (await life.job(lost)).standing.attempt == 0


async def test_the_bytes_of_results_are_added_up(life: Life) -> None:
    (job,) = await life.accept()
    await life.finish(await life.claimed(job))

    assert await life.database.read(result_bytes) > 0


async def test_the_trace_of_a_request_is_kept_with_its_job_and_told_to_whoever_goes_on(
    life: Life,
) -> None:
    with Tracing().request(GIVEN, "POST"):
        (job,) = await life.accept()

    claim = await life.claimed(job)
    (queued, *_) = await life.jobs.log(0, 0)

    assert (await life.job(job)).traceparent == claim.traceparent == queued.traceparent == GIVEN


async def test_a_message_is_published_in_the_trace_of_its_job(life: Life) -> None:
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing = Tracing(provider.get_tracer("test"))
    relay = Relay(life.database, life.queue, life.bells, life.relay.faults, tracing=tracing)
    with Tracing().request(GIVEN, "POST"):
        await life.accept(2)

    await relay._round([])

    spans = kept.get_finished_spans()
    assert [each.name for each in spans] == ["job.publish", "job.publish"]
    assert {f"{each.context.trace_id:032x}" for each in spans if each.context} == {
        GIVEN.split("-")[1]
    }


async def test_a_replay_belongs_to_its_own_request_and_links_to_the_old_trace(life: Life) -> None:
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with Tracing().request(GIVEN, "POST"):
        (old,) = await life.accept()
    await life.die(old)

    with Tracing(provider.get_tracer("test")).request(OTHER, "POST"):
        new = await Replays(life.jobs).job(old.id, A)

    (span,) = kept.get_finished_spans()
    assert new.traceparent is not None
    assert new.traceparent.split("-")[1] == OTHER.split("-")[1]
    assert [f"{each.context.trace_id:032x}" for each in span.links] == [GIVEN.split("-")[1]]


async def depth(life: Life) -> float:
    """Scrape, as KEDA's Prometheus does, a process that was not asked before."""
    async with AsyncExitStack() as opened:
        parts = Parts(Settings(), opened)
        watch_jobs(parts, life.database, life.queue)
        return Scraped((await parts.meter.told()).decode()).of("tasks_queued_total", topic="jobs")


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_ten_thousand_jobs_are_seen_to_come_and_to_go(life: Life) -> None:
    seen = [await depth(life)]

    await life.accept(10_000)
    seen.append(await depth(life))
    while announced := await life.relayed():
        await life.lending.claim([ClaimRequest(job_id=each, worker="w") for each in announced])
        seen.append(await depth(life))

    assert (seen[0], seen[1], seen[-1]) == (0, 10_000, 0)
    assert seen[1:] == sorted(seen[1:], reverse=True)
