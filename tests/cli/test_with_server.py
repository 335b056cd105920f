"""`submit`, `job` and `key` against a system that runs in a process of its own."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.cli.programs import Server, draw, imagemill, made, said_on_a_terminal, started

pytestmark = pytest.mark.server


def test_a_job_is_submitted_followed_and_its_result_fetched(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "a.png", (60, 40))
    there = ("--server", server.address, "--key", server.key)

    sent = imagemill("submit", "a.png", "--resize", "30x", "--json", *there, cwd=tmp_path)
    job_id = json.loads(sent.out)[0]["job_id"]
    followed = imagemill("job", job_id, "--follow", "-o", "got", *there, cwd=tmp_path)

    assert (sent.code, followed.code) == (0, 0)
    assert f"{job_id}  completed" in followed.err
    assert f"job {job_id}: completed" in followed.out
    assert made(tmp_path / "got" / f"{job_id}.png") == ("PNG", (30, 20))


def test_submit_can_follow_to_the_files(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "a.png", colour="navy")
    there = {"IMAGEMILL_SERVER": server.address, "IMAGEMILL_KEY": server.key}

    said = imagemill("submit", "a.png", "-f", "webp", "--follow", cwd=tmp_path, **there)

    assert said.code == 0
    assert made(tmp_path / "out" / "a.webp") == ("WEBP", (64, 48))


def test_a_job_is_ended_and_found_in_the_list(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "a.png", (8000, 8000))
    there = ("--server", server.address, "--key", server.key)
    slow = ("--step", "filter type=median size=15", "--fresh")
    sent = imagemill("submit", "a.png", *slow, "--json", *there, cwd=tmp_path)
    job_id = json.loads(sent.out)[0]["job_id"]

    ended = imagemill("job", job_id, "--cancel", *there)
    again = imagemill("job", job_id, "--cancel", *there)
    listed = imagemill("jobs", "--status", "cancelled", "--limit", "1", *there)

    assert (ended.code, again.code, listed.code) == (0, 1, 0)
    assert ended.out == f"job {job_id}: cancelled\n"
    assert listed.out.splitlines()[1].startswith(f"{job_id}  cancelled")


def test_jobs_are_listed_for_programs_and_only_by_a_status_that_there_is(server: Server) -> None:
    there = ("--server", server.address, "--key", server.key)

    listed = imagemill("jobs", "--json", *there)
    wrong = imagemill("jobs", "--status", "lost", *there)
    both = imagemill("job", "x", "--cancel", "--follow", *there)

    assert all(each["job_id"] for each in json.loads(listed.out))
    assert (wrong.code, both.code) == (2, 2)


def test_what_the_server_refuses_is_told_in_its_words(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    there = ("--server", server.address, "--key", server.key)

    wrong = imagemill("submit", "a.png", "--step", "blur sigma=-1", *there, cwd=tmp_path)
    unknown = imagemill("job", "no-such-job", *there, cwd=tmp_path)
    stranger = imagemill("submit", "a.png", *there[:2], "--key", "wrong", cwd=tmp_path)

    assert [wrong.code, unknown.code, stranger.code] == [1, 1, 1]
    assert "outputs.result.0.sigma" in wrong.err
    assert len(unknown.err.splitlines()) == 1
    assert "failed  a.png: " in stranger.err


def test_the_key_of_this_machine_is_printed_and_used(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "a.png", colour="olive")
    here = {"IMAGEMILL_DATA": str(server.data)}

    printed = imagemill("key", cwd=tmp_path, **here)
    sent = imagemill("submit", "a.png", "--server", server.address, cwd=tmp_path, **here)

    assert printed.out.strip() == server.key
    assert sent.code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_ends_well_when_it_is_told_to(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as (process, _):
        process.send_signal(number)
        code = process.wait(timeout=30)

    assert code == 0


def test_the_key_does_not_stand_in_the_output_that_nobody_watches(tmp_path: Path) -> None:
    with started(tmp_path) as (process, _):
        process.terminate()
        assert process.stdout
        said = process.stdout.read()

    assert (tmp_path / "admin-key").read_text().strip() not in said
    assert "`imagemill key` prints it" in said


def test_on_a_terminal_the_key_is_shown_at_the_first_start_alone(tmp_path: Path) -> None:
    first, again = said_on_a_terminal(tmp_path), said_on_a_terminal(tmp_path)

    key = (tmp_path / "admin-key").read_text().strip()
    assert f"API key, shown this once: {key}" in first
    assert key not in again
    assert "`imagemill key` prints it" in again
