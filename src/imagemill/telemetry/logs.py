"""Log lines as JSON, or text for a terminal; those of libraries go the same way."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from imagemill.telemetry.tracing import trace_id

Form = Literal["auto", "json", "text"]
_REPEAT_S: Final = 10.0
"""The same warning is written once within this time, and then with how often it came."""
_REMEMBERED: Final = 1000
_FOR_ONE_REQUEST: Final = frozenset({"request_id", "trace_id", "timestamp"})


def configure(*, level: str = "INFO", form: Form = "auto") -> None:
    """Write log lines to standard error: one JSON object each, or text where that is a terminal."""
    is_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    number = logging.getLevelNamesMapping()[level]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _with_trace,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if is_text else "iso", utc=not is_text),
    ]
    last = _for_people() if is_text else _for_programs()
    structlog.configure(
        processors=[*shared, Repeats(time.monotonic), *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _take_libraries_in([*shared, _as_ours], last, max(number, logging.WARNING))


class Repeats:
    """Drops a warning that was just written; the next one that is not says how many were."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take the time in seconds from `clock`."""
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}

    def __call__(self, _: WrappedLogger, method: str, line: EventDict) -> EventDict:
        """Pass a line on; raises `DropEvent` for one too many."""
        if method != "warning":
            return line
        name = repr([pair for pair in line.items() if pair[0] not in _FOR_ONE_REQUEST])
        now = self._clock()
        at, dropped = self._seen.get(name, (now - _REPEAT_S, 0))
        if now - at < _REPEAT_S:
            self._seen[name] = (at, dropped + 1)
            raise structlog.DropEvent
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[name] = (now, 0)
        return {**line, "repeated": dropped} if dropped else line


class RepeatedSayings(logging.Filter):
    """Keeps back what a library said a moment ago, whatever it put into the gaps of its words."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take the time in seconds from `clock`."""
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is to be written."""
        name, now = (record.name, str(record.msg)), self._clock()
        if now - self._said.get(name, now - _REPEAT_S) < _REPEAT_S:
            return False
        if len(self._said) >= _REMEMBERED:
            self._said.clear()
        self._said[name] = now
        return True


def _for_programs() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _for_people() -> list[Processor]:
    return [structlog.dev.ConsoleRenderer(pad_event_to=0)]


def _with_trace(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    if (found := trace_id()) is not None:
        line["trace_id"] = found
    return line


def _as_ours(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Give a library's line a name of ours; its words become a field."""
    record: logging.LogRecord | None = line.get("_record")
    logger = record.name if record else ""
    return {**line, "event": "library_said", "said": line["event"], "logger": logger}


def _take_libraries_in(before: list[Processor], last: list[Processor], level: int) -> None:
    """Let what libraries log, uvicorn among them, and Python's warnings come out as our lines."""
    without_record: Any = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RepeatedSayings(time.monotonic))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before, processors=[without_record, *last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
