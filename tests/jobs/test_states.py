"""The life of a job, by cases and by random walks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemill.errors import (
    Conflict,
    Corrupt,
    DecoderCrashed,
    ImagemillError,
    Internal,
    Timeout,
    Unavailable,
)
from imagemill.jobs.states import (
    Patience,
    Ruling,
    Standing,
    Status,
    cancelled,
    claimed,
    failed,
    finished,
    lost,
)

PATIENCE = Patience()
QUEUED = Standing(Status.QUEUED)
PROCESSING = Standing(Status.PROCESSING, attempt=1)
FINAL = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


def as_is(pause_s: float) -> float:
    return pause_s


def fail(standing: Standing, error: type[ImagemillError]) -> Ruling:
    return failed(standing, error, PATIENCE, as_is)


def test_a_queued_job_is_claimed_as_the_next_attempt() -> None:
    assert claimed(QUEUED).standing == PROCESSING


@pytest.mark.parametrize("status", [Status.PROCESSING, *FINAL])
def test_only_a_queued_job_can_be_claimed(status: Status) -> None:
    with pytest.raises(Conflict, match=status):
        claimed(Standing(status))


@pytest.mark.parametrize("status", [Status.QUEUED, *FINAL])
def test_only_a_job_that_is_worked_on_can_end_an_attempt(status: Status) -> None:
    ends: tuple[Callable[[], Ruling], ...] = (
        lambda: finished(Standing(status)),
        lambda: fail(Standing(status), Internal),
        lambda: lost(Standing(status), PATIENCE),
    )

    for end in ends:
        with pytest.raises(Conflict, match=status):
            end()


@pytest.mark.parametrize("status", [Status.QUEUED, Status.PROCESSING])
def test_a_job_that_has_not_ended_can_be_cancelled(status: Status) -> None:
    assert cancelled(Standing(status)).standing.status is Status.CANCELLED


@pytest.mark.parametrize("status", FINAL)
def test_a_job_that_has_ended_cannot_be_cancelled(status: Status) -> None:
    with pytest.raises(Conflict, match=status):
        cancelled(Standing(status))


def test_a_finished_attempt_completes_the_job() -> None:
    assert finished(PROCESSING).standing.status is Status.COMPLETED


def test_a_picture_that_is_wrong_fails_at_once() -> None:
    ruling = fail(PROCESSING, Corrupt)

    assert (ruling.standing.status, ruling.error) == (Status.FAILED, "corrupt")


def test_an_error_that_may_pass_is_tried_once_at_once_and_then_with_growing_pauses() -> None:
    pauses: list[float] = []
    standing = QUEUED

    while standing.status is Status.QUEUED:
        ruling = fail(claimed(standing).standing, Timeout)
        standing = ruling.standing
        pauses.append(ruling.due_in_s)

    assert pauses[:-1] == [0.0, 5.0, 30.0, 180.0]
    assert (standing.status, ruling.error, standing.attempt) == (Status.FAILED, "timeout", 5)


def test_a_picture_that_kills_the_decoder_twice_is_poison() -> None:
    once = fail(PROCESSING, DecoderCrashed)

    twice = fail(claimed(once.standing).standing, DecoderCrashed)

    assert once.standing.status is Status.QUEUED
    assert (twice.standing.status, twice.error) == (Status.FAILED, "decoder_crashed")


def test_a_lost_worker_costs_no_try_until_there_were_twenty() -> None:
    standing = QUEUED
    for _ in range(19):
        standing = lost(claimed(standing).standing, PATIENCE).standing
    assert (standing.status, standing.failures) == (Status.QUEUED, 0)

    ruling = lost(claimed(standing).standing, PATIENCE)

    assert (ruling.standing.status, ruling.error) == (Status.FAILED, "worker_lost")


EVENTS = st.sampled_from(["claim", "finish", "wrong", "passing", "crash", "down", "lose", "cancel"])


def follow(standing: Standing, event: str) -> Ruling:
    if event == "claim":
        return claimed(standing)
    if event == "finish":
        return finished(standing)
    if event == "cancel":
        return cancelled(standing)
    if event == "lose":
        return lost(standing, PATIENCE)
    errors = {"wrong": Corrupt, "passing": Timeout, "crash": DecoderCrashed, "down": Unavailable}
    return fail(standing, errors[event])


@given(st.lists(EVENTS, max_size=200))
def test_every_life_moves_forward_and_ends_once(events: list[str]) -> None:
    standing = QUEUED

    for event in events:
        before = standing
        try:
            standing = follow(before, event).standing
        except Conflict:
            continue
        assert not before.status.is_final
        assert standing.attempt == before.attempt + (event == "claim")
        assert standing.failures <= len(PATIENCE.pauses_s) + 1
        assert standing.crashes <= PATIENCE.crashes
        assert standing.lost <= PATIENCE.lost


@given(st.lists(st.sampled_from(["passing", "crash", "lose"]), min_size=60, max_size=60))
def test_no_job_is_tried_for_ever(ends: list[str]) -> None:
    standing = QUEUED

    for end in ends:
        if standing.status is not Status.QUEUED:
            break
        standing = follow(claimed(standing).standing, end).standing

    assert standing.status is Status.FAILED
