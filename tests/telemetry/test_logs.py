"""What log lines look like, whoever writes them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
import structlog

from imagemill.telemetry.logs import RepeatedSayings, Repeats

_PROGRAM = """
import logging, warnings
import structlog
from imagemill import telemetry
from imagemill.telemetry.tracing import Tracing

telemetry.configure(level="INFO", form="json")
log = structlog.get_logger("x")
GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
with telemetry.about(request_id="r-1", job_id="j-1"), Tracing().span("a", parent=GIVEN):
    log.info("first_thing", count=1)
    logging.getLogger("uvicorn.error").warning("It is %s.", "odd")
logging.getLogger("library").info("not wanted")
warnings.warn("old", DeprecationWarning, stacklevel=1)
log.debug("not_wanted")
for _ in range(3):
    log.warning("same_again", reason="away")
try:
    raise ValueError("broken")
except ValueError:
    log.exception("it_broke")
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """Give the lines that a small program of its own writes, for logs belong to a whole process."""
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", _PROGRAM], capture_output=True, check=True
    )
    return [json.loads(line) for line in done.stderr.decode().splitlines()]


def named(lines: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [each for each in lines if each["event"] == event]


def test_every_line_is_one_object_with_a_time_and_a_level(lines: list[dict[str, Any]]) -> None:
    assert {"event", "level", "timestamp"} <= set.intersection(*map(set, lines))
    assert not [each for each in lines if "not" in each.get("said", each["event"]).split("_")]


def test_a_line_names_the_request_the_job_and_the_trace(lines: list[dict[str, Any]]) -> None:
    (line,) = named(lines, "first_thing")

    ids = {"request_id": "r-1", "job_id": "j-1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    assert ids.items() <= line.items()


def test_what_libraries_say_comes_out_the_same_way(lines: list[dict[str, Any]]) -> None:
    said = named(lines, "library_said")

    assert [each["logger"] for each in said] == ["uvicorn.error", "py.warnings"]
    assert said[0]["said"] == "It is odd."
    assert said[0]["request_id"] == "r-1"
    assert "DeprecationWarning: old" in said[1]["said"]


def test_a_warning_that_repeats_itself_is_written_once(lines: list[dict[str, Any]]) -> None:
    assert len(named(lines, "same_again")) == 1


def test_an_exception_stays_on_its_line(lines: list[dict[str, Any]]) -> None:
    (line,) = named(lines, "it_broke")

    assert "ValueError: broken" in line["exception"]


def test_the_next_warning_says_how_many_were_left_out() -> None:
    now = [0.0]
    repeats = Repeats(lambda: now[0])

    written = []
    for now[0] in (0.0, 1.0, 2.0, 11.0, 12.0, 30.0):
        try:
            written.append(repeats(None, "warning", {"event": "a", "request_id": str(now[0])}))
        except structlog.DropEvent:
            continue

    assert [line.get("repeated") for line in written] == [None, 2, 1]


def test_only_warnings_are_held_back() -> None:
    repeats = Repeats(lambda: 0.0)

    lines = [repeats(None, "info", {"event": "a"}) for _ in range(3)]

    assert len(lines) == 3


def test_a_library_that_says_the_same_of_something_else_is_heard_once_in_a_while() -> None:
    now = [0.0]
    sayings = RepeatedSayings(lambda: now[0])

    heard = []
    for now[0] in (0.0, 5.0, 12.0):
        record = logging.makeLogRecord({"name": "lib", "msg": "Again in %d s.", "args": (now[0],)})
        heard.append(sayings.filter(record))
    other = sayings.filter(logging.makeLogRecord({"name": "lib", "msg": "Something else."}))

    assert heard == [True, False, True]
    assert other
