"""What is written about the project is true, and its links lead somewhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generator import PAGES, stale
from docs.generator.errors import leaves
from docs.generator.fields import rows
from docs.generator.settings import groups
from imagemill import __version__
from imagemill.operations import operations
from imagemill.settings import name_of, paths
from tests.house.glossary import first_words, second_words
from tests.house.sources import ROOT, files

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_ABROAD = ("http://", "https://", "mailto:")
_PRIVATE_PATH = re.compile(r"(?<![\w.~/$}-])/(?:home|Users|work)/[a-z]\w*")


def dead_links(path: Path, text: str) -> Iterator[str]:
    for found in _LINK.finditer(_without_code(text)):
        target, _, anchor = found["target"].partition("#")
        if found["target"].startswith(_ABROAD):
            continue
        page = ROOT / path.parent / target
        if not page.exists():
            yield f"{path}: {found['target']} leads nowhere"
        elif anchor and anchor not in _anchors(page.read_text() if target else text):
            yield f"{path}: {target or path.name} has no heading #{anchor}"


def private_paths(path: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        if _PRIVATE_PATH.search(line):
            yield f"{path}:{number}: names a folder of somebody's machine"


def test_the_reference_pages_say_what_the_code_says() -> None:
    assert list(stale()) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_reference_page_says_that_it_is_generated(page: str) -> None:
    assert "make docs" in (ROOT / "docs" / page).read_text(encoding="utf-8")


def test_every_error_code_has_a_section_to_link_to() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")

    assert {each.code for each in leaves()} <= set(re.findall(r"^## (\w+)$", page, re.MULTILINE))


def test_every_setting_says_what_it_is_for() -> None:
    silent = [each.name for group in groups() for each in group.settings if not each.description]

    assert silent == []


def test_every_setting_has_a_line_in_the_reference() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")

    assert [path for path in paths() if f"| `{name_of(path)}` |" not in page] == []


def test_every_field_of_an_operation_says_what_it_is_for() -> None:
    fields = {(name, each) for name, step in operations().items() for each in rows(step)}

    silent = {(name, each.name) for name, each in fields if not each.description}

    assert {(name, field) for name, field in silent if field != "op"} == set()


def test_the_changelog_has_the_version_of_the_package() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.search(rf"^## {re.escape(__version__)}\b", changelog, re.MULTILINE)


def test_the_record_of_dependencies_argues_for_exactly_those_there_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    record = (ROOT / "docs/decisions/0002-dependencies.md").read_text(encoding="utf-8")
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]

    names = {re.split(r"[\[><=~ ]", each)[0] for each in (*project["dependencies"], *extras)}

    assert set(re.findall(r"^\| `([\w-]+)` \|", record, re.MULTILINE)) == names


def test_every_link_to_a_file_here_leads_to_it() -> None:
    pages = {path: (ROOT / path).read_text(encoding="utf-8") for path in files(".md")}

    assert [found for path, text in pages.items() for found in dead_links(path, text)] == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    texts = {path: _text(path) for path in files() if path != Path(__file__).relative_to(ROOT)}

    assert [found for path, text in texts.items() for found in private_paths(path, text)] == []


def test_the_glossary_gives_each_idea_one_word() -> None:
    page = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")

    assert first_words(page) == sorted(set(first_words(page)))
    assert set(second_words(page)) & set(first_words(page)) == set()


@pytest.mark.parametrize("link", ["[gone](gone.md)", "[here](#gone)", "[there](../README.md#gone)"])
def test_a_dead_link_is_found(link: str) -> None:
    assert len(list(dead_links(Path("docs/index.md"), f"# Title\n\nSee {link}.\n"))) == 1


@pytest.mark.parametrize("link", ["[here](#the-title)", "[web](https://example.org/x#y)"])
def test_a_link_that_leads_somewhere_is_not(link: str) -> None:
    assert list(dead_links(Path("docs/index.md"), f"# The title\n\nSee {link}.\n")) == []


def test_a_folder_of_somebodys_machine_is_found() -> None:
    assert len(list(private_paths(Path("x.md"), "See /home/somebody/notes."))) == 1


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", _without_blocks(text))


def _without_blocks(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def _anchors(text: str) -> set[str]:
    """Make the anchors of a page's headings as GitHub does."""
    headings = re.findall(r"^#{1,6} (.+)$", _without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def _text(path: Path) -> str:
    return (ROOT / path).read_bytes().decode("utf-8", errors="ignore")
