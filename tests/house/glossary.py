"""The glossary as the tests read it: one word per idea, and the words that are not used for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def second_words(page: str) -> Mapping[str, str]:
    """Map each word of the column `not` to the word to use instead."""
    return {
        wrong.strip().lower(): word
        for word, cells in _rows(page)
        for wrong in cells[-1].split(",")
        if wrong.strip()
    }


def first_words(page: str) -> list[str]:
    """List the words that the project uses."""
    return [word for word, _ in _rows(page)]


def _rows(page: str) -> Iterator[tuple[str, list[str]]]:
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| **"):
            yield cells[0].strip("*"), cells[1:]
