"""Where faults are, what they do, and who may have them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imagemill.assembly import running
from imagemill.errors import InvalidRequest, Unavailable
from imagemill.faults import Action, Faults, Point
from imagemill.settings import Settings

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from imagemill import telemetry
from imagemill.faults import Faults, Point
telemetry.configure()
faults = Faults.read(sys.argv[1], are_allowed=True)
for time in range(1, 4):
    print(time, flush=True)
    faults.reach(Point.AFTER_STORE)
"""
"""Reaches a point three times and says so before each."""


def started(fault: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, fault], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


@pytest.mark.parametrize("text", ["", " ", ",", "before_202:fail"])
def test_a_point_that_is_not_named_does_nothing(text: str) -> None:
    faults = Faults.read(text, are_allowed=True)

    for _ in range(3):
        faults.reach(Point.AFTER_STORE)


def test_every_point_can_be_made_to_fail_the_first_time_that_it_is_reached() -> None:
    faults = Faults.read(",".join(f"{each}:fail" for each in Point), are_allowed=True)

    for point in Point:
        with pytest.raises(Unavailable, match=point):
            faults.reach(point)
        faults.reach(point)


def test_a_number_is_the_only_time_at_which_it_happens() -> None:
    faults = Faults.read("before_publish:fail:2, before_publish:fail:4", are_allowed=True)

    faults.reach(Point.BEFORE_PUBLISH)
    with pytest.raises(Unavailable):
        faults.reach(Point.BEFORE_PUBLISH)
    faults.reach(Point.BEFORE_PUBLISH)
    with pytest.raises(Unavailable):
        faults.reach(Point.BEFORE_PUBLISH)


@pytest.mark.slow
def test_a_killed_process_goes_no_further() -> None:
    with started("after_store:kill:2") as program:
        said, _ = program.communicate(timeout=30)

    assert said.split() == [b"1", b"2"]
    assert program.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_stopped_process_goes_on_when_it_is_told_to() -> None:
    with started("after_store:stop:2") as program:
        _, status = os.waitpid(program.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        program.send_signal(signal.SIGCONT)
        said, _ = program.communicate(timeout=30)

    assert said.split() == [b"1", b"2", b"3"]
    assert program.returncode == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("after_stroe:kill", "'after_stroe:kill' names no point; there are before_202, "),
        ("after_store:explode", "names no action; there are kill, stop, fail"),
        ("after_store", "is not point:action"),
        ("after_store:kill:1:2", "is not point:action"),
        ("after_store:kill:0", "whole number from 1 on"),
        ("after_store:kill:often", "whole number from 1 on"),
        ("after_store:kill,after_store:fail:1", "twice for the same time"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(text: str, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem) as refused:
        Faults.read(text, are_allowed=True)

    assert [each.field for each in refused.value.errors] == ["fault"]


def test_a_refusal_lists_every_point_and_action() -> None:
    with pytest.raises(InvalidRequest) as point:
        Faults.read("x:kill", are_allowed=True)
    with pytest.raises(InvalidRequest) as action:
        Faults.read("after_202:x", are_allowed=True)

    assert all(each in point.value.message for each in Point)
    assert all(each in action.value.message for each in Action)


def test_the_page_about_crashes_lists_every_point_and_action() -> None:
    page = (ROOT / "docs/how-to/test-a-crash.md").read_text(encoding="utf-8")

    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)

    assert listed == [*Action, *Point]


async def test_nothing_starts_with_a_fault_unless_it_is_a_test() -> None:
    settings = Settings.load({"IMAGEMILL_FAULT": "after_store:kill"})

    with pytest.raises(InvalidRequest, match="IMAGEMILL_TEST_FAULTS"):
        async with running(settings):
            pass
