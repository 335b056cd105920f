"""Names of settings in files that are no code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from imagemill.settings import NAMES, PREFIX, name_of, paths, secrets

_MENTION: Final = re.compile(r"\bIMAGEMILL_[A-Z0-9_]+\b")
OURS: Final = frozenset(
    {
        "IMAGEMILL_IMAGE",  # Which image Compose runs.
        "IMAGEMILL_HTTP_PORT",  # Where nginx is published.
    }
)
"""What the files of `deploy/` themselves are told."""


def known() -> frozenset[str]:
    """Name every variable that a process takes."""
    names = {name_of(path) for path in paths()} | {f"{PREFIX}{each}" for each in NAMES}
    return frozenset(names | {f"{name_of(path)}_FILE" for path in secrets()})


def mentioned(path: Path) -> frozenset[str]:
    """Name every variable of Imagemill that a file mentions."""
    return frozenset(_MENTION.findall(path.read_text(encoding="utf-8")))
