"""`imagemill dead-letters` against a system that runs in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.programs import Said, Server, draw, imagemill

pytestmark = pytest.mark.server

SLOW = ("--step", "filter type=median size=15") * 3
HASTY = ("--retries", "0", "--timeout", "1")


def letters(server: Server, *arguments: str) -> Said:
    return imagemill("dead-letters", *arguments, *there(server))


def there(server: Server) -> tuple[str, ...]:
    return ("--server", server.address, "--key", server.key)


def dead(server: Server, folder: Path) -> str:
    """Make a dead letter of a picture that takes too long; gives its id."""
    draw(folder / "large.png", (4000, 4000))
    order = ("submit", "large.png", *SLOW, *HASTY, "--fresh", "--follow", "--json")
    sent = imagemill(*order, *there(server), cwd=folder)
    outcome = json.loads(sent.out)[0]
    assert outcome["error"]["code"] == "timeout"
    return str(outcome["job_id"])


def test_a_dead_letter_is_listed_shown_and_replayed_once(server: Server, tmp_path: Path) -> None:
    letter = dead(server, tmp_path)

    listed = letters(server, "list", "--reason", "timeout", "--limit", "1")
    shown = letters(server, "show", letter)
    replayed = letters(server, "replay", letter)
    again = letters(server, "replay", letter, "nobody")

    new = replayed.out.strip()
    assert listed.out.splitlines()[1].startswith(f"{letter}  waiting  timeout  pipeline")
    assert shown.out.startswith(f"dead letter {letter}: waiting\npipeline failed: timeout\n")
    assert "png, 4000 × 4000" in shown.out
    assert "timeout: The work took longer than 1 s and was stopped." in shown.out
    assert (replayed.code, again.code, again.out) == (0, 1, "")
    assert [line.partition(":")[0] for line in again.err.splitlines()] == [
        f"refused  {letter}",
        "refused  nobody",
    ]
    assert f"replayed as job {new}" in again.err
    assert letters(server, "show", letter).out.startswith(f"dead letter {letter}: replayed as job ")


def test_all_letters_that_fit_are_discarded_and_told_to_programs(
    server: Server, tmp_path: Path
) -> None:
    letter = dead(server, tmp_path)
    fitting = ("--operation", "pipeline", "--since", "2026-01-01", "--until", "2199-01-01")

    none = letters(server, "discard", "--all", "--reason", "decoder_crashed")
    discarded = letters(server, "discard", "--all", *fitting, "--json")
    shown = json.loads(letters(server, "show", letter, "--json").out)
    listed = json.loads(letters(server, "list", "--state", "discarded", "--json").out)

    assert (none.code, none.out, none.err) == (0, "", "There are no such dead letters.\n")
    assert letter in [each["id"] for each in json.loads(discarded.out) if each["code"] is None]
    assert (shown["state"], shown["attempts"][0]["outcome"]) == ("discarded", "failed")
    assert letter in [each["id"] for each in listed]


def test_letters_are_named_or_all_and_filters_go_with_all(server: Server) -> None:
    nothing = letters(server, "discard")
    both = letters(server, "replay", "some-letter", "--all")
    filtered = letters(server, "discard", "some-letter", "--reason", "timeout")
    unknown = letters(server, "list", "--state", "lost")

    assert [each.code for each in (nothing, both, filtered, unknown)] == [2] * 4


def test_where_no_letter_fits_the_list_says_so(server: Server) -> None:
    said = letters(server, "list", "--until", "2020-01-01")

    assert (said.code, said.out, said.err) == (0, "", "There are no such dead letters.\n")


def test_a_job_asks_for_its_lane_and_its_deadline(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "large.png", (4000, 4000))
    order = ("submit", "large.png", *SLOW, "--fresh", *there(server))
    terms = ("--priority", "low", "--deadline", "1")

    sent = imagemill(*order, *terms, "--follow", "--json", cwd=tmp_path)
    wrong = imagemill(*order, "--priority", "urgent", cwd=tmp_path)

    (outcome,) = json.loads(sent.out)
    shown = json.loads(imagemill("job", outcome["job_id"], "--json", *there(server)).out)
    assert (shown["priority"], outcome["error"]["code"]) == ("low", "deadline_passed")
    assert (wrong.code, "there are high, normal, low" in wrong.err) == (2, True)
