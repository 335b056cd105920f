"""What follows a try at an image that a host did not give."""

from __future__ import annotations

import pytest

from imagemill.errors import (
    Corrupt,
    ImagemillError,
    Internal,
    SourceBlocked,
    SourceRefused,
    SourceUnavailable,
    TooLarge,
    Unavailable,
)
from imagemill.uploads.fetch import MOST_TAKEN, Again, Fetch, after_failure


def fetch(failures: int = 0, taken: int = 1) -> Fetch:
    url = "http://h.example/"
    return Fetch("id", "owner", url, "h.example", None, 0.0, failures=failures, taken=taken)


def ruled(fetch: Fetch, error: ImagemillError) -> Again | ImagemillError:
    return after_failure(fetch, error, 2.0, lambda pause_s: pause_s)


@pytest.mark.parametrize(("failures", "pause_s"), [(0, 2.0), (1, 8.0), (2, 32.0)])
def test_a_host_that_fails_has_three_more_tries(failures: int, pause_s: float) -> None:
    assert ruled(fetch(failures), SourceUnavailable("500")) == Again(pause_s, failures + 1)


def test_after_three_more_tries_it_is_over() -> None:
    error = SourceUnavailable("500")

    assert ruled(fetch(3), error) is error


@pytest.mark.parametrize(("asked_s", "pause_s"), [(1, 2.0), (60, 60.0), (999_999, 3600.0)])
def test_a_host_may_ask_for_a_longer_pause_up_to_an_hour(asked_s: int, pause_s: float) -> None:
    error = SourceUnavailable("503", retry_after_s=asked_s)

    assert ruled(fetch(), error) == Again(pause_s, 1)


@pytest.mark.parametrize("error", [SourceRefused, SourceBlocked, TooLarge, Corrupt, Internal])
def test_anything_else_ends_at_once(error: type[ImagemillError]) -> None:
    raised = error("No.")

    assert ruled(fetch(), raised) is raised


def test_what_fails_on_this_side_costs_no_try() -> None:
    assert ruled(fetch(2), Unavailable("Storage is away.")) == Again(5.0, 2)


def test_what_never_comes_to_an_end_is_given_up() -> None:
    worn = fetch(taken=MOST_TAKEN)

    assert isinstance(ruled(worn, Unavailable("Storage is away.")), Internal)
    assert isinstance(ruled(worn, SourceUnavailable("500")), SourceUnavailable)
