"""How a trace is carried, with and without something that records it."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from imagemill.telemetry.tracing import Phase, Tracing, context_of, link_to, trace_id, traceparent

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-01"


class Recorder:
    """Records spans in memory."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self.tracing = Tracing(provider.get_tracer("test"))

    def span(self, name: str) -> ReadableSpan:
        (found,) = [each for each in self._kept.get_finished_spans() if each.name == name]
        return found


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_without_a_recorder_a_trace_that_was_given_is_carried_on_as_it_was() -> None:
    with Tracing().request(GIVEN, "GET"):
        within = traceparent()

    assert within == GIVEN
    assert traceparent() is None


def test_without_a_recorder_a_request_begins_a_trace_that_nobody_records() -> None:
    with Tracing().request(None, "GET"):
        first = traceparent()
    with Tracing().request(None, "GET"):
        second = traceparent()

    assert first is not None
    assert first.endswith("-00")
    assert first != second


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "x",
        GIVEN.upper(),
        GIVEN[:-1],
        f"{GIVEN}-more",
        f"01{GIVEN[2:]}",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        f"{GIVEN}\r\nx-evil: 1",
    ],
)
def test_what_is_no_traceparent_begins_a_trace_of_its_own(wrong: str) -> None:
    assert context_of(wrong) is None

    with Tracing().request(wrong, "GET"):
        assert trace_id() not in {None, "4bf92f3577b34da6a3ce929d0e0e4736"}


def test_without_a_recorder_work_goes_on_in_the_trace_of_its_job() -> None:
    with Tracing().span("job.attempt", parent=GIVEN):
        within = trace_id()
    with Tracing().span("job.attempt"):
        without = trace_id()

    assert within == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert without is None


def test_spans_stand_below_each_other_and_below_what_was_given(recorder: Recorder) -> None:
    with recorder.tracing.span("outer", parent=GIVEN), recorder.tracing.span("inner"):
        given_on = traceparent()

    outer, inner = recorder.span("outer"), recorder.span("inner")
    assert outer.parent is not None
    assert inner.parent is not None
    assert f"{outer.parent.span_id:016x}" == GIVEN.split("-")[2]
    assert outer.context is not None
    assert inner.context is not None
    assert inner.parent.span_id == outer.context.span_id
    assert given_on == f"{GIVEN[:36]}{inner.context.span_id:016x}-01"


def test_an_error_marks_its_span_and_leaves_its_words_out(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="secret"), recorder.tracing.span("work"):
        raise ValueError("a secret")

    span = recorder.span("work")
    assert span.status.status_code is StatusCode.ERROR
    assert "secret" not in span.to_json()


def test_phases_that_somebody_else_measured_stand_where_they_were(recorder: Recorder) -> None:
    with recorder.tracing.span("render"):
        recorder.tracing.phases(1_000_000_000, iter([Phase("decode", 0.5, 0.75)]))

    span = recorder.span("decode")
    assert (span.start_time, span.end_time) == (1_500_000_000, 1_750_000_000)


def test_what_is_done_again_links_to_the_trace_of_the_first_time(recorder: Recorder) -> None:
    with recorder.tracing.span("replay", parent=GIVEN):
        link_to(OTHER)
        link_to(None)

    (link,) = recorder.span("replay").links
    assert f"{link.context.trace_id:032x}" == OTHER.split("-")[1]
