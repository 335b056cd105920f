"""What is seen from outside: log lines, metrics and traces of what a process does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bind_contextvars, reset_contextvars

from imagemill.telemetry.logs import configure

__all__ = ["about", "configure"]


@contextmanager
def about(**what: str | None) -> Iterator[None]:
    """Put ids into every log line of a block: `request_id`, `job_id`."""
    tokens = bind_contextvars(**{name: value for name, value in what.items() if value})
    try:
        yield
    finally:
        reset_contextvars(**tokens)
