"""Spans reach a collector, and one that is away costs nobody anything but the spans."""

from __future__ import annotations

import time

from imagemill.telemetry.otlp import Exporting
from imagemill.telemetry.settings import TelemetrySettings
from imagemill.telemetry.tracing import Tracing
from tests.peers.otlp import collector
from tests.peers.ports import free_port

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


async def test_what_is_left_is_sent_at_the_end() -> None:
    with collector() as found:
        exporting = Exporting(TelemetrySettings(otlp_endpoint=f"{found.url}/"), "imagemill-x", "1")
        tracing = Tracing(exporting.tracer())

        with tracing.span("work", attributes={"imagemill.job.id": "j"}):
            pass
        await exporting.close()

    (span,) = found.spans
    assert (span.name, span.service) == ("work", "imagemill-x")
    assert span.attributes == {"imagemill.job.id": "j"}


async def test_of_traces_that_begin_here_only_a_part_is_sent_of_others_what_they_say() -> None:
    with collector() as found:
        settings = TelemetrySettings(otlp_endpoint=found.url, sample_ratio=0)
        exporting = Exporting(settings, "imagemill-x", "1")
        tracing = Tracing(exporting.tracer())

        for name, parent in {"mine": None, "sampled": SAMPLED, "unsampled": UNSAMPLED}.items():
            with tracing.span(name, parent=parent):
                pass
        await exporting.close()

    assert [each.name for each in found.spans] == ["sampled"]


async def test_a_collector_that_is_away_holds_up_neither_the_work_nor_the_end() -> None:
    settings = TelemetrySettings(otlp_endpoint=f"http://127.0.0.1:{free_port()}", flush_s=0.2)
    exporting = Exporting(settings, "imagemill-x", "1")
    tracing = Tracing(exporting.tracer())

    began = time.monotonic()
    for _ in range(5000):
        with tracing.span("work"):
            pass
    await exporting.close()

    assert time.monotonic() - began < 30
