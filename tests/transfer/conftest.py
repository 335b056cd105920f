"""What the tests of a transfer start from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.backup.folders import Data, made


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Give a data folder with two originals, a result and the keys; it is only copied."""
    return made(tmp_path_factory.mktemp("pattern") / "data")


@pytest.fixture
def data(pattern: Data, tmp_path: Path) -> Data:
    """Give a data folder with two originals, a result and the keys."""
    copy = tmp_path / "data"
    shutil.copytree(pattern.path, copy)
    images = {name: copy / at.relative_to(pattern.path) for name, at in pattern.images.items()}
    return Data(copy, images)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Give the data folder of the new system, which is not there yet."""
    return tmp_path / "new"
