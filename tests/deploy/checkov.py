"""What checkov complains about, without a network and without an account."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.peers.programs import apart

_LIMIT_S = 140.0


def complaints(target: Path, framework: str, skipped: Iterable[str] = ()) -> list[str]:
    """Run every check of a framework over a file or folder; answer what failed, one line each.

    Raises `AssertionError` where nothing was checked, for then nothing was found either.
    """
    command = [apart("checkov", "checkov"), "--framework", framework, "--skip-download"]
    command += ["--output", "json", "--quiet", "--compact", "--soft-fail"]
    command += ["--directory" if target.is_dir() else "--file", str(target)]
    command += [word for each in skipped for word in ("--skip-check", each)]
    environ = {**os.environ, "LOG_LEVEL": "ERROR"}
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=_LIMIT_S, check=True
    )
    found = json.loads(done.stdout)
    assert "summary" in found, found
    assert found["summary"]["passed"] > 0, found["summary"]
    assert found["summary"]["parsing_errors"] == 0, found["summary"]
    return [_told(each) for each in found["results"]["failed_checks"]]


def _told(failed: dict[str, Any]) -> str:
    return f"{failed['check_id']} {failed['resource']}: {failed['check_name']}"
