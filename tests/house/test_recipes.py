"""The menu tells the whole story of the Makefile, and the records of the decisions are in order."""

from __future__ import annotations

import re

from tests.house.sources import ROOT, files

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_recipe_stands_in_the_menu() -> None:
    recipes = re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE)

    described = re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE)

    assert described == recipes


def test_decisions_are_numbered_without_a_gap_and_listed_in_the_index() -> None:
    records = [path.name for path in files(".md") if path.parent.name == "decisions"]
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")

    assert [name[:4] for name in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    assert [name for name in records if f"decisions/{name}" not in index] == []
