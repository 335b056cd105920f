"""No URL that a stranger names leads to what is not public, whichever way it is written.

The table of attacks is not part of the repository: IMAGEMILL_TEST_ATTACKS names its folder. The
program runs in a network of its own between canaries, which only root can make.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imagemill.egress.urls import REFUSAL
from tests.acceptance.api import JSON
from tests.attacks.ssrf import space

TABLE = Path(os.environ.get("IMAGEMILL_TEST_ATTACKS", "/nowhere")) / "ssrf.tsv"
pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.may_skip("needs root, and a table that is not part of the repository"),
    pytest.mark.skipif(not TABLE.is_file(), reason="IMAGEMILL_TEST_ATTACKS names no ssrf.tsv"),
    pytest.mark.skipif(not space.is_possible(), reason="a network of one's own is made by root"),
]
REFUSED = {"422 url_not_allowed", "422 invalid_request", "failed:source_blocked"}
BLOCKED = "failed:source_blocked"
UNAVAILABLE = "failed:source_unavailable"
ENDS: dict[str, dict[str, str]] = {
    "SS081": {"to metadata": BLOCKED, "to a name within": BLOCKED},
    "SS083": {"to gopher": BLOCKED, "to a file": BLOCKED},
    "SS085": {
        "to relative": BLOCKED,
        "to relative, port 80": BLOCKED,
        "three hops": "stored",
        "four hops": UNAVAILABLE,
    },
    "SS087": {"refresh": "failed:unsupported_format"},
    "SS089": {"rebinding": "stored", "rebinding at a redirect": BLOCKED},
    "SS091": {"dual stack": BLOCKED, "mixed": BLOCKED, "mapped": BLOCKED, "translated": BLOCKED},
    "SS093": {"hanging name": UNAVAILABLE},
    "SS095": {"slow": UNAVAILABLE},
    "SS097": {"lying length": "failed:unsupported_format", "no length": "failed:too_large"},
    "SS099": {"404": UNAVAILABLE, "500": UNAVAILABLE, "503": UNAVAILABLE},
    "ours": {
        "a name of the metadata service": BLOCKED,
        "unknown name": BLOCKED,
        "job": "completed",
        "inner": BLOCKED,
        "closed": BLOCKED,
    },
}
UNHEARD = {REFUSAL, "The host of the URL could not be looked up now."}
"""Why a receiver is not told anything."""
STATUSES = {
    "to metadata": 307,
    "to gopher": 302,
    "to relative": 302,
    "to relative, port 80": 302,
    "to a name within": 301,
    "to a file": 303,
    "three hops": 302,
    "four hops": 302,
    "404": 404,
    "500": 500,
    "503": 503,
}
TOLD: dict[str, str] = {
    **dict.fromkeys(["refresh", "slow", "lying length", "no length"], "delivered"),
    **{name: f"The receiver answered with status {each}." for name, each in STATUSES.items()},
}
"""How it ends where a receiver is told: never with a redirect that is followed."""
ELSEWHERE = {"SS101", "SS103"}
"""Rows that tests of their own try: webhooks, and answers that are alike."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> JSON:
    folder = tmp_path_factory.mktemp("ssrf")
    space.run_in_own("tests.attacks.ssrf.rig", str(TABLE), str(folder), within_s=150)
    told: JSON = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return told


def test_no_canary_is_connected_to(report: JSON) -> None:
    assert report["canaries"] == []


def test_the_program_ends_in_good_order_after_it_all(report: JSON) -> None:
    assert report["code"] == 0


def test_every_row_of_the_table_is_tried(report: JSON) -> None:
    assert set(report["rows"]) == {*report["refused"], *ENDS, *ELSEWHERE} - {"ours"}


def test_every_url_that_is_refused_is_refused_as_image_and_as_job(report: JSON) -> None:
    assert let_through(report["refused"], REFUSED) == {}


def test_every_url_that_is_refused_is_refused_as_webhook_and_by_a_job(report: JSON) -> None:
    assert report["webhooks"]["refused"].keys() == report["refused"].keys()
    assert let_through(report["webhooks"]["refused"], {"422 url_not_allowed"}) == {}


def test_webhooks_are_blocked_like_images_and_follow_no_redirect(report: JSON) -> None:
    ended = report["webhooks"]["ended"]

    told = {name: end for name, end in ended.items() if end not in UNHEARD}

    assert told == TOLD
    assert report["webhooks"]["jobs"] == sorted(ended.values())


def test_a_name_of_a_webhook_is_judged_at_every_delivery(report: JSON) -> None:
    assert report["webhooks"]["turning"] == ["delivered", REFUSAL]
    assert report["asked"]["POST turning/ok.jpg"] == 1


@pytest.mark.parametrize("row", ENDS)
def test_what_is_found_out_by_asking_ends_as_the_table_says(report: JSON, row: str) -> None:
    assert {name: report["ended"][name] for name in ENDS[row]} == ENDS[row]


@pytest.mark.parametrize(
    ("asked", "times"),
    [
        ("img/404", 1),
        ("img/500", 4),
        ("img/busy", 4),
        ("rebinding/ok.jpg", 1),
        ("returning/ok.jpg", 0),
        ("img/hops/0", 1),
    ],
)
def test_a_host_is_asked_as_often_as_it_is_worth(report: JSON, asked: str, times: int) -> None:
    assert report["asked"].get(asked, 0) == times


def test_more_bytes_than_allowed_are_not_read(report: JSON) -> None:
    buffers, limit = 30 << 20, 50 << 20  # Of sockets, as large as Linux lets them grow, and more.

    assert report["sent_bytes"]["GET /lies"] < buffers
    assert report["sent_bytes"]["GET /flood"] < limit + buffers


def test_of_what_a_receiver_answers_little_is_read(report: JSON) -> None:
    each, webhook_and_job = 30 << 20, 2  # Of sockets, as above.

    assert report["sent_bytes"]["POST /lies"] < webhook_and_job * each
    assert report["sent_bytes"]["POST /flood"] < webhook_and_job * each


def test_blocked_closed_and_speechless_hosts_answer_alike(report: JSON) -> None:
    shown = [json.dumps(error, sort_keys=True) for ends in _alike(report) for _, error in ends]
    fastest = [min(seconds for seconds, _ in ends) for ends in _alike(report)]

    assert len(set(shown)) == 1
    assert max(fastest) - min(fastest) < 0.05


def let_through(refused: JSON, refusals: set[str]) -> JSON:
    """Find the rows of which something was answered otherwise."""
    return {
        row: ends
        for row, ends in refused.items()
        if not all(end in refusals for pair in ends for end in pair)
    }


def _alike(report: JSON) -> list[list[tuple[float, JSON]]]:
    ends: Callable[[str], list[tuple[float, JSON]]] = report["alike"].__getitem__
    return [ends(name) for name in report["alike"]]
