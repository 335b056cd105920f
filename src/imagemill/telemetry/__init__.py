"""Log lines, each with the request and the job that it belongs to: JSON, or text for a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from structlog.contextvars import bind_contextvars, reset_contextvars

_FOR_PROGRAMS: Final[tuple[structlog.typing.Processor, ...]] = (
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(),
)
_FOR_PEOPLE: Final[tuple[structlog.typing.Processor, ...]] = (
    structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
    structlog.dev.ConsoleRenderer(pad_event_to=0),
)


def configure(*, level: str = "INFO") -> None:
    """Write log lines to standard error: one JSON object each, or text where that is a terminal."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *(_FOR_PEOPLE if sys.stderr.isatty() else _FOR_PROGRAMS),
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
