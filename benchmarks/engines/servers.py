"""The servers under a form, as the tests start them, and what tells Imagemill where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

Opener = Callable[[Path], AbstractContextManager[dict[str, str]]]
"""Starts a server in an empty folder for a block, and gives the settings that lead there."""


@contextmanager
def _none(folder: Path) -> Iterator[dict[str, str]]:
    del folder
    yield {}


ENGINES: Final[Mapping[str, Opener]] = {"none": _none}
