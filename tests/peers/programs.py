"""Other people's programs that tests run: found here, or the test says what is missing."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_TOOLS = _HERE.parents[1] / ".tools"
_PATH = os.pathsep.join(
    [
        os.environ.get("PATH", ""),
        str(Path(sys.executable).parent),
        "/usr/sbin",
        "/sbin",
        *map(str, Path("/usr/lib/postgresql").glob("*/bin")),
    ]
)


def program(name: str) -> str:
    """Find a program such as `redis-server` or `node`; skip the test where there is none."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed here; .ci/peers installs it")
    return found


def apart(environment: str, name: str) -> str:
    """Find a program that `.ci/peers` put into an environment of its own; skip without it."""
    found = _TOOLS / environment / "bin" / name
    if not found.is_file():
        pytest.skip(f"{name} is not installed here; .ci/peers installs it")
    return str(found)


def node_modules() -> Path:
    """Find what npm installed for the tests; skip the test where it could not."""
    program("node")
    folder = _HERE / "node_modules"
    if not folder.is_dir():
        pytest.skip("tests/peers has no node_modules; .ci/peers installs them")
    return folder
