"""What the whole machine did: servers with children and daemons of their own hide nothing there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_IDLE: Final = (3, 4)
"""Columns of /proc/stat in which nothing is done: idle, and waiting for a disk."""
_COUNTED: Final = 8
"""Columns up to `steal`; what guests use stands in the first ones already."""


def busy_s() -> float:
    """Sum the seconds that all cores were busy since the machine started (proc(5), stat)."""
    first = Path("/proc/stat").read_text().splitlines()[0]
    columns = list(map(int, first.split()[1 : 1 + _COUNTED]))
    ticks = sum(columns) - sum(columns[each] for each in _IDLE)
    return ticks / os.sysconf("SC_CLK_TCK")
