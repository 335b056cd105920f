"""The pages' files as the tests read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from imagemill import console

FOLDER = Path(next(iter(console.__path__))) / "static"

_HTML_REFERENCE = re.compile(r'(?:src|href)="([^"#][^"]*)"')
_SCRIPT_REFERENCE = re.compile(r'from "([^"]+)"')
_STYLE_REFERENCE = re.compile(r"(?:url\(|@import )['\"]?([^'\")]+)")
_REFERENCE = {".html": _HTML_REFERENCE, ".js": _SCRIPT_REFERENCE, ".css": _STYLE_REFERENCE}
_IMPORT = re.compile(r'^import \{([^}]+)\} from "\./([\w.]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function\*?|const|class) (\w+)", re.MULTILINE)


@cache
def assets() -> Mapping[str, str]:
    """Read every file of the pages, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir())}


def ending_in(suffix: str) -> Mapping[str, str]:
    """Read the files of one kind."""
    return {name: text for name, text in assets().items() if name.endswith(suffix)}


def references(name: str) -> list[str]:
    """List the addresses that a file makes the browser load, or leads to."""
    pattern = _REFERENCE.get(Path(name).suffix)
    return pattern.findall(assets()[name]) if pattern else []


def imports(script: str) -> Iterator[tuple[str, str]]:
    """Yield each name that a script imports, with the file that it takes it from."""
    for names, source in _IMPORT.findall(assets()[script]):
        for name in names.split(","):
            if name.strip():
                yield name.strip(), source


def exports(script: str) -> list[str]:
    """List the names that a script gives to others."""
    return _EXPORT.findall(assets()[script])
