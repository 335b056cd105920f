"""`imagemill batches` against a system that runs in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cli.programs import Said, Server, draw, imagemill

pytestmark = pytest.mark.server

SLOW = ("--step", "filter type=median size=15") * 3
HASTY = ("--retries", "0", "--timeout", "1")


def batches(server: Server, *arguments: str, cwd: Path | None = None) -> Said:
    there = ("--server", server.address, "--key", server.key)
    return imagemill("batches", *arguments, *there, cwd=cwd)


def submitted(server: Server, folder: Path, *arguments: str) -> dict[str, Any]:
    said = batches(server, "submit", *arguments, "--json", cwd=folder)
    assert said.code == 0, said.err
    batch: dict[str, Any] = json.loads(said.out)
    return batch


def test_files_become_one_batch_that_is_waited_for_shown_and_listed(
    server: Server, tmp_path: Path
) -> None:
    for number in range(3):
        draw(tmp_path / "in" / f"{number}.png", (40 + number, 30))

    sent = batches(server, "submit", "in", "--resize", "20x", "--wait", cwd=tmp_path)
    batch_id = sent.out.removeprefix("batch ").partition(":")[0]
    shown = batches(server, "show", batch_id, "--items")
    listed = batches(server, "list", "--limit", "1")

    assert (sent.code, shown.code) == (0, 0)
    assert sent.out == f"batch {batch_id}: completed, 3 items: 3 completed\n"
    assert [line.split()[1] for line in shown.out.splitlines()[1:]] == ["status"] + [
        "completed"
    ] * 3
    assert listed.out.splitlines()[1].startswith(f"{batch_id}  completed")


def test_images_that_are_there_are_named_and_a_batch_under_a_name_is_made_once(
    server: Server, tmp_path: Path
) -> None:
    draw(tmp_path / "a.png", (70, 30), "khaki")
    first = submitted(server, tmp_path, "a.png", "--resize", "20x")
    shown = json.loads(batches(server, "show", first["batch_id"], "--items", "--json").out)
    image_id = shown["items"][0]["input"]["image_id"]
    order = (image_id, "--resize", "21x", "--idempotency-key", f"once-{image_id}")

    named = submitted(server, tmp_path, *order)
    again = submitted(server, tmp_path, *order)

    assert named["total"] == 1
    assert again["batch_id"] == named["batch_id"] != first["batch_id"]


def test_what_failed_is_shown_and_done_again(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "large.png", (4000, 4000))
    order = ("submit", "large.png", *SLOW, *HASTY, "--fresh", "--wait", "--json")

    sent = batches(server, *order, cwd=tmp_path)
    batch_id = json.loads(sent.out)["batch_id"]
    failed = batches(server, "show", batch_id, "--status", "failed")
    again = batches(server, "replay", batch_id, "--json")
    twice = batches(server, "replay", batch_id)

    assert (sent.code, failed.code, again.code, twice.code) == (1, 1, 0, 1)
    assert failed.out.startswith(f"batch {batch_id}: failed, 1 item: 1 failed\n")
    assert failed.out.splitlines()[2].endswith("timeout")
    assert json.loads(again.out)["replay_of"] == batch_id


def test_a_batch_is_cancelled_once(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "large.png", (4000, 4000))
    batch_id = submitted(server, tmp_path, "large.png", *SLOW, "--fresh")["batch_id"]

    cancelled = batches(server, "cancel", batch_id)
    twice = batches(server, "cancel", batch_id)

    assert (cancelled.code, twice.code) == (0, 1)
    assert cancelled.out == f"batch {batch_id}: cancelled, 1 item: 1 cancelled\n"


def test_a_file_that_is_refused_is_left_out_and_told(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")

    sent = batches(server, "submit", "a.png", "b.png", "--resize", "9x", "--json", cwd=tmp_path)
    none = batches(server, "submit", "b.png", "--resize", "9x", cwd=tmp_path)
    nowhere = batches(server, "submit", "c.png", cwd=tmp_path)

    assert (sent.code, json.loads(sent.out)["total"]) == (1, 1)
    assert sent.err.startswith("left out  b.png: ")
    assert (none.code, none.out) == (1, "")
    assert none.err.endswith("No picture was taken, so there is no batch.\n")
    assert (nowhere.code, nowhere.err) == (1, "No such file or folder (c.png).\n")


def test_a_picture_of_a_form_that_was_refused_is_shown_among_the_items(
    server: Server, tmp_path: Path
) -> None:
    files = [
        ("file", ("a.png", draw(tmp_path / "a.png").read_bytes())),
        ("file", ("b.png", b"no picture")),
    ]
    answer = httpx2.post(
        f"{server.address}/api/v1/batches",
        headers={"X-API-Key": server.key, "Prefer": "wait=30"},
        files=files,
        timeout=60,
        data={"batch": '{"outputs": {"small": [{"op": "resize", "width": 8}]}}'},
    )

    said = batches(server, "show", answer.json()["batch_id"], "--items")

    assert said.code == 1
    assert "partial, 2 items: 1 completed, 1 failed" in said.out
    assert said.out.splitlines()[-1].split() == ["refused", "b.png", "unsupported_format"]


def test_what_cannot_be_asked_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    unknown = batches(server, "show", "nobody")
    status = batches(server, "show", "nobody", "--status", "lost")
    empty = batches(server, "submit", "empty", cwd=tmp_path)

    assert [unknown.code, status.code, empty.code] == [1, 2, 1]
    assert len(unknown.err.splitlines()) == 1
    assert empty.err == "There are no pictures in empty.\n"
