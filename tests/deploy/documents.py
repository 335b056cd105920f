"""YAML, read and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped] # It ships no types; this file is the border.


def load(source: Path | str) -> Any:  # noqa: ANN401 - whatever the document holds
    """Read the only document of a file, or of a text."""
    return yaml.safe_load(_text(source))


def load_all(source: Path | str) -> list[dict[str, Any]]:
    """Read every document that is not empty."""
    return [each for each in yaml.safe_load_all(_text(source)) if each]


def dump(value: object) -> str:
    """Write a document."""
    text: str = yaml.safe_dump(value, sort_keys=False)
    return text


def _text(source: Path | str) -> str:
    return source if isinstance(source, str) else source.read_text(encoding="utf-8")
