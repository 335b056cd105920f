"""`imagemill presets` against a system that runs in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.programs import Said, Server, imagemill

pytestmark = pytest.mark.server


def presets(server: Server, *arguments: str | Path) -> Said:
    there = ("--server", server.address, "--key", server.key)
    return imagemill("presets", *arguments, *there)


def test_a_preset_is_saved_in_versions_shown_listed_and_removed(server: Server) -> None:
    first = presets(server, "save", "cli-card", "--resize", "40x", "--description", "For lists.")
    second = presets(server, "save", "cli-card", "--resize", "50x", "-f", "webp")
    listed = presets(server, "list")
    shown = presets(server, "show", "cli-card")
    removed = presets(server, "remove", "cli-card")

    assert (first.out, second.out) == (
        "preset cli-card: version 1\n",
        "preset cli-card: version 2\n",
    )
    assert "resize, convert  For lists." in listed.out
    assert [line.split()[:2] for line in shown.out.splitlines()[1:]] == [
        ["cli-card", "2"],
        ["cli-card", "1"],
    ]
    assert '"width": 50' in shown.out
    assert removed.out == "preset cli-card: removed\n"
    assert presets(server, "show", "cli-card").code == 1


def test_presets_are_told_to_programs(server: Server, tmp_path: Path) -> None:
    steps = tmp_path / "steps.json"
    steps.write_text('[{"op": "flip"}]')

    saved = json.loads(presets(server, "save", "turned", "--pipeline", steps, "--json").out)
    shown = json.loads(presets(server, "show", "turned", "--version", "1", "--json").out)
    listed = json.loads(presets(server, "list", "--limit", "9", "--json").out)

    assert [step["op"] for step in saved["steps"]] == ["flip", "convert"]
    assert shown == [saved]
    assert saved in listed


def test_two_pipelines_are_no_preset(server: Server, tmp_path: Path) -> None:
    two = tmp_path / "two.json"
    two.write_text('{"a": [{"op": "flip"}], "b": []}')

    said = presets(server, "save", "both", "--pipeline", two)

    assert (said.code, said.err) == (2, "--pipeline: holds 2 pipelines; a preset is one of them.\n")


def test_what_the_server_refuses_is_one_line(server: Server) -> None:
    named = presets(server, "save", "Card", "--resize", "40x")
    gone = presets(server, "remove", "gone")
    late = presets(server, "show", "gone", "--version", "3")

    assert (named.code, "name: is no name" in named.err) == (1, True)
    assert [gone.code, late.code] == [1, 1]
    assert [len(each.err.splitlines()) for each in (named, gone, late)] == [1, 1, 1]


def test_no_presets_are_told_in_words(tmp_path: Path, server: Server) -> None:
    for each in json.loads(presets(server, "list", "--json").out):
        presets(server, "remove", each["name"])

    said = presets(server, "list")

    assert (said.code, said.out, said.err) == (0, "", "There are no presets.\n")
