"""Other people's programs that tests run: found here, or the test says what is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def program(name: str) -> str:
    """Find a program such as `redis-server` or `node`; skip the test where there is none."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed here; .ci/peers installs it")
    return found


def node_modules() -> Path:
    """Find what npm installed for the tests; skip the test where it could not."""
    program("node")
    folder = _HERE / "node_modules"
    if not folder.is_dir():
        pytest.skip("tests/peers has no node_modules; .ci/peers installs them")
    return folder
