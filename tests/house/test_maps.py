"""The menu, the layers and the list of decisions are told as they are."""

from __future__ import annotations

import re
import tomllib

from tests.house.sources import ROOT, files

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_recipe_stands_in_the_menu() -> None:
    recipes = re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE)

    described = re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE)

    assert described == recipes


def test_the_architecture_page_draws_the_layers_that_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

    drawn = page.partition("```\n__main__")[2].partition("\n```")[0].splitlines()

    names = ["__main__", *(re.split(r" {2,}", line)[0] for line in drawn if line)]
    assert names == [re.sub(r"[()]", "", layer) for layer in layers]


def test_decisions_are_numbered_without_a_gap_and_listed_in_the_index() -> None:
    records = [path.name for path in files(".md") if path.parent.name == "decisions"]
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")

    assert [name[:4] for name in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    assert [name for name in records if f"decisions/{name}" not in index] == []
