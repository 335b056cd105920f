"""How far an order is: which numbers are told, when, and none where work is short."""

from __future__ import annotations

from itertools import pairwise

import pytest
import pyvips

from imagemill.engine.progress import (
    A_TRY,
    TELL_AFTER_S,
    TELL_EVERY_S,
    Progress,
    part_of_writing,
    unheard,
)

LARGE = pyvips.Image.black(2500, 2000)
"""So large that passes over it are watched from the start."""
SMALL = pyvips.Image.black(100, 80)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Told:
    """Numbers that were told, and when."""

    def __init__(self, clock: Clock) -> None:
        self.percents: list[int] = []
        self.times: list[float] = []
        self._clock = clock

    def __call__(self, percent: int) -> None:
        self.percents.append(percent)
        self.times.append(self._clock.now)


def test_short_work_is_told_nothing_of() -> None:
    clock = Clock()
    told = Told(clock)
    progress = Progress(told, 2, clock)

    progress.watched(LARGE, 1).copy_memory()
    clock.now += TELL_AFTER_S * 0.99
    progress.finish_output()

    assert told.percents == []


def test_every_output_has_an_equal_share() -> None:
    clock = Clock()
    told = Told(clock)
    progress = Progress(told, 4, clock)

    for _ in range(4):
        clock.now += 1
        progress.finish_output()

    assert told.percents == [25, 50, 75]


def test_there_are_at_most_four_numbers_a_second() -> None:
    clock = Clock()
    began = clock.now
    told = Told(clock)
    progress = Progress(told, 200, clock)

    for _ in range(200):
        clock.now += 0.01
        progress.finish_output()

    pauses = [later - earlier for earlier, later in pairwise(told.times)]
    assert told.times[0] - began >= TELL_AFTER_S
    assert len(pauses) >= 5
    assert min(pauses) >= TELL_EVERY_S


def test_a_pass_moves_its_part_of_what_the_share_has_left() -> None:
    clock = Clock()
    told = Told(clock)
    progress = Progress(told, 1, clock)

    for _ in range(3):
        progress.held(LARGE, frames=1)
        clock.now += 1
    progress.watched(LARGE, 1)

    assert told.percents == [50, 75, 87]


def test_thirty_tries_do_not_use_a_share_up() -> None:
    clock = Clock()
    told = Told(clock)
    progress = Progress(told, 1, clock)

    for _ in range(30):
        clock.now += 1
        progress.watched(SMALL, A_TRY)

    assert told.percents[-1] < 90


def test_pixels_in_memory_are_no_pass() -> None:
    clock = Clock()
    told = Told(clock)
    progress = Progress(told, 1, clock)
    held = progress.held(SMALL, frames=1)

    for _ in range(5):
        clock.now += 1
        assert progress.held(held, frames=1) is held
    progress.watched(SMALL, 1)

    assert told.percents == [50]


def test_a_small_pass_is_watched_only_in_work_that_has_become_long() -> None:
    clock = Clock()
    progress = Progress(unheard, 1, clock)

    early = progress.watched(SMALL, A_TRY)
    clock.now += 1
    late = progress.watched(SMALL, A_TRY)

    assert early is SMALL
    assert late is not SMALL


@pytest.mark.parametrize(
    ("saver", "palette", "frames", "part"),
    [
        ("jpegsave", False, 1, 1.0),
        ("pngsave", False, 1, 1.0),
        ("pngsave", True, 1, 0.25),
        ("webpsave", False, 1, 0.25),
        ("webpsave", False, 9, 1.0),
        ("heifsave", False, 1, 0.25),
    ],
)
def test_an_encoder_that_waits_for_all_pixels_leaves_most_of_the_share(
    saver: str, *, palette: bool, frames: int, part: float
) -> None:
    assert part_of_writing(saver, {"palette": palette}, frames=frames) == part
