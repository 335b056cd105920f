"""How much memory one sandboxed child takes for pictures of 100 megapixels.

Run by `python -m benchmarks.giants`. Every picture is worked on by a child of its own, through the
same sandbox as in service; the figure is the kernel's: the highest resident memory of the child.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyvips

from benchmarks.machine import described
from benchmarks.pictures import album
from benchmarks.results import RESULTS, keep
from benchmarks.systems import FIVE, SMALL, Rendition
from benchmarks.systems.imagemill import outputs
from imagemill.contracts.facts import Limits
from imagemill.engine.orders import Answer, RenderOrder
from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import Reuse, SandboxSettings
from imagemill.pipeline import normal, parse

_SIDE_PX = 10_000
_TIMEOUT_S = 120
_WORKS = {"to 400x300": ([SMALL], 150), "to five renditions": (FIVE, 210)}
"""What is made, and the most MB that it may take: several outputs share a copy in memory, which is
faster and larger (docs/decisions/0006-one-decode-many-results.md)."""
_TILES = {"tile": True, "tile_width": 256, "tile_height": 256}
_GIANTS: dict[str, dict[str, Any]] = {
    "baseline.jpg": {"Q": 85},
    "progressive.jpg": {"Q": 85, "interlace": True},
    "tiled_jpeg.tif": {**_TILES, "compression": "jpeg", "Q": 85},
    "tiled_deflate.tif": {**_TILES, "compression": "deflate"},
}
"""Name of the file and how libvips writes it."""
_PROMISED = {name for name in _GIANTS if name != "progressive.jpg"}
"""A progressive JPEG has to be decoded as a whole before its first row is known."""


def main(argv: Sequence[str]) -> int:
    """Measure; answer 1 when a promised one takes more than it may."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.giants", description=__doc__)
    parser.add_argument("--tools", type=Path, default=Path(".tools/bench"), help="for the files")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the answer is kept")
    parser.add_argument("--no-save", action="store_true", help="print it only")
    asked = parser.parse_args(argv)
    found = asyncio.run(_measured(_giants(asked.tools / "giants")))
    report = "\n".join([described(datetime.now(UTC)), "", *map(str, found), ""])
    sys.stdout.write(report)
    if not asked.no_save:
        keep(report, asked.results, "-giants")
    return int(not all(each.holds for each in found))


@dataclass(frozen=True, slots=True)
class Taken:
    """What one child took for one giant."""

    file: str
    title: str
    answer: Answer
    wall_s: float

    @property
    def holds(self) -> bool:
        """Whether it took no more memory than was promised for it."""
        return self.file not in _PROMISED or self._peak_mb < _WORKS[self.title][1]

    @property
    def _peak_mb(self) -> float:
        return self.answer.peak_memory_bytes / 1e6

    def __str__(self) -> str:
        return (
            f"{self.file:20} {self.title:20} peak {self._peak_mb:6.0f} MB"
            f"   CPU {self.answer.cpu_s * 1000:6.0f} ms   wall {self.wall_s * 1000:6.0f} ms"
            f"   shrink on load {self.answer.decode_shrink}"
        )


async def _measured(files: Sequence[Path]) -> list[Taken]:
    async with Sandbox(SandboxSettings(reuse=Reuse.NEVER, spare_children=0)) as sandbox:
        return [
            await _taken(sandbox, file, title, wanted)
            for file in files
            for title, (wanted, _) in _WORKS.items()
        ]


async def _taken(sandbox: Sandbox, file: Path, title: str, wanted: Sequence[Rendition]) -> Taken:
    began = time.perf_counter()
    answer = await _rendered(sandbox, file, wanted)
    return Taken(file.name, title, answer, time.perf_counter() - began)


async def _rendered(sandbox: Sandbox, file: Path, wanted: Sequence[Rendition]) -> Answer:
    order = RenderOrder(
        limits=Limits(max_bytes=1_000_000_000),
        outputs={name: normal(parse(steps)) for name, steps in outputs(wanted).items()},
    )
    original = os.open(file, os.O_RDONLY)
    try:
        with await sandbox.render(
            original, order, owner="benchmark", timeout_s=_TIMEOUT_S
        ) as rendering:
            return rendering.answer
    finally:
        os.close(original)


def _giants(folder: Path) -> list[Path]:
    """Draw the files once: one drawn photograph, laid like tiles until it fills 100 megapixels."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = album(None, folder.parent / "pictures").large[0]
    for name, options in _GIANTS.items():
        if not (folder / name).exists():
            tile = pyvips.Image.new_from_file(str(photo.path))
            whole = tile.replicate(3, 4).crop(0, 0, _SIDE_PX, _SIDE_PX)
            whole.write_to_file(str(folder / name), **options)
    return [folder / name for name in _GIANTS]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
