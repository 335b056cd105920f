"""What the figures were measured on, because without it they mean nothing."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from pathlib import Path


def described(now: datetime) -> str:
    """Name the date, processor, usable cores, memory, kernel, and how busy it is by itself."""
    cores = len(os.sched_getaffinity(0))
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{now:%Y-%m-%d %H:%M} UTC; {_processor()}; {cores} cores; {memory_gib:.0f} GiB;"
        f" Linux {platform.release()}; Python {platform.python_version()};"
        f" load {os.getloadavg()[0]:.1f} before the run"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
