"""The life of a job: every event in every state, the plan of tries, and random walks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from imagemill.errors import (
    Conflict,
    Corrupt,
    DecoderCrashed,
    ImagemillError,
    IntegrityLost,
    Internal,
    Timeout,
    Unavailable,
)
from imagemill.jobs.states import (
    Outcome,
    Patience,
    Ruling,
    Standing,
    Status,
    cancelled,
    claimed,
    failed,
    finished,
    given_back,
    lost,
    overdue,
)

PATIENCE: Final = Patience()
QUEUED: Final = Standing(Status.QUEUED)
PROCESSING: Final = Standing(Status.PROCESSING, attempt=1)
FINAL: Final = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


def as_is(pause_s: float) -> float:
    return pause_s


def fail(standing: Standing, error: type[ImagemillError], patience: Patience = PATIENCE) -> Ruling:
    return failed(standing, error, patience, as_is)


EVENTS: Final[dict[str, Callable[[Standing], Ruling]]] = {
    "claimed": claimed,
    "finished": finished,
    "picture is wrong": lambda each: fail(each, Corrupt),
    "failed": lambda each: fail(each, Timeout),
    "child died": lambda each: fail(each, DecoderCrashed),
    "lost": lambda each: lost(each, PATIENCE),
    "given back": lambda each: given_back(each, 2.0),
    "cancelled": cancelled,
    "overdue": overdue,
}

ANSWERS: Final[dict[tuple[Status, str], tuple[Status, Outcome | None]]] = {
    (Status.QUEUED, "claimed"): (Status.PROCESSING, None),
    (Status.QUEUED, "cancelled"): (Status.CANCELLED, None),
    (Status.QUEUED, "overdue"): (Status.FAILED, None),
    (Status.PROCESSING, "finished"): (Status.COMPLETED, Outcome.FINISHED),
    (Status.PROCESSING, "picture is wrong"): (Status.FAILED, Outcome.FAILED),
    (Status.PROCESSING, "failed"): (Status.QUEUED, Outcome.FAILED),
    (Status.PROCESSING, "child died"): (Status.QUEUED, Outcome.FAILED),
    (Status.PROCESSING, "lost"): (Status.QUEUED, Outcome.LOST),
    (Status.PROCESSING, "given back"): (Status.QUEUED, Outcome.GIVEN_BACK),
    (Status.PROCESSING, "cancelled"): (Status.CANCELLED, Outcome.CANCELLED),
    (Status.PROCESSING, "overdue"): (Status.FAILED, Outcome.OVERDUE),
}
"""What a first event does where it can happen; every other pair is refused."""


@pytest.mark.parametrize(("status", "event"), ANSWERS)
def test_an_event_that_can_happen_has_its_answer(status: Status, event: str) -> None:
    ruling = EVENTS[event](Standing(status, attempt=1))

    assert (ruling.standing.status, ruling.outcome) == ANSWERS[status, event]


@pytest.mark.parametrize(
    ("status", "event"),
    [(status, event) for status in Status for event in EVENTS if (status, event) not in ANSWERS],
)
def test_an_event_that_cannot_happen_is_refused_by_the_state(status: Status, event: str) -> None:
    with pytest.raises(Conflict, match=f"The job is {status}"):
        EVENTS[event](Standing(status, attempt=1))


def test_final_states_are_those_in_which_nothing_can_happen() -> None:
    moving = {status for status, _ in ANSWERS}

    assert {status for status in Status if status.is_final} == set(FINAL) == set(Status) - moving


def test_a_queued_job_is_claimed_as_the_next_attempt() -> None:
    assert claimed(QUEUED).standing == PROCESSING


@pytest.mark.parametrize("error", [Corrupt, IntegrityLost])
def test_what_no_new_try_can_better_fails_at_once_and_leaves_no_letter(
    error: type[ImagemillError],
) -> None:
    ruling = fail(PROCESSING, error)

    assert (ruling.standing.status, ruling.error) == (Status.FAILED, error.code)
    assert not ruling.is_dead


def pauses_of(patience: Patience, error: type[ImagemillError] = Timeout) -> list[float]:
    """Fail at every try and tell the pauses; the last ruling must be a dead letter."""
    pauses, standing = [], QUEUED
    while standing.status is Status.QUEUED:
        ruling = fail(claimed(standing).standing, error, patience)
        standing = ruling.standing
        pauses.append(ruling.due_in_s)
    assert (standing.status, ruling.error, ruling.is_dead) == (Status.FAILED, error.code, True)
    assert standing.attempt == len(pauses)
    return pauses[:-1]


def test_an_error_that_may_pass_is_tried_once_at_once_and_then_with_growing_pauses() -> None:
    assert pauses_of(PATIENCE) == [0.0, 5.0, 30.0, 180.0]


def test_fewer_retries_are_the_first_ones_and_more_repeat_the_last_pause() -> None:
    assert pauses_of(PATIENCE.with_retries(0)) == []
    assert pauses_of(PATIENCE.with_retries(2)) == [0.0, 5.0]
    assert pauses_of(PATIENCE.with_retries(6)) == [0.0, 5.0, 30.0, 180.0, 180.0, 180.0]


@pytest.mark.parametrize("of_all", [0, 1])
def test_a_job_may_have_more_retries_than_jobs_have_by_default(of_all: int) -> None:
    patience = PATIENCE.with_retries(of_all)

    assert pauses_of(patience.with_retries(3)) == [0.0, 5.0, 30.0]


def test_pauses_differ_by_the_jitter() -> None:
    once = fail(PROCESSING, Timeout)

    twice = failed(claimed(once.standing).standing, Timeout, PATIENCE, lambda pause_s: pause_s / 2)

    assert twice.due_in_s == 2.5


def test_a_picture_that_kills_the_decoder_twice_is_poison() -> None:
    once = fail(PROCESSING, DecoderCrashed)

    twice = fail(claimed(once.standing).standing, DecoderCrashed)

    assert once.standing.status is Status.QUEUED
    assert (twice.standing.status, twice.error) == (Status.FAILED, "decoder_crashed")
    assert twice.is_dead


def test_a_lost_worker_costs_no_try_until_there_were_twenty() -> None:
    standing = QUEUED
    for _ in range(19):
        standing = lost(claimed(standing).standing, PATIENCE).standing
    assert (standing.status, standing.failures) == (Status.QUEUED, 0)

    ruling = lost(claimed(standing).standing, PATIENCE)

    assert (ruling.standing.status, ruling.error) == (Status.FAILED, "worker_lost")
    assert ruling.is_dead


def test_what_is_given_back_costs_nothing_and_rests_as_long_as_was_said() -> None:
    ruling = given_back(PROCESSING, 2.0)

    assert ruling.standing == replace(PROCESSING, status=Status.QUEUED)
    assert (ruling.due_in_s, ruling.error, ruling.is_dead) == (2.0, None, False)


@pytest.mark.parametrize("standing", [QUEUED, PROCESSING])
def test_a_job_past_its_deadline_fails_and_leaves_no_letter(standing: Standing) -> None:
    ruling = overdue(standing)

    assert (ruling.standing.status, ruling.error) == (Status.FAILED, "deadline_passed")
    assert not ruling.is_dead


class Life(RuleBasedStateMachine):
    """One job beside a model that counts for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.patience = PATIENCE
        self.standing = QUEUED
        self.before = QUEUED
        self.where = "waiting"
        self.tries = self.errors = self.deaths = self.silences = 0
        self.is_dead = False

    @rule(retries=st.integers(0, 6))
    def allow_retries(self, retries: int) -> None:
        if not self.tries:
            self.patience = PATIENCE.with_retries(retries)

    @rule()
    def claim(self) -> None:
        if self._happened(claimed, possible=self.where == "waiting"):
            self.tries += 1
            self.where = "at work"

    @rule()
    def finish(self) -> None:
        if self._happened(finished, possible=self.where == "at work"):
            self.where = "over"

    @rule(error=st.sampled_from([Corrupt, Timeout, Internal, Unavailable, DecoderCrashed]))
    def fail(self, error: type[ImagemillError]) -> None:
        possible = self.where == "at work"
        if not self._happened(lambda each: fail(each, error, self.patience), possible=possible):
            return
        if error is Corrupt:
            self.where = "over"
            return
        self.errors += 1
        self.deaths += error is DecoderCrashed
        used_up = self.errors > self.patience.retries or self.deaths == 2
        self.where, self.is_dead = ("over", True) if used_up else ("waiting", False)

    @rule()
    def lose(self) -> None:
        if self._happened(lambda each: lost(each, PATIENCE), possible=self.where == "at work"):
            self.silences += 1
            self.is_dead = self.silences == 20
            self.where = "over" if self.is_dead else "waiting"

    @rule()
    def give_back(self) -> None:
        if self._happened(lambda each: given_back(each, 1.0), possible=self.where == "at work"):
            assert replace(self.standing, status=Status.PROCESSING) == self.before
            self.where = "waiting"

    @rule(event=st.sampled_from([cancelled, overdue]), rarely=st.integers(0, 9))
    def end(self, event: Callable[[Standing], Ruling], rarely: int) -> None:
        if not rarely and self._happened(event, possible=self.where != "over"):
            self.where = "over"

    @invariant()
    def stands_as_the_model_says(self) -> None:
        expected = {"waiting": {Status.QUEUED}, "at work": {Status.PROCESSING}, "over": set(FINAL)}
        counted = (self.tries, self.errors, self.deaths, self.silences)
        standing = self.standing
        assert standing.status in expected[self.where]
        assert (standing.attempt, standing.failures, standing.crashes, standing.lost) == counted

    @invariant()
    def is_never_tried_too_often(self) -> None:
        assert self.standing.failures <= self.patience.retries + 1
        assert self.standing.crashes <= self.patience.crashes
        assert self.standing.lost <= self.patience.lost

    def _happened(self, event: Callable[[Standing], Ruling], *, possible: bool) -> bool:
        """Let an event happen; it must be refused just where the model says so."""
        self.before = self.standing
        try:
            ruling = event(self.standing)
        except Conflict:
            assert not possible
            return False
        assert possible
        assert ruling.standing.attempt >= self.standing.attempt
        self.standing, self.ruling = ruling.standing, ruling
        return True

    @invariant()
    def has_a_letter_only_when_its_tries_are_used_up(self) -> None:
        if self.tries and self.standing.status.is_final:
            assert self.ruling.is_dead == self.is_dead


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestLife = Life.TestCase


@given(st.lists(st.sampled_from(["failed", "child died", "lost"]), min_size=60, max_size=60))
def test_no_job_is_tried_for_ever(ends: list[str]) -> None:
    standing = QUEUED

    for end in ends:
        if standing.status is not Status.QUEUED:
            break
        standing = EVENTS[end](claimed(standing).standing).standing

    assert standing.status is Status.FAILED
