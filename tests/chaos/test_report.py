"""A report tells every promise that did not hold, and what was counted on the way."""

from __future__ import annotations

import pytest

from tests.chaos.ledger import Event, ends, pick_ups, repeated, resumptions
from tests.chaos.report import Broken, Report, percentile

LOG = [
    Event(1, "a", "job.queued", 10.0),
    Event(2, "a", "job.started", 11.0),
    Event(3, "a", "job.requeued", 13.0),
    Event(4, "a", "job.started", 14.0),
    Event(5, "a", "job.completed", 15.0),
    Event(6, "b", "job.queued", 15.0),
    Event(7, "b", "job.dead", 16.0),
]


def test_a_report_whose_promises_held_is_given_back() -> None:
    report = Report("calm")

    report.count("jobs", 3)
    report.promise("all is well", held=True)
    report.none("lost", [])

    assert report.kept().counts == {"jobs": 3, "lost": 0}


def test_a_report_names_every_promise_that_did_not_hold() -> None:
    report = Report("storm")

    report.none("lost", ["a", "b"])
    report.promise("soon ready", held=False)

    with pytest.raises(Broken, match=r"storm: lost: 2, such as \['a', 'b'\]; soon ready"):
        report.kept()


def test_a_log_tells_how_long_jobs_waited_and_how_they_ended() -> None:
    assert pick_ups(LOG) == [1.0]
    assert resumptions(LOG) == [3.0]
    assert ends(LOG) == {"a": ["job.completed"], "b": ["job.dead"]}
    assert repeated(LOG, "job.started") == ["a"]
    assert repeated(LOG, "job.completed") == []


@pytest.mark.parametrize(("share", "figure"), [(0.0, 1), (0.5, 3), (0.99, 4), (1.0, 4)])
def test_a_percentile_is_one_of_the_figures(share: float, figure: float) -> None:
    assert percentile([4, 2, 3, 1], share) == figure


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 0.5) == 0.0
