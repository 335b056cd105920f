"""Log lines as JSON, each with the request and the job that it belongs to."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.contextvars import bind_contextvars, reset_contextvars


def configure(*, level: str = "INFO") -> None:
    """Write log lines to standard error, one JSON object each, from structlog and logging."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


@contextmanager
def about(**what: str | None) -> Iterator[None]:
    """Put ids into every log line of a block: `request_id`, `job_id`."""
    tokens = bind_contextvars(**{name: value for name, value in what.items() if value})
    try:
        yield
    finally:
        reset_contextvars(**tokens)
