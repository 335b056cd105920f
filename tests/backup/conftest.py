"""What the tests of backups start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backup.folders import Data, made


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """Give a data folder with two originals, a result and the keys."""
    return made(tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the place of a backup that is not there yet."""
    return tmp_path / "backup"
