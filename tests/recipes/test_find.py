"""How the Makefile gets the tools that the machine lacks, with a Python that only pretends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

FIND = Path(__file__).parents[2] / ".ci" / "find"
PYTHON = """#!/bin/bash
# Makes an environment as `venv --clear` does, and in it a uv that tells its version.
case "$*" in
  *sys.executable*) echo "$0" ;;
  *"venv --clear"*) rm -rf "${@: -1}"; mkdir -p "${@: -1}/bin"; cp "$0" "${@: -1}/bin/python" ;;
  *"pip install"*) printf '#!/bin/bash\\necho uv 9999.1\\n' >"${0%/*}/uv"; chmod +x "${0%/*}/uv" ;;
esac
"""


def test_installing_uv_leaves_other_tools_alone(tmp_path: Path) -> None:
    other = tmp_path / ".tools/bench/photo.jpg"
    other.parent.mkdir(parents=True)
    other.touch()

    first, again = found_uv(tmp_path), found_uv(tmp_path)

    assert other.exists()
    assert first == again == f"{tmp_path}/.tools/uv/bin/uv"


def found_uv(folder: Path) -> str:
    python = folder / "path/python3"
    python.parent.mkdir(exist_ok=True)
    python.write_text(PYTHON, encoding="utf-8")
    python.chmod(0o755)
    ended = subprocess.run(
        [FIND, "uv", ".tools"],
        cwd=folder,
        env={"PATH": f"{python.parent}:/usr/bin:/bin", "UV_VERSION": "9999.1", "UV_OLDEST": "9999"},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return ended.stdout.strip()
