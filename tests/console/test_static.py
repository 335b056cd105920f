"""The pages' files stand alone: nothing from elsewhere, nothing inline, nothing missing."""

from __future__ import annotations

import re

import pytest

from tests.console.static import assets, ending_in, exports, imports, references

LONGEST_FILE = 400
ROUTES = frozenset({"/", "/docs", "/openapi.json"})
_ADDRESS = re.compile(r"(?:https?:)?//[\w-]+(?:\.[\w-]+)+(?:/\w+)*")
_AT_HOME = ("http://127.0.0.1", "http://www.w3.org/2000/svg")
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)
_MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser"
)
_EXPORTED = re.compile(r"^export ", re.MULTILINE)
_EXPLAINED = re.compile(r"\*/\nexport ")


@pytest.mark.parametrize("name", assets())
def test_everything_that_a_file_refers_to_exists(name: str) -> None:
    files = {f"{folder}/{each}" for each in assets() for folder in ("/assets", ".")}

    assert set(references(name)) - files - ROUTES == set()


@pytest.mark.parametrize("name", assets())
def test_no_file_names_an_address_elsewhere(name: str) -> None:
    found = _ADDRESS.findall(assets()[name])

    assert [each for each in found if not each.startswith(_AT_HOME)] == []


@pytest.mark.parametrize("name", ending_in(".html"))
def test_no_page_has_script_or_style_within(name: str) -> None:
    assert _INLINE.findall(assets()[name]) == []


@pytest.mark.parametrize("name", ending_in(".js"))
def test_no_script_reads_text_as_markup_or_as_code(name: str) -> None:
    assert _MARKUP.findall(assets()[name]) == []


@pytest.mark.parametrize("name", ending_in(".js"))
def test_a_script_imports_only_what_the_other_exports(name: str) -> None:
    missing = [(each, source) for each, source in imports(name) if each not in exports(source)]

    assert missing == []


def test_every_export_is_used_by_another_script() -> None:
    used = {pair for name in ending_in(".js") for pair in imports(name)}

    assert {(each, name) for name in ending_in(".js") for each in exports(name)} - used == set()


@pytest.mark.parametrize("name", ending_in(".js"))
def test_a_script_and_all_that_it_exports_say_what_they_are_for(name: str) -> None:
    text = assets()[name]

    assert text.startswith("/**")
    assert len(_EXPLAINED.findall(text)) == len(_EXPORTED.findall(text))


@pytest.mark.parametrize("name", assets())
def test_a_file_is_no_longer_than_400_lines(name: str) -> None:
    assert len(assets()[name].splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("name", ending_in(".html"))
def test_a_page_says_its_language_and_can_be_reached_by_keyboard(name: str) -> None:
    text = assets()[name]

    assert '<html lang="en">' in text
    assert 'class="skip"' in text
    assert '<meta name="viewport"' in text


@pytest.mark.parametrize("name", ending_in(".html"))
def test_every_field_of_a_page_has_a_label(name: str) -> None:
    fields = re.findall(r'<input id="([\w-]+)"', assets()[name])

    assert [each for each in fields if f'<label for="{each}"' not in _labels(name)] == []


@pytest.mark.parametrize(
    "text",
    ["<script>x</script>", '<p style="x">', '<a onclick="x">', '<a href="javascript:x">'],
)
def test_inline_script_and_style_are_found(text: str) -> None:
    assert _INLINE.search(text)


@pytest.mark.parametrize("text", ["https://cdn.example.org/x.js", "//cdn.example.org/x.js"])
def test_an_address_elsewhere_is_found(text: str) -> None:
    assert _ADDRESS.search(text)


def _labels(name: str) -> str:
    """Give the labels of a page, each beginning with the field that it belongs to."""
    found = re.findall(r'<label (?:class="\w+" )?for="[\w-]+"', assets()[name])
    return " ".join(re.sub(r'class="\w+" ', "", each) for each in found)
