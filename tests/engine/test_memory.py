"""A hundred megapixels pass through a process that stays small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import pyvips

SIDE_PX = 10_000
MOST_MB = 150

RUN = """
import os, sys
from imagemill.contracts.facts import Limits
from imagemill.engine import decode, render
from imagemill.engine.orders import RenderOrder
decode.preload()
steps = [{"op": "resize", "width": 800}, {"op": "convert", "format": "jpeg"}]
original = os.open(sys.argv[1], os.O_RDONLY)
order = RenderOrder(limits=Limits(max_bytes=10**9), outputs={"small": steps})
answer = render.render(order, original, [], [os.memfd_create("small")])
assert answer.outputs["small"].width == 800
lines = dict(line.split(":") for line in open("/proc/self/status"))
print(int(lines["VmHWM"].split()[0]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("form", ["baseline.jpg", "tiled.tif", "lines.png"])
def test_a_hundred_megapixels_need_less_than_150_mb(form: str, tmp_path: Path) -> None:
    picture = tmp_path / form
    _draw(picture)

    done = subprocess.run(
        [sys.executable, "-c", RUN, str(picture)],
        env={"VIPS_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "2"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert int(done.stdout) < MOST_MB


def _draw(picture: Path) -> None:
    """Draw waves that grow ever finer, over the whole plane."""
    plane = pyvips.Image.zone(SIDE_PX, SIDE_PX, uchar=True)
    options = {"tile": True, "compression": "jpeg"} if picture.suffix == ".tif" else {}
    options |= {"compression": 1} if picture.suffix == ".png" else {}
    plane.bandjoin([plane, plane.invert()]).copy(interpretation="srgb").write_to_file(
        str(picture), **options
    )
