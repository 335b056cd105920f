"""Traces: one from a client's request to the webhook, through every process on the way.

Without a tracer nothing is recorded, but the trace is carried all the same: from the request to
the job, its message, its worker and whoever is told, and into every log line.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from opentelemetry import context, trace
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
)

HEADER: Final = "traceparent"
_FORM: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
"""Source: https://www.w3.org/TR/trace-context/#traceparent-header, version 00."""
_LOW: Final = (1 << 64) - 1
_NOTHING: Final = nullcontext(trace.INVALID_SPAN)
Attributes = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Phase:
    """Part of a span that somebody else measured, as seconds after the span's beginning."""

    name: str
    begins_s: float
    ends_s: float


class Tracing:
    """Makes spans where there is a tracer, and carries traces on where there is none."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        """Record with `tracer`; None records nothing."""
        self._tracer = tracer

    @property
    def is_on(self) -> bool:
        """Whether spans are recorded here."""
        return self._tracer is not None

    def request(self, given: str | None, name: str) -> AbstractContextManager[Span]:
        """Stand for a request for a block: part of the trace that its caller gave, or a new one."""
        if self._tracer is None:
            return _current(NonRecordingSpan(context_of(given) or _new()))
        return self.span(name, parent=given, kind=SpanKind.SERVER)

    def span(
        self,
        name: str,
        *,
        parent: str | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
    ) -> AbstractContextManager[Span]:
        """Record a block: below `parent`, a traceparent, or below what is under way.

        An error that leaves the block marks the span; its text stays in the log.
        """
        above = context_of(parent)
        if self._tracer is None:
            return _NOTHING if above is None else _current(NonRecordingSpan(above))
        return self._recorded(self._tracer, name, above, kind, attributes)

    def phases(self, began_ns: int, phases: Iterator[Phase]) -> None:
        """Record what somebody else measured, below what is under way; `began_ns` since 1970."""
        if self._tracer is None:
            return
        for each in phases:
            start = began_ns + int(each.begins_s * 1e9)
            span = self._tracer.start_span(each.name, start_time=start)
            span.end(max(start, began_ns + int(each.ends_s * 1e9)))

    @contextmanager
    def _recorded(
        self,
        tracer: Tracer,
        name: str,
        above: SpanContext | None,
        kind: SpanKind,
        attributes: Attributes | None,
    ) -> Iterator[Span]:
        within = trace.set_span_in_context(NonRecordingSpan(above)) if above else None
        span = tracer.start_span(name, within, kind, attributes)
        try:
            with _current(span):
                yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()


def traceparent() -> str | None:
    """Write down what is under way, for whoever goes on with it; None where nothing is."""
    now = trace.get_current_span().get_span_context()
    if not now.is_valid:
        return None
    return f"00-{now.trace_id:032x}-{now.span_id:016x}-{now.trace_flags:02x}"


def trace_id() -> str | None:
    """Tell the id of the trace that is under way."""
    now = trace.get_current_span().get_span_context()
    return f"{now.trace_id:032x}" if now.is_valid else None


def context_of(given: str | None) -> SpanContext | None:
    """Read a traceparent; None where there is none, or it is not one."""
    found = _FORM.fullmatch(given) if given else None
    if found is None:
        return None
    read = SpanContext(
        trace_id=int(found[1], 16),
        span_id=int(found[2], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(found[3], 16)),
    )
    return read if read.is_valid else None


def link_to(given: str | None) -> None:
    """Note on the span under way that it goes back to another trace."""
    if (found := context_of(given)) is not None:
        trace.get_current_span().add_link(found)


@contextmanager
def _current(span: Span) -> Iterator[Span]:
    token = context.attach(trace.set_span_in_context(span))
    try:
        yield span
    finally:
        context.detach(token)


def _new() -> SpanContext:
    """Begin a trace that nobody records."""
    number = random.getrandbits(192) | 1 << 64 | 1
    return SpanContext(number >> 64, number & _LOW, is_remote=False)
