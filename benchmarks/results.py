"""Where the answers of runs are kept, named by their date."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("results")


def keep(report: str, folder: Path, about: str = "") -> None:
    """Write a report into a file of its own, and say where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y-%m-%d-%H%M}{about}.txt"
    path.write_text(report)
    sys.stderr.write(f"kept in {path}\n")
