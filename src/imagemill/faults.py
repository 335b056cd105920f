"""Named points at which a test makes a process fail; nothing happens there unless it asks."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import count
from typing import Final, Self

import structlog

from imagemill.errors import FieldError, InvalidRequest, Unavailable

_log = structlog.get_logger(__name__)


class Point(StrEnum):
    """Where in the life of a job a process may be made to fail."""

    BEFORE_202 = "before_202"
    """The promise is not on disk yet."""
    AFTER_202 = "after_202"
    """The promise is on disk and answered."""
    AFTER_LEASE = "after_lease"
    """A worker has claimed the job and done nothing for it yet."""
    MID_DECODE = "mid_decode"
    """A child of the sandbox has the order."""
    HALF_WRITTEN = "half_written"
    """A part of an object is written, and it has no name yet."""
    AFTER_STORE = "after_store"
    """The results are stored, and nobody was told of them."""
    AFTER_RECORD = "after_record"
    """The end of the attempt is recorded, and its message is not acknowledged."""
    BEFORE_PUBLISH = "before_publish"
    """A message lies in the outbox, and not on the queue."""
    BEFORE_NOTIFY = "before_notify"
    """An event was read, and nothing is kept of it."""
    AFTER_NOTIFY = "after_notify"
    """What is owed for an event is kept, and nothing is sent."""
    BEFORE_DELIVER = "before_deliver"
    """A delivery is lent to this process, and nothing is sent."""
    AFTER_DELIVER = "after_deliver"
    """A delivery was answered, and its end is not recorded."""


class Action(StrEnum):
    """What a point does when it is reached."""

    KILL = "kill"
    """End the process at once, as `kill -9` does."""
    STOP = "stop"
    """Halt the process until somebody sends it SIGCONT."""
    FAIL = "fail"
    """Raise `Unavailable`."""


_SIGNALS: Final[Mapping[Action, signal.Signals]] = {
    Action.KILL: signal.SIGKILL,
    Action.STOP: signal.SIGSTOP,
}
_FORM: Final = "point:action or point:action:n"


class Faults:
    """What is to happen at which point, and how often each was reached since the start."""

    def __init__(self, wanted: Mapping[tuple[Point, int], Action]) -> None:
        """Do something at the n-th time that a point is reached, counted from 1."""
        self._wanted = dict(wanted)
        # Taking the next number is one step for all threads: no two reach a point as the same one.
        self._times = {point: count(1) for point, _ in wanted}

    @classmethod
    def none(cls) -> Self:
        """Do nothing anywhere."""
        return cls({})

    @classmethod
    def read(cls, text: str, *, are_allowed: bool) -> Self:
        """Read `after_store:kill,before_publish:fail:3`; without a number it is the first time.

        Raises `InvalidRequest` for what cannot be read, and for any fault where they are not
        allowed.
        """
        given = [part.strip() for part in text.split(",") if part.strip()]
        if given and not are_allowed:
            raise InvalidRequest(
                "IMAGEMILL_FAULT makes processes fail on purpose, which is for tests. Unset it, or "
                "set IMAGEMILL_TEST_FAULTS=1 where no work is worth keeping."
            )
        wanted = dict(map(_fault, given))
        if len(wanted) < len(given):
            raise _refused(text, "names one point twice for the same time.")
        return cls(wanted)

    def reach(self, point: Point) -> None:
        """Say that a point is reached; raises `Unavailable` where the fault is `fail`."""
        if point not in self._times:
            return
        time = next(self._times[point])
        action = self._wanted.get((point, time))
        if action is None:
            return
        _log.warning("fault", point=point.value, time=time, action=action.value)
        if action is Action.FAIL:
            raise Unavailable(f"The fault point {point} was told to fail.", retry_after_s=1)
        # To this very thread, which therefore goes no further.
        signal.raise_signal(_SIGNALS[action])


def _fault(text: str) -> tuple[tuple[Point, int], Action]:
    parts = text.split(":")
    if len(parts) not in {2, 3}:
        raise _refused(text, f"is not {_FORM}.")
    point, action, time = (*parts, "1")[:3]
    if point not in _values(Point):
        raise _refused(text, f"names no point; there are {', '.join(_values(Point))}.")
    if action not in _values(Action):
        raise _refused(text, f"names no action; there are {', '.join(_values(Action))}.")
    if not (time.isdecimal() and int(time)):
        raise _refused(text, "must end in a whole number from 1 on: the n-th time.")
    return (Point(point), int(time)), Action(action)


def _values(names: Iterable[StrEnum]) -> list[str]:
    return [each.value for each in names]


def _refused(text: str, problem: str) -> InvalidRequest:
    said = f"{text!r} {problem}"
    return InvalidRequest(f"IMAGEMILL_FAULT: {said}", errors=[FieldError("fault", said)])
