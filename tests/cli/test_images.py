"""`imagemill images` against a system that runs in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest

from imagemill.client import BlockingClient
from tests.cli.programs import Said, Server, draw, imagemill

pytestmark = pytest.mark.server


def images(server: Server, *arguments: str | Path) -> Said:
    there = ("--server", server.address, "--key", server.key)
    return imagemill("images", *arguments, *there)


def test_an_image_is_listed_shown_linked_to_and_deleted(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "a.png", (40, 30), "hsl(211, 60%, 50%)")
    with BlockingClient(server.address, server.key) as client:
        image_id = client.upload(tmp_path / "a.png").image_id
        client.images.describe(image_id, tags=["cli"], name="harbour.png")

    listed = images(server, "list", "harbour", "--tag", "cli")
    as_json = images(server, "list", "--tag", "cli", "--format", "png", "--json")
    none = images(server, "list", "nowhere")
    shown = images(server, "show", image_id)
    link = images(server, "link", image_id, "--expires", "60")
    read = httpx2.get(link.out.strip()).content
    deleted = images(server, "delete", image_id)

    assert listed.out.splitlines()[1].split()[:3] == [image_id, "png", "40x30"]
    assert listed.out.endswith("  cli   harbour.png\n")
    assert [each["image_id"] for each in json.loads(as_json.out)] == [image_id]
    assert (none.out, none.err) == ("", "There are no such images.\n")
    assert json.loads(shown.out)["tags"] == ["cli"]
    assert read == (tmp_path / "a.png").read_bytes()
    assert deleted.out == f"image {image_id}: deleted\n"
    assert images(server, "show", image_id).code == 1
